"""The builder: ``service("orders").fault & (response_time > 5)``.

Each name is X-Ray's keyword, written as Python writes names; ``service_id`` is X-Ray's ``id()``, and ``element`` has
the words that stand in braces alone. A comparison makes a `Filter`; a boolean word is one.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, overload

from raytrail.errors import InvalidProps
from raytrail.traces._filter_blocks import Edge, InGroup, RootCause, RootCauseJson, Service, ServiceId
from raytrail.traces._filter_model import Filter, Is
from raytrail.traces._filter_words import AnnotationWords, HttpWords, NumberWord, StringWord, Within, as_it_is


class _Boolean:
    """A boolean keyword of whatever has it."""

    def __init__(self, keyword: str) -> None:
        self._filter = Is(keyword)

    def __get__(self, owner: _Braces, _: type | None = None) -> Filter:
        return owner.where(self._filter)


class _Number:
    def __init__(self, keyword: str) -> None:
        self._keyword = keyword

    def __get__(self, owner: _Braces, _: type | None = None) -> NumberWord:
        return NumberWord(self._keyword, owner.where)


class _String:
    def __init__(self, keyword: str) -> None:
        self._keyword = keyword

    def __get__(self, owner: _Braces, _: type | None = None) -> StringWord:
        return StringWord(self._keyword, owner.where)


class _Braces(ABC):
    """What has braces. Each word makes the whole: ``service("a").fault`` is ``service("a") { fault }``."""

    __slots__ = ()

    @abstractmethod
    def where(self, filter: Filter) -> Filter:
        """The whole with this filter in the braces.

        Raises:
            InvalidProps: The filter has a word that means nothing there.
        """

    ok = _Boolean("ok")
    error = _Boolean("error")
    throttle = _Boolean("throttle")
    fault = _Boolean("fault")
    partial = _Boolean("partial")
    response_time = _Number("responsetime")
    duration = _Number("duration")
    user = _String("user")
    availability_zone = _String("availabilityzone")
    instance_id = _String("instance.id")
    resource_arn = _String("resource.arn")

    @property
    def http(self) -> HttpWords:
        """What the request and its response say."""
        return HttpWords(self.where)

    @property
    def annotation(self) -> AnnotationWords:
        """The annotations of its segments."""
        return AnnotationWords(within=self.where)


class ServiceFilter(Service, _Braces):
    """A service; with a word, or `where`, those of its segments that are so."""

    __slots__ = ()

    root = _Boolean("root")
    inferred = _Boolean("inferred")
    name = _String("name")
    type = _String("type")

    def where(self, filter: Filter) -> Filter:
        """The service with this filter in the braces."""
        return Service(service=self.service, filter=filter)


class _Calls(_Braces):
    __slots__ = ()

    @property
    def source(self) -> _End:
        """The service that calls."""
        return _End("source", self.where)

    @property
    def destination(self) -> _End:
        """The service that is called."""
        return _End("destination", self.where)


class EdgeFilter(Edge, _Calls):
    """Calls of one service to another; with a word, or `where`, those that are so."""

    __slots__ = ()

    def where(self, filter: Filter) -> Filter:
        """The edge with this filter in the braces."""
        return Edge(ends=self.ends, filter=filter)


class AnyEdge(_Calls):
    """Any call. It is no filter until a word, or `where`, says which."""

    __slots__ = ()

    def where(self, filter: Filter) -> Filter:
        """Calls with this filter in the braces."""
        return Edge(filter=filter)


class _End:
    """An end of an edge."""

    __slots__ = ("_side", "_within")

    def __init__(self, side: str, within: Within = as_it_is) -> None:
        self._side = side
        self._within = within

    @property
    def annotation(self) -> AnnotationWords:
        """The annotations of the service at this end."""
        return AnnotationWords(self._side, self._within)


def service_id(name: str | None = None, *, type: str | None = None, account_id: str | None = None) -> ServiceId:
    """X-Ray's ``id()``: a service by name, by type such as ``AWS::Lambda::Function``, or by account.

    Raises:
        InvalidProps: None of them is said.
    """
    return ServiceId(name=name, type=type, account_id=account_id)


def service(
    name: str | ServiceId | None = None, *, type: str | None = None, account_id: str | None = None
) -> ServiceFilter:
    """Traces that went through a service (default: any).

    Args:
        name: The name of its node on the trace map, or a `service_id`. Names are compared as a whole: AWS documents
            no wildcards.
        type: The type of its node: Lambda makes two nodes of one name.
        account_id: The account that it runs in.

    Raises:
        InvalidProps: A type or an account is said beside a `service_id`.
    """
    if isinstance(name, ServiceId):
        if type is not None or account_id is not None:
            raise InvalidProps(f"service_id() says name, type and account itself, got {name} and another beside it")
        return ServiceFilter(service=name)
    if name is None and type is None and account_id is None:
        return ServiceFilter()
    return ServiceFilter(service=ServiceId(name=name, type=type, account_id=account_id))


@overload
def edge() -> AnyEdge: ...
@overload
def edge(source: str | ServiceId, destination: str | ServiceId) -> EdgeFilter: ...
def edge(source: str | ServiceId | None = None, destination: str | ServiceId | None = None) -> AnyEdge | EdgeFilter:
    """Traces in which one service called another, each a name or a `service_id`.

    Without the two it is any call, and needs a word: ``edge().source.annotation["tenant"] == "x"``.

    Raises:
        InvalidProps: One end is said, and not the other.
    """
    if source is None and destination is None:
        return AnyEdge()
    if source is None or destination is None:
        raise InvalidProps(f"an edge has two ends, got {source or destination} alone")
    ends = tuple(each if isinstance(each, ServiceId) else ServiceId(name=each) for each in (source, destination))
    return EdgeFilter(ends=(ends[0], ends[1]))


class _Faults:
    """Root causes of faults."""

    def service(self, filter: Filter) -> Filter:
        """One of whose services is so."""
        return RootCause("rootcause.fault.service", filter)

    def entity(self, filter: Filter) -> Filter:
        """One of whose segments and subsegments is so."""
        return RootCause("rootcause.fault.entity", filter)

    def exception(self, filter: Filter) -> Filter:
        """One of whose exceptions is so."""
        return RootCause("rootcause.fault.exception", filter)


class _ResponseTimes:
    """Root causes of the response time."""

    def service(self, filter: Filter) -> Filter:
        """One of whose services is so."""
        return RootCause("rootcause.responsetime.service", filter)

    def entity(self, filter: Filter) -> Filter:
        """One of whose segments and subsegments is so."""
        return RootCause("rootcause.responsetime.entity", filter)


class _RootCauses:
    """Traces by where their failure, or most of their time, came from."""

    fault = _Faults()
    response_time = _ResponseTimes()

    def json(self, cause: Mapping[str, Any]) -> Filter:
        """Traces with a root cause of which each field given here is the same, as GetTraceSummaries gives it.

        Raises:
            InvalidProps: It has a field that X-Ray's root causes lack.
        """
        return RootCauseJson(json.dumps(cause, ensure_ascii=False))


class _GroupWord:
    def __init__(self, keyword: str) -> None:
        self._keyword = keyword

    def __eq__(self, other: object) -> Filter:  # type: ignore[override]  # that a comparison gives a filter is the point
        return InGroup(self._keyword, self._text(other))

    def __ne__(self, other: object) -> Filter:  # type: ignore[override]  # as above
        return InGroup(self._keyword, self._text(other), wanted=False)

    __hash__ = None  # type: ignore[assignment]  # == does not say whether two words are the same

    def _text(self, other: object) -> str:
        if not isinstance(other, str):
            raise InvalidProps(f"{self._keyword} is compared with a string, got {other!r}")
        return other


class _Groups:
    """Traces that are in a group, or not: ``group.name == "slow"``."""

    name = _GroupWord("group.name")
    arn = _GroupWord("group.arn")


class _Element:
    """Words that stand in braces alone: of a service, or of the services, entities and exceptions of a root cause."""

    first = Is("first")
    last = Is("last")
    remote = Is("remote")
    root = Is("root")
    inferred = Is("inferred")
    index = NumberWord("index")
    coverage = NumberWord("coverage")
    name = StringWord("name")
    type = StringWord("type")
    message = StringWord("message")


ok, error, throttle, fault, partial, inferred = map(Is, ("ok", "error", "throttle", "fault", "partial", "inferred"))
response_time = NumberWord("responsetime")
"""Seconds that the entry point took to answer."""
duration = NumberWord("duration")
"""Seconds of the whole request, with all downstream calls."""
user = StringWord("user")
availability_zone = StringWord("availabilityzone")
instance_id = StringWord("instance.id")
resource_arn = StringWord("resource.arn")
http = HttpWords()
annotation = AnnotationWords()
source = _End("source")
destination = _End("destination")
root_cause = _RootCauses()
group = _Groups()
element = _Element()
