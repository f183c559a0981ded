"""Many patterns at once: which of them an event matches, without trying them all on each event.

Patterns lie under the names of the calls that they are for, or under the services where they name no call; those that
ask in another way (a prefix, a wildcard, another case) are tried on each name once. Whatever a pattern asks of an
event's source, detail-type, service and call is so decided once for each combination of them that occurs, and
remembered; only what is left of the few patterns that remain is evaluated on the event. A real log has some hundred
combinations in a million records.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from raytrail.replay._patterns import Leaf, Path, Pattern, leaves_match

Key = TypeVar("Key", bound=Hashable)

_ROUTE: tuple[Path, ...] = (
    ("source",),
    ("detail-type",),
    ("detail", "eventSource"),
    ("detail", "eventName"),
)
_SERVICE, _CALL = 2, 3
_Route: TypeAlias = tuple[str, str, str, str]
_MOST_ROUTES = 1 << 16
"""Combinations that are remembered. Whoever makes up names of calls must not fill the memory."""


class _Entry(NamedTuple):
    number: int
    key: Any
    route: tuple[Leaf | None, ...]
    rest: tuple[Leaf, ...]


class PatternIndex(Generic[Key]):
    """Patterns by key; a key may have several, any of which must match.

    Args:
        patterns: Each with its key.
    """

    def __init__(self, patterns: Iterable[tuple[Key, Pattern]]) -> None:
        self._entries: list[_Entry] = []
        self._by_call: dict[str, list[_Entry]] = {}
        self._by_service: dict[str, list[_Entry]] = {}
        self._others: list[_Entry] = []
        combinations = ((key, leaves) for key, pattern in patterns for leaves in pattern.combinations)
        for number, (key, leaves) in enumerate(combinations):
            by_path = {leaf.path: leaf for leaf in leaves}
            route = tuple(by_path.get(path) for path in _ROUTE)
            rest = tuple(leaf for leaf in leaves if leaf.path not in _ROUTE)
            entry = _Entry(number, key, route, rest)
            self._entries.append(entry)
            self._file(entry)
        self._by_route: dict[_Route, list[_Entry]] = {}

    def _file(self, entry: _Entry) -> None:
        for place, by_word in ((_CALL, self._by_call), (_SERVICE, self._by_service)):
            leaf = entry.route[place]
            if leaf is not None and leaf.words is not None:
                for word in leaf.words:
                    by_word.setdefault(word, []).append(entry)
                return
        self._others.append(entry)

    def matching(self, event: Mapping[str, Any]) -> list[Key]:
        """The keys whose patterns an event matches, each once, in the order given.

        Args:
            event: An event, whole.
        """
        found: dict[Key, None] = {}
        for _, key, _, rest in self._candidates(event):
            if key not in found and (not rest or leaves_match(rest, event)):
                found[key] = None
        return list(found)

    def _candidates(self, event: Mapping[str, Any]) -> list[_Entry]:
        """The entries whose asks of the route the event meets."""
        route = _route_of(event)
        if route is None:
            return self._meeting_route(self._entries, event)
        known = self._by_route.get(route)
        if known is None:
            _, _, service, call = route
            filed = [*self._by_call.get(call, ()), *self._by_service.get(service, ()), *self._others]
            filed.sort(key=lambda entry: entry.number)
            if len(self._by_route) >= _MOST_ROUTES:
                self._by_route.clear()
            known = self._by_route[route] = self._meeting_route(filed, event)
        return known

    @staticmethod
    def _meeting_route(entries: Iterable[_Entry], event: Mapping[str, Any]) -> list[_Entry]:
        return [entry for entry in entries if leaves_match([leaf for leaf in entry.route if leaf is not None], event)]


def _route_of(event: Mapping[str, Any]) -> _Route | None:
    """The texts at the paths of the route; None where one is missing or none, as in nothing that CloudTrail sends."""
    detail = event.get("detail")
    if not isinstance(detail, dict):
        return None
    source, kind = event.get("source"), event.get("detail-type")
    service, call = detail.get("eventSource"), detail.get("eventName")
    if isinstance(source, str) and isinstance(kind, str) and isinstance(service, str) and isinstance(call, str):
        return source, kind, service, call
    return None
