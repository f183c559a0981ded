"""CloudFormation's own schema of each resource type, from cfn-lint's package data.

cfn-lint is read, not imported: its files are data, and its modules cost seconds.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from raytrail.errors import LocalAwsError

Json = Any

_EVERY_PROPERTY = frozenset({"AWS::Events::EventBus", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::SSM::Parameter"})
"""Types whose every property answers Fn::GetAtt, and not the read-only ones alone (the list is cfn-lint's)."""


class ResourceSchema:
    """One resource type as CloudFormation describes it."""

    def __init__(self, document: Mapping[str, Json]) -> None:
        self.document = document
        self.type_name: str = document["typeName"]

    @property
    def create_only(self) -> tuple[str, ...]:
        """Top-level properties whose change replaces the resource."""
        pointers = (pointer.split("/")[2:] for pointer in self.document.get("createOnlyProperties", ()))
        return tuple(parts[0] for parts in pointers if len(parts) == 1)

    @property
    def primary_identifier(self) -> tuple[str, ...]:
        """The properties that identify a resource, dotted below the top."""
        return tuple(_dotted(pointer) for pointer in self.document.get("primaryIdentifier", ()))

    @property
    def read_only(self) -> tuple[str, ...]:
        """What only AWS sets, dotted below the top: it may be read by Fn::GetAtt and not be given."""
        return tuple(_dotted(pointer) for pointer in self.document.get("readOnlyProperties", ()))

    @property
    def attributes(self) -> frozenset[str]:
        """The names that Fn::GetAtt accepts for this type."""
        names = set(self.read_only)
        if self.type_name in _EVERY_PROPERTY:
            names |= set(self.document.get("properties", {}))
        return frozenset(names)

    def resolve(self, schema: Mapping[str, Json]) -> Mapping[str, Json]:
        """Follow ``$ref`` within this document."""
        while "$ref" in schema:
            found: Json = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def coerce(self, properties: Mapping[str, Json]) -> dict[str, Json]:
        """Properties with primitives of the types that the schema names: CloudFormation reads "5" as 5.

        A value that cannot be read as its type stays as it is, for validation to refuse.
        """
        coerced: dict[str, Json] = self._coerce(properties, self.document)
        return coerced

    def _coerce(self, value: Json, schema: Mapping[str, Json]) -> Json:
        schema = self.resolve(schema)
        if isinstance(value, Mapping):
            return {name: self._coerce(member, self._member(schema, name)) for name, member in value.items()}
        if isinstance(value, list):
            items = schema.get("items")
            return [self._coerce(item, items) for item in value] if isinstance(items, Mapping) else value
        types = schema.get("type", ())
        return _as_primitive(value, {types} if isinstance(types, str) else set(types))

    def _member(self, schema: Mapping[str, Json], name: str) -> Mapping[str, Json]:
        for branch in self._branches(schema):
            if name in branch.get("properties", {}):
                member: Mapping[str, Json] = branch["properties"][name]
                return member
        patterns = list(schema.get("patternProperties", {}).values())
        return patterns[0] if len(patterns) == 1 else {}

    def _branches(self, schema: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
        yield schema
        for keyword in ("allOf", "anyOf", "oneOf"):
            for branch in schema.get(keyword, ()):
                yield self.resolve(branch)


@cache
def resource_schema(type_name: str, region: str) -> ResourceSchema | None:
    """The schema of ``type_name`` in ``region``; none for a type that CloudFormation does not have there."""
    name = _index(region).get(type_name)
    if name is None:
        return None
    return ResourceSchema(json.loads((_folder() / "resources" / f"{name}.json").read_text(encoding="utf-8")))


@cache
def _index(region: str) -> Mapping[str, str]:
    path = _folder() / "providers" / f"{region}.json"
    if not path.is_file():
        path = _folder() / "providers" / "us-east-1.json"
    types: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return types


@cache
def _folder() -> Path:
    spec = importlib.util.find_spec("cfnlint")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "data" / "schemas"
        if (folder / "providers").is_dir() and (folder / "resources").is_dir():
            return folder
    raise LocalAwsError(
        "cfn-lint's schemas of CloudFormation's resource types are missing (data/schemas/{providers,resources}); "
        "install cfn-lint 1.58 or later (pip install 'raytrail[local]')"
    )


def _dotted(pointer: str) -> str:
    return ".".join(pointer.split("/")[2:])


def _as_primitive(value: Json, types: set[str]) -> Json:
    if isinstance(value, str) and "string" not in types:
        if "boolean" in types and value.lower() in ("true", "false"):
            return value.lower() == "true"
        for name, read in (("integer", int), ("number", float)):
            if name in types:
                try:
                    return read(value)
                except ValueError:
                    continue
    elif isinstance(value, bool):
        if types == {"string"}:
            return "true" if value else "false"
    elif isinstance(value, int | float) and types == {"string"}:
        return str(value)
    return value
