"""The service map: nodes with what they counted, and the calls between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table
from rich.text import Text

from raytrail.cli._terminal import clean

Key = tuple[str, str]
"""Name and type of a node."""


@dataclass
class Counted:
    """Requests of a node or an edge, with how they ended and how long they took."""

    total: int = 0
    errors: int = 0
    throttles: int = 0
    faults: int = 0
    seconds: float = 0.0

    def add(self, statistics: Mapping[str, Any]) -> None:
        """Count what X-Ray counted in another piece of time."""
        errors = statistics.get("ErrorStatistics") or {}
        self.total += statistics.get("TotalCount") or 0
        self.errors += errors.get("TotalCount") or 0
        self.throttles += errors.get("ThrottleCount") or 0
        self.faults += (statistics.get("FaultStatistics") or {}).get("TotalCount") or 0
        self.seconds += statistics.get("TotalResponseTime") or 0.0

    @property
    def average_ms(self) -> float | None:
        """Milliseconds of a request on average; None where none was counted."""
        return self.seconds / self.total * 1000 if self.total else None

    def share(self, count: int) -> str:
        """A count with its share of the requests."""
        return f"{count} ({count / self.total:.0%})" if count and self.total else str(count)

    def as_json(self) -> dict[str, Any]:
        """The counts for a program."""
        return {
            "requests": self.total,
            "errors": self.errors,
            "throttles": self.throttles,
            "faults": self.faults,
            "average_ms": None if self.average_ms is None else round(self.average_ms, 3),
        }


@dataclass
class ServiceMap:
    """The graphs of one or more pieces of time as one."""

    nodes: dict[Key, Counted] = field(default_factory=dict)
    edges: dict[tuple[Key, Key], Counted] = field(default_factory=dict)

    @classmethod
    def merge(cls, graphs: Iterable[Iterable[Mapping[str, Any]]]) -> ServiceMap:
        """Put together what GetServiceGraph, or GetTraceGraph, answered."""
        made = cls()
        for graph in graphs:
            services = list(graph)
            key_of = {service["ReferenceId"]: _key(service) for service in services if "ReferenceId" in service}
            for service in services:
                key = _key(service)
                made.nodes.setdefault(key, Counted()).add(service.get("SummaryStatistics") or {})
                for edge in service.get("Edges") or ():
                    if (target := key_of.get(edge.get("ReferenceId"))) is not None:
                        counted = made.edges.setdefault((key, target), Counted())
                        counted.add(edge.get("SummaryStatistics") or {})
        return made

    def as_json(self) -> dict[str, Any]:
        """The map for a program: nodes and edges, which name their ends by name and type."""
        return {
            "nodes": [{**_named(key), **counted.as_json()} for key, counted in self.nodes.items()],
            "edges": [
                {"from": _named(source), "to": _named(target), **counted.as_json()}
                for (source, target), counted in self.edges.items()
            ],
        }


def map_table(found: ServiceMap, plain: bool) -> Table:
    """A line for each node, callers first, and under it one for each node that it calls."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("NODE", overflow="fold")
    table.add_column("TYPE", overflow="fold")
    for heading in ("REQUESTS", "ERRORS", "FAULTS", "AVERAGE MS"):
        table.add_column(heading, justify="right", no_wrap=True)
    arrow = "  -> " if plain else "  └▶ "
    for node in _callers_first(found):
        counted = found.nodes[node]
        # X-Ray counts nothing at clients: what they sent is in their edges.
        cells = _cells(counted) if counted.total else ("", "", "", "")
        table.add_row(Text(clean(node[0]), style="bold"), Text(clean(node[1])), *cells)
        for (source, target), calls in found.edges.items():
            if source == node:
                table.add_row(
                    Text(arrow + clean(target[0]), style="dim"), Text(clean(target[1]), style="dim"), *_cells(calls)
                )
    return table


def _cells(counted: Counted) -> tuple[Text, ...]:
    average = counted.average_ms
    return (
        Text(str(counted.total)),
        Text(counted.share(counted.errors), style="yellow" if counted.errors else ""),
        Text(counted.share(counted.faults), style="bold red" if counted.faults else ""),
        Text("-" if average is None else f"{average:.1f}"),
    )


def _callers_first(found: ServiceMap) -> list[Key]:
    """The nodes in an order in which one follows a request; a circle is entered anywhere."""
    called = {target for source, target in found.edges if source != target}
    ordered: dict[Key, None] = {}
    waiting = [node for node in reversed(found.nodes) if node in called]
    waiting += [node for node in reversed(found.nodes) if node not in called]
    while waiting:
        node = waiting.pop()
        if node not in ordered:
            ordered[node] = None
            waiting += [target for source, target in reversed(found.edges) if source == node]
    return list(ordered)


def _key(service: Mapping[str, Any]) -> Key:
    return service.get("Name") or "(no name)", service.get("Type") or ""


def _named(key: Key) -> dict[str, str]:
    return {"name": key[0], "type": key[1]}
