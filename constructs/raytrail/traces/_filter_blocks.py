"""The parts of a filter that stand in no braces: services, edges, root causes and groups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raytrail.errors import InvalidProps
from raytrail.traces._filter_keywords import (
    EQUAL,
    GROUPS,
    ROOT_CAUSE_JSON,
    ROOT_CAUSES,
    UNEQUAL,
    Scope,
    as_text,
    check_scope,
)
from raytrail.traces._filter_model import Filter
from raytrail.traces._root_causes import check_root_cause


class _OfTheTrace(Filter):
    """What stands in no braces."""

    __slots__ = ()

    def check(self, scope: Scope = Scope.TRACE) -> None:
        """Refuse it in braces."""
        check_scope(str(self), scope, frozenset({Scope.TRACE}))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceId:
    """Which nodes of the trace map are meant: by name, type or account, where one or more are said.

    Attributes:
        name: The name of the node. Default: any.
        type: Its type, such as ``AWS::Lambda::Function``. Lambda makes two nodes of one name. Default: any.
        account_id: The account that it runs in, where a monitoring account shows the traces of several. Default: any.

    Raises:
        InvalidProps: None of them is said, or one has a double quote or a backslash.
    """

    name: str | None = None
    type: str | None = None
    account_id: str | None = None

    def __post_init__(self) -> None:
        if self.name is None and self.type is None and self.account_id is None:
            raise InvalidProps("id() tells a service by name, type or account.id, got none of them")
        str(self)  # refuses what cannot be written

    def __str__(self) -> str:
        if self.name is not None and self.type is None and self.account_id is None:
            return as_text(self.name)
        fields = {"name": self.name, "type": self.type, "account.id": self.account_id}
        return f"id({', '.join(f'{key}: {as_text(value)}' for key, value in fields.items() if value is not None)})"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True, slots=True)
class Service(_OfTheTrace):
    """A trace that went through a service, or not. The filter applies to segments of the service."""

    service: ServiceId | None = None
    """The service. Default: any."""
    filter: Filter | None = None
    """What stands in the braces. Default: no braces."""
    wanted: bool = True
    """False where it is negated. Default: it is not."""

    def __post_init__(self) -> None:
        if self.filter is not None:
            self.filter.check(Scope.SERVICE)

    def __str__(self) -> str:
        service = "" if self.service is None else str(self.service)
        return f"{'' if self.wanted else '!'}service({service}){_braces(self.filter)}"

    def __invert__(self) -> Filter:
        return Service(service=self.service, filter=self.filter, wanted=not self.wanted)

    @property
    def uses_parentheses(self) -> bool:
        """Whether the text has parentheses around an AND or an OR, of which AWS documents nothing."""
        return self.filter is not None and self.filter.uses_parentheses


@dataclass(frozen=True, eq=False, repr=False, kw_only=True, slots=True)
class Edge(_OfTheTrace):
    """A trace in which one service called another, or not. The filter applies to these calls."""

    ends: tuple[ServiceId, ServiceId] | None = None
    """The service that calls and the one that is called. Default: any."""
    filter: Filter | None = None
    """What stands in the braces. Default: no braces."""
    wanted: bool = True
    """False where it is negated. Default: it is not."""

    def __post_init__(self) -> None:
        if self.ends is None and self.filter is None:
            raise InvalidProps("edge has two services in parentheses, a filter in braces, or both; got neither")
        if self.filter is not None:
            self.filter.check(Scope.EDGE)

    def __str__(self) -> str:
        ends = "" if self.ends is None else f"({self.ends[0]}, {self.ends[1]})"
        return f"{'' if self.wanted else '!'}edge{ends}{_braces(self.filter)}"

    def __invert__(self) -> Filter:
        return Edge(ends=self.ends, filter=self.filter, wanted=not self.wanted)

    @property
    def uses_parentheses(self) -> bool:
        """Whether the text has parentheses around an AND or an OR, of which AWS documents nothing."""
        return self.filter is not None and self.filter.uses_parentheses


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class RootCause(_OfTheTrace):
    """A trace with a root cause of which one service, entity or exception is as the filter says."""

    keyword: str
    filter: Filter

    def __post_init__(self) -> None:
        if self.keyword not in ROOT_CAUSES:
            raise InvalidProps(f"X-Ray has no {self.keyword}; it has {', '.join(ROOT_CAUSES)}")
        self.filter.check(ROOT_CAUSES[self.keyword])

    def __str__(self) -> str:
        return f"{self.keyword}{_braces(self.filter)}"

    def _instead_of_negation(self) -> str:
        return "; AWS shows ! before a service, an edge, an annotation or a boolean keyword only"

    @property
    def uses_parentheses(self) -> bool:
        """Whether the text has parentheses around an AND or an OR, of which AWS documents nothing."""
        return self.filter.uses_parentheses


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class RootCauseJson(_OfTheTrace):
    """A trace with a root cause of which each field present here is the same.

    Args:
        document: The root cause as JSON, in the form that GetTraceSummaries gives
            (https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html#xray-api-analytics).
    """

    document: str
    wanted: bool = True

    def __post_init__(self) -> None:
        check_root_cause(self.document)

    def __str__(self) -> str:
        written = json.dumps(json.loads(self.document), ensure_ascii=False)
        return f"{ROOT_CAUSE_JSON} {EQUAL if self.wanted else UNEQUAL} #[{written}]"

    def __invert__(self) -> Filter:
        return RootCauseJson(self.document, not self.wanted)

    @property
    def cause(self) -> Mapping[str, Any]:
        """The root cause asked for."""
        asked: dict[str, Any] = json.loads(self.document)
        return asked


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class InGroup(_OfTheTrace):
    """A trace that is in a group, or not: ``group.name = "slow"``."""

    keyword: str
    group: str
    wanted: bool = True

    def __post_init__(self) -> None:
        if self.keyword not in GROUPS:
            raise InvalidProps(f"a group is told by {' or '.join(GROUPS)}, got {self.keyword}")
        if not self.group:
            raise InvalidProps(f"{self.keyword} compares with the group meant, got an empty string")
        as_text(self.group)

    def __str__(self) -> str:
        return f"{self.keyword} {EQUAL if self.wanted else UNEQUAL} {as_text(self.group)}"

    def __invert__(self) -> Filter:
        return InGroup(self.keyword, self.group, not self.wanted)


def _braces(filter: Filter | None) -> str:
    return "" if filter is None else f" {{ {filter} }}"
