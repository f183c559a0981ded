"""A handler whose dropped properties are applied after it has run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Json = Any
Properties = Mapping[str, Json]
Handler = dict[str, Any]
Apply = Callable[[str, Properties, Properties], None]
"""(physical id, properties, the properties before: empty when the resource is new)."""


def completed(handler: Mapping[str, Any], apply: Apply) -> Handler:
    """``handler``, with ``apply`` after each create and update; what fails on create leaves nothing behind."""

    def create(logical_id: str, props: Properties, stack_name: str) -> tuple[str, Json]:
        physical_id, attributes = handler["create"](logical_id, props, stack_name)
        try:
            apply(physical_id, props, {})
        except Exception:
            arguments = (
                (physical_id, props, logical_id) if handler.get("delete_with_logical_id") else (physical_id, props)
            )
            handler["delete"](*arguments)
            raise
        return physical_id, attributes

    def update(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
    ) -> tuple[str, Json]:
        arguments: tuple[Any, ...] = (physical_id, old, new, stack_name)
        if handler.get("update_with_logical_id"):
            arguments = (*arguments, logical_id)
        new_id, attributes = handler["update"](*arguments)
        apply(new_id, new, old if new_id == physical_id else {})
        return new_id, attributes

    return {**handler, "create": create, "update": update, "update_with_logical_id": True}


def accepted(answer: tuple[int, Mapping[str, str], bytes | str], service: str) -> Json:
    """The JSON of a service function's answer.

    Raises:
        ValueError: The service refused, in the words in which CloudFormation passes a refusal on.
    """
    status, _, body = answer
    document = json.loads(body) if body else {}
    if status >= 400:
        message = document.get("message") or document.get("Message") or ""
        raise ValueError(f"{message} (Service: {service}, Status Code: {status})")
    return document


def camel(value: Json) -> Json:
    """CloudFormation's ``PascalCase`` members as the ``camelCase`` of services such as API Gateway."""
    if isinstance(value, Mapping):
        return {name[:1].lower() + name[1:]: camel(member) for name, member in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value
