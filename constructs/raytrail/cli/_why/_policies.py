"""What IAM policies allow, for callers who may read them and may not ask IAM's simulator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from raytrail.cli._why._patterns import fits


def allows(documents: Iterable[Mapping[str, Any]], action: str) -> bool:
    """Whether policies allow an action on every resource.

    Conditions are taken to be met by what allows, and not by what denies; boundaries and the organization's policies
    are not known here. IAM's simulator knows better and is asked first.
    """
    statements = [statement for document in documents for statement in _list(document.get("Statement"))]
    matching = [statement for statement in statements if _names(statement, action) and _everywhere(statement)]
    if any(each.get("Effect") == "Deny" and not each.get("Condition") for each in matching):
        return False
    return any(each.get("Effect") == "Allow" for each in matching)


def _names(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(fits(pattern, action, ignore_case=True) for pattern in _list(statement["NotAction"]))
    return any(fits(pattern, action, ignore_case=True) for pattern in _list(statement.get("Action")))


def _everywhere(statement: Mapping[str, Any]) -> bool:
    return "*" in _list(statement.get("Resource"))


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
