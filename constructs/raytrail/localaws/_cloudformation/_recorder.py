"""A handler for recorded types that no service here has: a resource is an identifier and its attributes, no more."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from raytrail.localaws._cloudformation._recorded import recorded_types
from raytrail.localaws._cloudformation._schemas import ResourceSchema, resource_schema
from raytrail.localaws._hooks import hook

Json = Any
Provisioned = tuple[str, dict[str, Json]]

_REFS = {
    "AWS::EC2::EIP": "PublicIp",
    "AWS::ElasticBeanstalk::ApplicationVersion": "Id",
    "AWS::ElasticBeanstalk::ConfigurationTemplate": "TemplateName",
}
"""What Ref returns of a type that several properties identify, by the page of each type in CloudFormation's guide."""

_ID_PREFIXES = {
    ("AWS::EC2::EIP", "AllocationId"): "eipalloc-",
    ("AWS::EC2::FlowLog", "Id"): "fl-",
    ("AWS::EC2::Instance", "InstanceId"): "i-",
    ("AWS::EC2::NatGateway", "NatGatewayId"): "nat-",
}
"""How EC2's ids begin, before 17 hexadecimal digits."""


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
        schema = self._schema()
        keys = self._ref(schema)
        longest = min(schema.document["properties"].get(key, {}).get("maxLength", 128) for key in keys)
        name = self._physical_name(stack_name, logical_id, max_len=longest)
        physical_id = "|".join(str(props.get(key) or self._identifier(schema, key, name)) for key in keys)
        return physical_id, self._attributes(schema, physical_id, name)

    def update(
        self, physical_id: str, old: Mapping[str, Json], new: Mapping[str, Json], stack_name: str
    ) -> Provisioned:
        return physical_id, self._attributes(self._schema(), physical_id, physical_id.rpartition("/")[2])

    def delete(self, physical_id: str, props: Mapping[str, Json]) -> None:
        """Nothing was made, so nothing is left."""

    def _schema(self) -> ResourceSchema:
        schema = resource_schema(self._type, self._region())
        if schema is None:
            raise ValueError(f"Resource type {self._type} is not supported in this region.")
        return schema

    def _ref(self, schema: ResourceSchema) -> tuple[str, ...]:
        """The properties that Ref returns."""
        return (_REFS[self._type],) if self._type in _REFS else schema.primary_identifier

    def _attributes(self, schema: ResourceSchema, physical_id: str, name: str) -> dict[str, Json]:
        """What can be said truly of a resource that is not there; Fn::GetAtt of the rest fails."""
        found: dict[str, Json] = {}
        for key in schema.read_only:
            if (key,) == self._ref(schema):
                found[key] = physical_id
            elif key in schema.primary_identifier:
                found[key] = self._identifier(schema, key, physical_id)
            elif key.lower().endswith("arn"):
                found[key] = self._arn(name)
            elif "Time" in key and schema.resolve(schema.document["properties"].get(key, {})).get("type") == "integer":
                found[key] = int(time.time())
        return found

    def _identifier(self, schema: ResourceSchema, key: str, name: str) -> str:
        """A property that identifies the resource, where the template does not give it."""
        if key == "AccountId":
            return self._account()
        if key.lower().endswith("arn"):
            return self._arn(name)
        digits = hashlib.sha256(f"{self._type}/{name}".encode()).hexdigest()
        if prefix := _ID_PREFIXES.get((self._type, key)):
            return prefix + digits[:17]
        if key == "PublicIp":
            # Of TEST-NET-3 (RFC 5737): nobody's address.
            return f"203.0.113.{int(digits[:8], 16) % 254 + 1}"
        if key.endswith("Id") and key in schema.read_only and self._type not in _REFS:
            return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._type}/{name}"))
        return name

    def _arn(self, name: str) -> str:
        _, service, kind = self._type.split("::")
        return f"arn:aws:{service.lower()}:{self._region()}:{self._account()}:{kind.lower()}/{name}"
