"""The builder: ``service("orders").fault & (response_time > 5)``.

Each name is X-Ray's keyword, written as Python writes names; ``service_id`` is X-Ray's ``id()``, and ``element`` has
the words that stand in braces alone. A comparison makes a `Filter`; a boolean word is one.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, overload

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
    """A number keyword of whatever has it."""

    def __init__(self, keyword: str) -> None:
        self._keyword = keyword

    def __get__(self, owner: _Braces, _: type | None = None) -> NumberWord:
        return NumberWord(self._keyword, owner.where)


class _String:
    """A string keyword of whatever has it."""

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

        Args:
            filter: What is to be so.

        Raises:
            InvalidProps: The filter has a word that means nothing there.
        """

    ok: _Boolean = _Boolean("ok")
    """The response's status was of the 2xx."""
    error: _Boolean = _Boolean("error")
    """The response's status was of the 4xx."""
    throttle: _Boolean = _Boolean("throttle")
    """The response's status was 429."""
    fault: _Boolean = _Boolean("fault")
    """The response's status was of the 5xx."""
    partial: _Boolean = _Boolean("partial")
    """Some of the work is in progress."""
    response_time: _Number = _Number("responsetime")
    """Seconds that it took to answer."""
    duration: _Number = _Number("duration")
    """Seconds that it took, with all downstream calls."""
    user: _String = _String("user")
    """The user that is named."""
    availability_zone: _String = _String("availabilityzone")
    """The availability zone of the resource."""
    instance_id: _String = _String("instance.id")
    """The EC2 instance."""
    resource_arn: _String = _String("resource.arn")
    """The ARN of the resource."""

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

    root: _Boolean = _Boolean("root")
    """The request came in there."""
    inferred: _Boolean = _Boolean("inferred")
    """It is known by its caller alone: it sent no segment itself."""
    name: _String = _String("name")
    """The name of its node."""
    type: _String = _String("type")
    """The type of its node, such as ``AWS::Lambda::Function``."""

    def where(self, filter: Filter) -> Filter:
        """The service with this filter in the braces.

        Args:
            filter: What is to be so of one of its segments.

        Raises:
            InvalidProps: The filter has a word that means nothing there.
        """
        return Service(service=self.service, filter=filter)


class _Calls(_Braces):
    """Calls of one service to another."""

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
        """The edge with this filter in the braces.

        Args:
            filter: What is to be so of one of the calls.

        Raises:
            InvalidProps: The filter has a word that means nothing there.
        """
        return Edge(ends=self.ends, filter=filter)


class AnyEdge(_Calls):
    """Any call. It is no filter until a word, or `where`, says which."""

    __slots__ = ()

    def where(self, filter: Filter) -> Filter:
        """Calls with this filter in the braces.

        Args:
            filter: What is to be so of one of the calls.

        Raises:
            InvalidProps: The filter has a word that means nothing there.
        """
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
    """X-Ray's ``id()``: a service by name, by type, by account, or by several of these.

    Args:
        name: The name of its node on the trace map. Default: any.
        type: The type of its node, such as ``AWS::Lambda::Function``. Default: any.
        account_id: The account that it runs in. Default: any.

    Raises:
        InvalidProps: None of them is said.
    """
    return ServiceId(name=name, type=type, account_id=account_id)


def service(
    name: str | ServiceId | None = None, *, type: str | None = None, account_id: str | None = None
) -> ServiceFilter:
    """Traces that went through a service.

    Args:
        name: The name of its node on the trace map, or a `service_id`. Names are compared as a whole: AWS documents
            no wildcards. Default: any.
        type: The type of its node: Lambda makes two nodes of one name. Default: any.
        account_id: The account that it runs in. Default: any.

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
    """Traces in which one service called another.

    Without the two it is any call, and needs a word: ``edge().source.annotation["tenant"] == "x"``.

    Args:
        source: The one that calls: a name or a `service_id`. Default: any, where the other is left out too.
        destination: The one that is called: a name or a `service_id`. Default: any, where the other is left out too.

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
        """One of whose services is so.

        Args:
            filter: What is to be so, in the words of `element`.

        Raises:
            InvalidProps: The filter has a word that means nothing there.
        """
        return RootCause("rootcause.fault.service", filter)

    def entity(self, filter: Filter) -> Filter:
        """One of whose segments and subsegments is so.

        Args:
            filter: What is to be so, in the words of `element`.

        Raises:
            InvalidProps: The filter has a word that means nothing there.
        """
        return RootCause("rootcause.fault.entity", filter)

    def exception(self, filter: Filter) -> Filter:
        """One of whose exceptions is so.

        Args:
            filter: What is to be so, in the words of `element`.

        Raises:
            InvalidProps: The filter has a word that means nothing there.
        """
        return RootCause("rootcause.fault.exception", filter)


