"""Which traces a filter selects, asked of a trace that one has.

Where https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html says less than one has to know, this
is decided as follows, and may differ from X-Ray:

- *Without braces* a keyword speaks of the request as a whole: ``ok``, ``error``, ``fault``, ``responsetime`` and
  ``http.*`` of the entry point, ``duration`` of everything, ``throttle`` and ``partial`` of any segment document (as
  ``HasThrottle`` and ``IsPartial`` in https://docs.aws.amazon.com/xray/latest/api/API_TraceSummary.html), ``inferred``
  of any segment, and ``user``, ``availabilityzone``, ``instance.id``, ``resource.arn`` and annotations of any of them.
- *In service() { }* the filter as a whole applies to one segment of the service, with the annotations of its
  subsegments; *in edge() { }* to one call as the caller saw it, with the annotations of the call and of the called
  segment. ``source.`` and ``destination.`` are all segments of the node at that end.
- *A service has the name of its node* on the trace map, so a call to DynamoDB is found by the table. An account is
  that of ``aws.account_id`` or of the ARN of the resource.
- *What is not there* matches no comparison, not even ``!=``; nor does a value of another type. With several values,
  one that matches is enough. The time of work in progress is not there.
- *Strings* are compared with upper and lower case as they are, and without wildcards.
- ``ok`` is: no fault, error or throttle, and a status of 2XX where there is one.
- *Root causes*: see `raytrail.traces._root_causes`. ``index`` counts from 0, and the elements of an entity or an
  exception are those of one service or of one entity. In ``rootcause.json`` lists are the same when they are equally
  long and alike entry by entry.
- *The group* ``Default`` has every trace.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from raytrail.errors import InvalidProps
from raytrail.traces._filter_blocks import Edge, InGroup, RootCause, RootCauseJson, Service, ServiceId
from raytrail.traces._filter_keywords import Value, is_number
from raytrail.traces._filter_model import And, Annotation, Comparison, Filter, Is, IsSet, Or
from raytrail.traces._filter_seen import Seen, calls, elements, requests, whole
from raytrail.traces._root_causes import account_of, is_like, root_causes
from raytrail.traces._service_map import ServiceNode
from raytrail.traces._trace import Trace

_ORDERED: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SEARCHED: Mapping[str, Callable[[str, str], bool]] = {
    "CONTAINS": operator.contains,
    "BEGINSWITH": str.startswith,
    "ENDSWITH": str.endswith,
}


def matches(filter: Filter, trace: Trace, groups: Mapping[str, Filter]) -> bool:
    """Whether the filter selects the trace. See `Filter.matches`."""
    filter.check()
    return _Question(trace, groups).holds(filter, whole(trace))


@dataclass(frozen=True, slots=True)
class _Question:
    """A trace, the groups that are known, and those that are being asked about."""

    trace: Trace
    groups: Mapping[str, Filter]
    asking: tuple[str, ...] = ()

    def holds(self, filter: Filter, seen: Seen) -> bool:
        """Whether the filter is true of what is seen."""
        match filter:
            case And(filters):
                answer = all(self.holds(each, seen) for each in filters)
            case Or(filters):
                answer = any(self.holds(each, seen) for each in filters)
            case Is(keyword, wanted):
                answer = any(value is True for value in seen.values(keyword)) is wanted
            case IsSet(subject, wanted):
                answer = any(value is not False for value in _values(seen, subject)) is wanted
            case Comparison(subject, op, value):
                answer = any(_compare(found, op, value) for found in _values(seen, subject))
            case Service():
                answer = self._any(filter.filter, self._segments(filter)) is filter.wanted
            case Edge():
                answer = self._any(filter.filter, self._calls(filter)) is filter.wanted
            case RootCause(keyword, inner):
                answer = self._any(inner, self._elements(keyword))
            case RootCauseJson():
                answer = self._has_cause_like(filter) is filter.wanted
            case InGroup():
                answer = self._is_in_group(filter.group) is filter.wanted
            case _:
                raise AssertionError(f"a kind of filter that has no meaning yet: {type(filter).__name__}")
        return answer

    def _any(self, filter: Filter | None, things: Iterable[Seen]) -> bool:
        return any(filter is None or self.holds(filter, seen) for seen in things)

    def _segments(self, filter: Service) -> Iterator[Seen]:
        for node in self.trace.services:
            if _is(node, filter.service):
                yield from requests(self.trace, node)

    def _calls(self, filter: Edge) -> Iterator[Seen]:
        source, destination = filter.ends or (None, None)
        for edge in self.trace.edges:
            if _is(edge.source, source) and _is(edge.target, destination):
                yield from calls(self.trace, edge)

    def _elements(self, keyword: str) -> Iterator[Seen]:
        _, of, level = keyword.split(".")
        for cause in root_causes(self.trace, "fault" if of == "fault" else "responsetime"):
            yield from elements(cause, level)

    def _has_cause_like(self, filter: RootCauseJson) -> bool:
        asked = filter.cause
        return any(
            is_like(asked, cause) for of in ("fault", "error", "responsetime") for cause in root_causes(self.trace, of)
        )

    def _is_in_group(self, group: str) -> bool:
        key = group if group in self.groups else next((key for key in self.groups if _group_name(key) == group), None)
        if key is None:
            if _group_name(group) == "Default":
                return True
            known = ", ".join(sorted(self.groups)) or "none"
            raise InvalidProps(f"the filter names the group {group!r}, which is not among the groups given: {known}")
        if key in self.asking:
            raise InvalidProps(f"groups name each other in a circle: {' -> '.join((*self.asking, key))}")
        self.groups[key].check()
        deeper = _Question(self.trace, self.groups, (*self.asking, key))
        return deeper.holds(self.groups[key], whole(self.trace))


def _group_name(name_or_arn: str) -> str:
    """The name in ``arn:aws:xray:REGION:ACCOUNT:group/NAME/ID``; a name itself."""
    _, is_arn, path = name_or_arn.partition(":group/")
    return path.split("/")[0] if is_arn else name_or_arn


def _is(node: ServiceNode, asked: ServiceId | None) -> bool:
    if asked is None:
        return True
    return (
        asked.name in (None, node.name)
        and asked.type in (None, node.type)
        and (asked.account_id is None or asked.account_id in map(account_of, node.segments))
    )


def _values(seen: Seen, subject: str | Annotation) -> Iterable[Value]:
    if isinstance(subject, Annotation):
        return seen.annotations(subject.side).get(subject.key, ())
    return seen.values(subject)


def _compare(found: Value, op: str, value: Value) -> bool:
    if op in _ORDERED:
        # Only numbers are compared by order, which the filter has seen to.
        return is_number(found) and _ORDERED[op](float(found), float(value))
    if op in _SEARCHED:
        return isinstance(found, str) and _SEARCHED[op](found, str(value))
    if not ((is_number(found) and is_number(value)) or type(found) is type(value)):
        return False
    return (found == value) is (op == "=")
