"""A handler for recorded types that no service here has: a resource is an identifier and its attributes, no more."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from raytrail.localaws._cloudformation._recorded import recorded_types
from raytrail.localaws._cloudformation._schemas import ResourceSchema, resource_schema
from raytrail.localaws._hooks import hook

Json = Any
Provisioned = tuple[str, dict[str, Json]]


def install(handlers: dict[str, dict[str, Any]]) -> None:
    """Record the types of the committed list that nothing emulates."""
    for type_name in recorded_types():
        if type_name not in handlers:
            recorder = _Recorder(type_name)
            handlers[type_name] = {"create": recorder.create, "update": recorder.update, "delete": recorder.delete}


class _Recorder:
    def __init__(self, type_name: str) -> None:
        self._type = type_name
        self._region: Callable[[], str] = hook("ministack.core.responses:get_region")
        self._account: Callable[[], str] = hook("ministack.core.responses:get_account_id")
        self._physical_name: Callable[..., str] = hook("ministack.services.cloudformation.provisioners:_physical_name")

    def create(self, logical_id: str, props: Mapping[str, Json], stack_name: str) -> Provisioned:
        schema = resource_schema(self._type, self._region())
        if schema is None:
            raise ValueError(f"Resource type {self._type} is not supported in this region.")
        name = self._physical_name(stack_name, logical_id)
        attributes = self._attributes(schema, name)
        identifiers = [props.get(key) or attributes.get(key) or name for key in schema.primary_identifier]
        return "|".join(str(identifier) for identifier in identifiers), attributes

    def update(
        self, physical_id: str, old: Mapping[str, Json], new: Mapping[str, Json], stack_name: str
    ) -> Provisioned:
        schema = resource_schema(self._type, self._region())
        return physical_id, self._attributes(schema, physical_id.rpartition("/")[2]) if schema else {}

    def delete(self, physical_id: str, props: Mapping[str, Json]) -> None:
        """Nothing was made, so nothing is left."""

    def _attributes(self, schema: ResourceSchema, name: str) -> dict[str, Json]:
        """What can be said truly of a resource that is not there; Fn::GetAtt of the rest fails."""
        _, service, kind = self._type.split("::")
        found: dict[str, Json] = {}
        for key in schema.read_only:
            kinds = schema.resolve(schema.document["properties"].get(key, {})).get("type")
            if key == "AccountId":
                found[key] = self._account()
            elif key.lower().endswith("arn"):
                found[key] = f"arn:aws:{service.lower()}:{self._region()}:{self._account()}:{kind.lower()}/{name}"
            elif key.endswith("Id"):
                found[key] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._type}/{name}"))
            elif kinds == "integer" and "Time" in key:
                found[key] = int(time.time())
        return found
