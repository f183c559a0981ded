"""What exists once in an account and Region has one owner in an app: the second is refused where it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Stage
from constructs import Construct

from raytrail.errors import InvalidProps
from raytrail.findings import place_of

_CLAIM = "raytrail:claim"


def claim(scope: Construct, what: str) -> None:
    """Say that ``scope`` sets ``what``, which each account and Region has once.

    Raises:
        InvalidProps: Another construct of the app sets it for the same account and Region.
    """
    place = _place(scope)
    others = _claims(scope, what, place)
    if others:
        raise InvalidProps(
            f"{what} is set once for an account and Region, and {others[0]!r} sets that of {place} already; "
            f"keep one of the two and drop {scope.node.path!r}, or give their stacks different environments"
        )
    _record(scope, what, place)


def claim_name(scope: Construct, kind: str, name: str, *, at_most: int, value: str = "") -> None:
    """Say that ``scope`` makes the ``kind`` of that name, one of at most so many in an account and Region.

    Args:
        scope: Who makes it.
        kind: What it is.
        name: Its name.
        at_most: How many there may be.
        value: What `claimed` tells of it. Default: nothing.

    Raises:
        InvalidProps: The app makes one of that name already, or as many as there may be.
    """
    place = _place(scope)
    if others := _claims(scope, f"{kind} {name}", place):
        raise InvalidProps(f"{kind} {name!r} of {place} is made twice: {others[0]!r} has that name; rename one")
    if len(_claims(scope, kind, place)) >= at_most:
        raise InvalidProps(
            f"{kind} {name!r} is one more than the {at_most} that X-Ray allows in an account and Region; drop one"
        )
    _record(scope, f"{kind} {name}", place)
    _record(scope, kind, place, value)


def claimed(scope: Construct, kind: str) -> Sequence[tuple[str, str]]:
    """The path and the value of each of the ``kind`` that the app makes so far where ``scope`` is deployed to."""
    return [(entry["path"], entry["value"]) for entry in _entries(scope, kind, _place(scope))]


def _place(scope: Construct) -> str:
    """Where the scope is deployed to; what is not known yet is told apart by stage alone."""
    stage = Stage.of(scope)
    place = place_of(scope)
    where = f"{place.account}/{place.region}"
    return f"{stage.node.path}:{where}" if "<" in where and stage and stage.node.path else where


def _claims(scope: Construct, what: str, place: str) -> Sequence[str]:
    return [entry["path"] for entry in _entries(scope, what, place)]


def _entries(scope: Construct, what: str, place: str) -> Sequence[Any]:
    # The tree of the app remembers, so that nothing outlives it.
    entries = [entry.data for entry in scope.node.root.node.metadata if entry.type == _CLAIM]
    return [entry for entry in entries if (entry["what"], entry["place"]) == (what, place)]


def _record(scope: Construct, what: str, place: str, value: str = "") -> None:
    claim = {"what": what, "place": place, "path": scope.node.path, "value": value}
    scope.node.root.node.add_metadata(_CLAIM, claim)
