"""Which property changes replace a resource, from CloudFormation's schemas, for the types that the emulator lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raytrail.localaws._cloudformation._schemas import resource_schema
from raytrail.localaws._hooks import hook


def install(handlers: Mapping[str, Mapping[str, Any]], region: str) -> None:
    """Give the types whose handlers are this project's their create-only properties; change sets show them too."""
    replacing: dict[str, tuple[str, ...]] = hook("ministack.services.cloudformation.provisioners:_REPLACING_PROPERTIES")
    for type_name, handler in handlers.items():
        if type_name in replacing or not handler["create"].__module__.startswith("raytrail."):
            continue
        if schema := resource_schema(type_name, region):
            replacing[type_name] = schema.create_only
