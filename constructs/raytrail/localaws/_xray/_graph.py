"""The service graph: the nodes that a set of traces went through, and the calls between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from raytrail.localaws._xray._documents import Document, ended
from raytrail.localaws._xray._ids import service_type
from raytrail.localaws._xray._traces import Trace

_Key = tuple[str, str | None]


@dataclass
class _Seen:
    """What was counted for one node or edge."""

    segments: list[Document] = field(default_factory=list)
    end_user: bool = False

    def statistics(self) -> dict[str, Any]:
        faults = sum(bool(segment.get("fault")) for segment in self.segments)
        throttles = sum(bool(segment.get("throttle")) for segment in self.segments)
        errors = sum(bool(segment.get("error")) and not segment.get("fault") for segment in self.segments)
        total = len(self.segments)
        return {
            "OkCount": total - faults - errors,
            "ErrorStatistics": {
                "ThrottleCount": throttles,
                "OtherCount": max(errors - throttles, 0),
                "TotalCount": errors,
            },
            "FaultStatistics": {"OtherCount": faults, "TotalCount": faults},
            "TotalCount": total,
            "TotalResponseTime": sum(_seconds(segment) for segment in self.segments),
        }

    def histogram(self) -> list[dict[str, Any]]:
        counted = Counter(round(_seconds(segment), 3) for segment in self.segments)
        return [{"Value": value, "Count": count} for value, count in sorted(counted.items())]

    def span(self) -> dict[str, float]:
        return {
            "StartTime": min(segment["start_time"] for segment in self.segments),
            "EndTime": max(ended(segment) for segment in self.segments),
        }


def services(traces: Iterable[Trace], account_id: str) -> list[dict[str, Any]]:
    """The ``Services`` of GetServiceGraph and GetTraceGraph, with a ``client`` node before each entry point."""
    nodes: dict[_Key, _Seen] = {}
    edges: dict[tuple[_Key, _Key], _Seen] = {}
    roots: set[_Key] = set()
    for trace in traces:
        for segment in trace.segments:
            key = (segment["name"], service_type(segment))
            nodes.setdefault(key, _Seen()).segments.append(segment)
            caller = trace.owner.get(segment.get("parent_id", ""))
            if caller is None:
                roots.add(key)
                source: _Key = (segment["name"], "client")
                nodes.setdefault(source, _Seen(end_user=True)).segments.append(segment)
            else:
                source = (caller["name"], service_type(caller))
            edges.setdefault((source, key), _Seen()).segments.append(segment)
    reference = {key: number for number, key in enumerate(nodes)}
    return [
        {
            "ReferenceId": reference[key],
            "Name": key[0],
            "Names": [key[0]],
            **({"Root": True} if key in roots else {}),
            **({} if seen.end_user else {"AccountId": account_id}),
            **({"Type": key[1]} if key[1] else {}),
            "State": "active",
            **seen.span(),
            "Edges": [
                {
                    "ReferenceId": reference[target],
                    **edge.span(),
                    "SummaryStatistics": edge.statistics(),
                    "ResponseTimeHistogram": edge.histogram(),
                    "Aliases": [],
                }
                for (source, target), edge in edges.items()
                if source == key
            ],
            **(
                {}
                if seen.end_user
                else {
                    "SummaryStatistics": seen.statistics(),
                    "DurationHistogram": seen.histogram(),
                    "ResponseTimeHistogram": seen.histogram(),
                }
            ),
        }
        for key, seen in nodes.items()
    ]


def _seconds(segment: Document) -> float:
    return ended(segment) - float(segment["start_time"])
