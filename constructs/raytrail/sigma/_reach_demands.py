"""What the patterns of a rule demand of an event's kind, besides its source and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from raytrail.sigma._model import CompiledRule

CATEGORIES = frozenset({"Management", "Data", "NetworkActivity", "Insight"})
"""https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html"""

_BY_TYPE = {
    "AwsApiCall": frozenset({"Management", "Data"}),
    "AwsServiceEvent": frozenset({"Management", "Data"}),
    "AwsConsoleAction": frozenset({"Management"}),
    "AwsConsoleSignIn": frozenset({"Management"}),
    "AwsVpceEvent": frozenset({"NetworkActivity"}),
    "AwsCloudTrailInsight": frozenset({"Insight"}),
}
_BY_MANAGEMENT = {"true": frozenset({"Management"}), "false": frozenset({"Data", "NetworkActivity"})}
# The one error of network activity, and of nothing else.
_BY_ERROR = {"VpceAccessDenied": frozenset({"NetworkActivity"})}
_FIELDS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "eventCategory": {category: frozenset({category}) for category in CATEGORIES},
    "eventType": _BY_TYPE,
    "managementEvent": _BY_MANAGEMENT,
    "errorCode": _BY_ERROR,
}


@dataclass(frozen=True, slots=True)
class Demands:
    """What an event has to be."""

    categories: frozenset[str] = CATEGORIES
    """Its ``eventCategory`` is one of these."""
    read_only: bool | None = None
    """Its ``readOnly``; None: either."""


def demands_of(rule: CompiledRule) -> Demands:
    """What every pattern of ``rule`` demands; without patterns nothing is known to be demanded."""
    if not rule.patterns:
        return Demands()
    details = [pattern.get("detail") for pattern in rule.patterns]
    each = [_demands(detail if isinstance(detail, Mapping) else {}) for detail in details]
    read_only = {demands.read_only for demands in each}
    return Demands(
        categories=frozenset[str]().union(*(demands.categories for demands in each)),
        read_only=read_only.pop() if len(read_only) == 1 else None,
    )


def _demands(detail: Mapping[str, Any]) -> Demands:
    asked = [
        frozenset[str]().union(*(by_value.get(text, CATEGORIES) for text in texts))
        for field, by_value in _FIELDS.items()
        if (texts := _texts(detail.get(field)))
    ]
    read_only = _texts(detail.get("readOnly"))
    return Demands(
        categories=reduce(frozenset.intersection, asked, CATEGORIES),
        read_only={frozenset({"true"}): True, frozenset({"false"}): False}.get(read_only),
    )


def _texts(values: Any) -> frozenset[str]:
    """The values that a field may have, as text; empty: something else than a list of values is asked of it."""
    if not isinstance(values, Iterable) or isinstance(values, str | Mapping):
        return frozenset()
    texts = [str(value).lower() if isinstance(value, bool) else value for value in values]
    return frozenset(texts) if all(isinstance(text, str) for text in texts) else frozenset()
