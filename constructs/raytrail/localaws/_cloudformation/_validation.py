"""Properties held against the schema of their type, and violations in CloudFormation's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema
import jsonschema.validators
import regex

from raytrail.localaws._cloudformation._schemas import ResourceSchema

Json = Any

_JSON_TYPES = {
    "string": "String",
    "integer": "Integer",
    "number": "Number",
    "boolean": "Boolean",
    "array": "JSONArray",
    "object": "JSONObject",
    "null": "Null",
}


def violations(schema: ResourceSchema, properties: Mapping[str, Json]) -> list[str]:
    """What CloudFormation would say against ``properties``, each ``#/Path: what is wrong``; empty when nothing."""
    found = [
        f"#: extraneous key [{name}] is not permitted"
        for name in properties
        if name in schema.read_only and name not in schema.document.get("required", ())
    ]
    for error in _validator(schema).iter_errors(properties):
        found.extend(_say(error))
    return list(dict.fromkeys(found))


def _pattern(validator: Any, pattern: str, instance: Json, schema: Json) -> Iterator[jsonschema.ValidationError]:
    # The patterns are Java's, where \p{L} is common; Python's own `re` has no such class.
    compiled = _compiled(pattern)
    if isinstance(instance, str) and compiled is not None and not compiled.search(instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


@cache
def _compiled(pattern: str) -> Any:
    try:
        return regex.compile(pattern)
    except regex.error:  # a pattern that only Java reads is not checked
        return None


def _required_or(validator: Any, names: Json, instance: Json, schema: Json) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, Mapping) and not any(name in instance for name in names):
        yield jsonschema.ValidationError(f"at least one of {names} is required")


def _required_xor(validator: Any, names: Json, instance: Json, schema: Json) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, Mapping) and sum(name in instance for name in names) != 1:
        yield jsonschema.ValidationError(f"exactly one of {names} is required")


def _excluded(validator: Any, rules: Json, instance: Json, schema: Json) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, Mapping):
        for name, others in rules.items():
            for other in others:
                if name in instance and other in instance:
                    yield jsonschema.ValidationError(f"{other} must not be given with {name}")


def _dependent(validator: Any, rules: Json, instance: Json, schema: Json) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, Mapping):
        for name, others in rules.items():
            for other in others:
                if name in instance and other not in instance:
                    yield jsonschema.ValidationError(f"{name} requires {other}")


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call] # its types leave this out
    jsonschema.Draft7Validator,
    {
        "pattern": _pattern,
        # What cfn-lint adds to CloudFormation's schemas, from what the services refuse.
        "requiredOr": _required_or,
        "requiredXor": _required_xor,
        "dependentExcluded": _excluded,
        "dependentRequired": _dependent,
    },
)


@cache
def _validator(schema: ResourceSchema) -> Any:
    return _Validator(schema.document)


def _say(error: Any) -> Iterator[str]:
    path = "/".join(["#", *(str(part) for part in error.absolute_path)])
    keyword = str(error.validator)
    if keyword == "additionalProperties" and isinstance(error.schema, Mapping):
        known = error.schema.get("properties", {})
        patterns = [p for p in map(_compiled, error.schema.get("patternProperties", ())) if p is not None]
        for name in error.instance:
            if name not in known and not any(pattern.search(name) for pattern in patterns):
                yield f"{path}: extraneous key [{name}] is not permitted"
    elif keyword == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield f"{path}: required key [{name}] not found"
    else:
        words = _WORDS.get(keyword)
        yield f"{path}: {words(error) if words else error.message}"


def _type_words(error: Any) -> str:
    wanted = error.validator_value
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    expected = " or ".join(_JSON_TYPES.get(name, name) for name in names)
    return f"expected type: {expected}, found: {_json_type(error.instance)}"


def _json_type(value: Json) -> str:
    if isinstance(value, bool):
        return "Boolean"
    for python, name in ((str, "String"), (int, "Integer"), (float, "Number"), (list, "JSONArray")):
        if isinstance(value, python):
            return name
    return "Null" if value is None else "JSONObject"


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "type": _type_words,
    "enum": lambda e: f"{e.instance} is not a valid enum value",
    "pattern": lambda e: "failed validation constraint for keyword [pattern]",
    "minLength": lambda e: f"expected minLength: {e.validator_value}, actual: {len(e.instance)}",
    "maxLength": lambda e: f"expected maxLength: {e.validator_value}, actual: {len(e.instance)}",
    "minimum": lambda e: f"{e.instance} is not greater or equal to {e.validator_value}",
    "maximum": lambda e: f"{e.instance} is not less or equal to {e.validator_value}",
    "minItems": lambda e: f"expected minimum item count: {e.validator_value}, found: {len(e.instance)}",
    "maxItems": lambda e: f"expected maximum item count: {e.validator_value}, found: {len(e.instance)}",
    "uniqueItems": lambda e: "array items are not unique",
    "anyOf": lambda e: f"no subschema matched out of the total {len(e.validator_value)} subschemas",
    "oneOf": lambda e: f"not exactly one of the {len(e.validator_value)} subschemas matched",
}
"""What the validator behind CloudFormation says of each keyword."""
