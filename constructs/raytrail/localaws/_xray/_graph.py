"""The service graph: the nodes that a set of traces went through, and the calls between them.

The form is that of the graph in https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from raytrail.traces import Span, Trace

_Key = tuple[str, str]
"""A node: its name and its type."""

_CLIENT = "client"


@dataclass
class _Seen:
    """What was counted for one node, or for one edge in the caller's view."""

    spans: list[Span] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    """For an edge from a producer to a consumer: the seconds that each event waited."""

    def statistics(self) -> dict[str, Any]:
        # What is in progress has no outcome yet.
        done = [span for span in self.spans if not span.in_progress]
        faults = sum(span.fault for span in done)
        throttles = sum(span.throttle for span in done)
        errors = sum(span.error and not span.fault for span in done)
        return {
            "OkCount": len(done) - faults - errors,
            "ErrorStatistics": {
                "ThrottleCount": throttles,
                "OtherCount": max(errors - throttles, 0),
                "TotalCount": errors,
            },
            "FaultStatistics": {"OtherCount": faults, "TotalCount": faults},
            "TotalCount": len(done),
            "TotalResponseTime": round(sum(span.duration for span in done), 6),
        }

    def histogram(self) -> list[dict[str, Any]]:
        return _histogram(span.duration for span in self.spans if not span.in_progress)

    def times(self) -> dict[str, float]:
        return {
            "StartTime": min(span.start for span in self.spans),
            "EndTime": max(span.start + span.duration for span in self.spans),
        }

    def edge(self, reference: int) -> dict[str, Any]:
        """This as an ``Edge`` to the node of that number."""
        common = {"ReferenceId": reference, **self.times(), "SummaryStatistics": self.statistics(), "Aliases": []}
        if self.ages:
            # Nobody waits for the answer: such an edge has no response times.
            return common | {"EdgeType": "link", "ReceivedEventAgeHistogram": _histogram(self.ages)}
        return common | {"ResponseTimeHistogram": self.histogram()}


def services(traces: Iterable[Trace], account_id: str) -> list[dict[str, Any]]:
    """The ``Services`` of GetServiceGraph and GetTraceGraph, with a ``client`` node before each entry point."""
    traces = list(traces)
    nodes: dict[_Key, _Seen] = {}
    edges: dict[tuple[_Key, _Key], _Seen] = {}
    links: dict[tuple[_Key, _Key], _Seen] = {}
    roots: set[_Key] = set()
    for trace in traces:
        for node in trace.services:
            nodes.setdefault((node.name, node.type), _Seen()).spans += node.segments
        for edge in trace.edges:
            ends = (edge.source.name, edge.source.type), (edge.target.name, edge.target.type)
            edges.setdefault(ends, _Seen()).spans += edge.calls
    linked = set()
    for producer, consumer, segment, age in _links(traces):
        link = links.setdefault((producer, consumer), _Seen())
        link.spans.append(segment)
        link.ages.append(age)
        linked.add(segment)
    for root in (root for trace in traces for root in trace.roots if root.is_segment and root not in linked):
        key, source = (root.service, root.type), (root.service, _CLIENT)
        roots.add(key)
        nodes.setdefault(source, _Seen()).spans.append(root)
        edges.setdefault((source, key), _Seen()).spans.append(root)
    reference = {key: number for number, key in enumerate(nodes)}
    return [
        {
            "ReferenceId": reference[key],
            "Name": key[0],
            "Names": [key[0]],
            **({"Root": True} if key in roots else {}),
            **({} if key[1] == _CLIENT else {"AccountId": account_id}),
            **({"Type": key[1]} if key[1] else {}),
            # Of a service that sends no segments X-Ray knows only what its callers say.
            "State": "unknown" if key[1] == _CLIENT or all(span.inferred for span in seen.spans) else "active",
            **seen.times(),
            "Edges": [
                edge.edge(reference[target])
                for (source, target), edge in [*edges.items(), *links.items()]
                if source == key
            ],
            **(
                {}
                if key[1] == _CLIENT
                else {
                    "SummaryStatistics": seen.statistics(),
                    "DurationHistogram": seen.histogram(),
                    "ResponseTimeHistogram": seen.histogram(),
                }
            ),
        }
        for key, seen in nodes.items()
    ]


def _links(traces: list[Trace]) -> Iterator[tuple[_Key, _Key, Span, float]]:
    """For each segment that a span link ties to a span of one of the traces: both nodes, it, and how long it waited."""
    spans = {(trace.id, span.id): (trace, span) for trace in traces for span, _ in trace.spans()}
    for trace in traces:
        for segment in trace.segments:
            for link in segment.document.get("links", ()):
                found = spans.get((link.get("trace_id"), link.get("id")))
                if found and found[0] is not trace:
                    producer = found[0].segment_of(found[1])
                    age = max(segment.start - found[1].start - found[1].duration, 0.0)
                    yield (producer.service, producer.type), (segment.service, segment.type), segment, age


def _histogram(seconds: Iterable[float]) -> list[dict[str, Any]]:
    counted = Counter(round(each, 3) for each in seconds)
    return [{"Value": value, "Count": count} for value, count in sorted(counted.items())]
