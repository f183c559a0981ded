"""What IAM policies allow, for callers who may read them and may not ask IAM's simulator."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any


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
        return not any(_fits(pattern, action) for pattern in _list(statement["NotAction"]))
    return any(_fits(pattern, action) for pattern in _list(statement.get("Action")))


def _everywhere(statement: Mapping[str, Any]) -> bool:
    return "*" in _list(statement.get("Resource"))


def _fits(pattern: str, action: str) -> bool:
    parts = (".*" if letter == "*" else "." if letter == "?" else re.escape(letter) for letter in pattern)
    return re.fullmatch("".join(parts), action, re.IGNORECASE) is not None


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
