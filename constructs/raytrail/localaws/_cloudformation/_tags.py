"""CloudFormation's own tags, on more types, and never at the price of hiding a wrong tag property."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raytrail.localaws._hooks import hook, wrap

Json = Any

_MORE = ("AWS::Athena::WorkGroup", "AWS::Events::Rule")
"""Types that CloudFormation tags and the emulator does not."""


def install() -> None:
    """Tag more types, and leave a tag property of the wrong shape to validation."""
    shapes: dict[str, tuple[str, str]] = hook("ministack.services.cloudformation.provisioners:_STACK_TAG_PROPERTY")
    shapes.update(dict.fromkeys(_MORE, ("Tags", "list")))
    for module in ("provisioners", "stacks"):
        wrap(f"ministack.services.cloudformation.{module}:_with_stack_tags", lambda original: _merge(original, shapes))


def _merge(
    original: Callable[..., dict[str, Json]], shapes: Mapping[str, tuple[str, str]]
) -> Callable[..., Mapping[str, Json]]:
    def merged(resource_type: str, props: Mapping[str, Json], *more: Any) -> Mapping[str, Json]:
        name, shape = shapes.get(resource_type, ("Tags", "list"))
        own = props.get(name)
        if own is not None and not isinstance(own, Mapping if shape == "map" else list):
            return props
        return original(resource_type, props, *more)

    return merged
