"""Whether a resource policy lets an AWS service in: enough of IAM for the policies that services ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def allows(
    document: str | Mapping[str, Any],
    *,
    service: str,
    action: str,
    resource: str,
    context: Mapping[str, str] | None = None,
) -> bool:
    """Whether a policy allows ``action`` on ``resource`` to a service principal.

    A condition on a key that is not in ``context`` is not met. An explicit deny wins. ``NotAction``, ``NotResource``
    and ``NotPrincipal`` match nothing.

    Args:
        document: The policy, parsed or as text.
        service: The service principal, such as ``cloudtrail.amazonaws.com``.
        action: The action, such as ``s3:PutObject``.
        resource: The ARN acted upon.
        context: Values of condition keys, such as ``aws:SourceArn``. Default: none.
    """
    try:
        parsed = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return False
    statements = parsed.get("Statement", []) if isinstance(parsed, Mapping) else []
    values = {key.lower(): value for key, value in (context or {}).items()}
    effects = {
        str(statement.get("Effect"))
        for statement in _listed(statements)
        if isinstance(statement, Mapping) and _applies(statement, service, action, resource, values)
    }
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Mapping[str, Any], service: str, action: str, resource: str, values: Mapping[str, str]) -> bool:
    return (
        _is_principal(statement.get("Principal"), service)
        and any(like(str(pattern).lower(), action.lower()) for pattern in _listed(statement.get("Action")))
        and any(like(str(pattern), resource) for pattern in _listed(statement.get("Resource", "*")))
        and _conditions(statement.get("Condition") or {}, values)
    )


def like(pattern: str, value: str) -> bool:
    """Whether ``value`` matches ``pattern`` with IAM's wildcards ``*`` and ``?``."""
    translated = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(translated, value, re.DOTALL) is not None


def _is_principal(principal: Any, service: str) -> bool:
    if isinstance(principal, Mapping):
        return service in _listed(principal.get("Service")) or "*" in _listed(principal.get("AWS"))
    return bool(principal == "*")


def _conditions(conditions: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    return all(
        _holds(operator, values.get(key.lower()), [str(operand) for operand in _listed(operands)])
        for operator, keys in conditions.items()
        for key, operands in keys.items()
    )


def _holds(operator: str, value: str | None, operands: list[str]) -> bool:
    if_exists = operator.endswith("IfExists")
    if value is None:
        return if_exists
    negated = "Not" in operator
    match operator.removesuffix("IfExists").replace("Not", ""):
        case "StringEquals":
            found = value in operands
        case "StringLike" | "ArnLike" | "ArnEquals":
            found = any(like(operand, value) for operand in operands)
        case "Bool":
            found = value.lower() in [operand.lower() for operand in operands]
        case _:
            return False
    return found != negated


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