class _ResponseTimes:
    """Root causes of the response time."""

    def service(self, filter: Filter) -> Filter:
        """One of whose services is so.

        Args:
            filter: What is to be so, in the words of `element`.

        Raises:
            InvalidProps: The filter has a word that means nothing there.
        """
        return RootCause("rootcause.responsetime.service", filter)

    def entity(self, filter: Filter) -> Filter:
        """One of whose segments and subsegments is so.

        Args:
            filter: What is to be so, in the words of `element`.

        Raises:
            InvalidProps: The filter has a word that means nothing there.
        """
        return RootCause("rootcause.responsetime.entity", filter)


class _RootCauses:
    """Traces by where their failure, or most of their time, came from."""

    fault: _Faults = _Faults()
    """Root causes of faults: ``root_cause.fault.service``, ``entity`` and ``exception`` take a filter each."""
    response_time: _ResponseTimes = _ResponseTimes()
    """Root causes of the response time: ``service`` and ``entity`` take a filter each."""

    def json(self, cause: Mapping[str, Any]) -> Filter:
        """Traces with a root cause of which each field given here is the same, as GetTraceSummaries gives it.

        Args:
            cause: The fields, as in https://docs.aws.amazon.com/xray/latest/api/API_TraceSummary.html.

        Raises:
            InvalidProps: It has a field that X-Ray's root causes lack.
        """
        return RootCauseJson(json.dumps(cause, ensure_ascii=False))


class _GroupWord:
    """What a group is told by."""

    def __init__(self, keyword: str) -> None:
        self._keyword = keyword

    def __eq__(self, other: object) -> Filter:  # type: ignore[override]  # that a comparison gives a filter is the point
        return InGroup(self._keyword, self._text(other))

    def __ne__(self, other: object) -> Filter:  # type: ignore[override]  # as above
        return InGroup(self._keyword, self._text(other), wanted=False)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # == does not say whether two words are the same

    def _text(self, other: object) -> str:
        if not isinstance(other, str):
            raise InvalidProps(f"{self._keyword} is compared with a string, got {other!r}")
        return other


class _Groups:
    """Traces that are in a group, or not: ``group.name == "slow"``."""

    name: _GroupWord = _GroupWord("group.name")
    """The group's name, compared with ``==`` or ``!=``."""
    arn: _GroupWord = _GroupWord("group.arn")
    """The group's ARN, compared with ``==`` or ``!=``."""


class _Element:
    """Words that stand in braces alone: of a service, or of the services, entities and exceptions of a root cause."""

    first: Is = Is("first")
    """It is the first of its list."""
    last: Is = Is("last")
    """It is the last of its list."""
    remote: Is = Is("remote")
    """It is a call to another service."""
    root: Is = Is("root")
    """The request came in there."""
    inferred: Is = Is("inferred")
    """The service is known by its caller alone."""
    index: NumberWord = NumberWord("index")
    """Its place in its list, counted from 0."""
    coverage: NumberWord = NumberWord("coverage")
    """Its share of the response time of the root, from 0 to 1."""
    name: StringWord = StringWord("name")
    """Its name."""
    type: StringWord = StringWord("type")
    """Its type, such as ``AWS::Lambda::Function``."""
    message: StringWord = StringWord("message")
    """The message of an exception."""


ok: Is = Is("ok")
"""The response's status was of the 2xx."""
error: Is = Is("error")
"""The response's status was of the 4xx."""
throttle: Is = Is("throttle")
"""The response's status was 429."""
fault: Is = Is("fault")
"""The response's status was of the 5xx."""
partial: Is = Is("partial")
"""Some of the work is in progress."""
inferred: Is = Is("inferred")
"""A service is known by its caller alone: it sent no segment itself."""
response_time: NumberWord = NumberWord("responsetime")
"""Seconds that the entry point took to answer."""
duration: NumberWord = NumberWord("duration")
"""Seconds of the whole request, with all downstream calls."""
user: StringWord = StringWord("user")
"""The user that the request's segments name."""
availability_zone: StringWord = StringWord("availabilityzone")
"""The availability zone that a segment's resource is in."""
instance_id: StringWord = StringWord("instance.id")
"""The EC2 instance that a segment comes from."""
resource_arn: StringWord = StringWord("resource.arn")
"""The ARN of a resource that took part."""
http: HttpWords = HttpWords()
"""What the request and its response say: ``http.status``, ``http.url``, ``http.method`` and more."""
annotation: AnnotationWords = AnnotationWords()
"""Annotations by their key: ``annotation["tenant"] == "x"``."""
source: _End = _End("source")
"""The service that calls: ``source.annotation["tenant"] == "x"``."""
destination: _End = _End("destination")
"""The service that is called."""
root_cause: _RootCauses = _RootCauses()
"""Where a failure, or most of the time, came from: ``root_cause.fault.service(element.name == "orders")``."""
group: _Groups = _Groups()
"""Traces that are in a group, or not: ``group.name == "slow"``."""
element: _Element = _Element()
"""Words that stand in braces alone: of a service, or of the parts of a root cause."""
