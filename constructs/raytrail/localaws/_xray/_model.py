"""Botocore's model of X-Ray's API, and requests held against it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from raytrail.localaws._xray._errors import XRayError

_validator = ParamValidator()


@functools.cache
def service_model() -> ServiceModel:
    """Botocore's model of X-Ray's API."""
    return botocore.session.get_session().get_service_model("xray")


def check(operation: str, asked: dict[str, Any]) -> None:
    """Hold a request against the model of its operation.

    Raises:
        XRayError: A member is missing, unknown, of the wrong type, or out of the range that the model says.
    """
    shape = service_model().operation_model(operation).input_shape
    assert shape is not None, "each operation of X-Ray has an input"
    report = _validator.validate(asked, shape)
    if report.has_errors():
        raise XRayError(report.generate_report())
    if problems := list(_out_of_range(asked, shape, "")):
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
        raise XRayError(f"{count}: {'; '.join(problems)}")


def _out_of_range(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """What botocore leaves to the service: upper bounds and the values of enumerations."""
    most = shape.metadata.get("max")
    size = value if shape.type_name in ("integer", "long", "double", "float") else None
    if shape.type_name in ("string", "list", "map"):
        size = len(value)
    if most is not None and size is not None and size > most:
        kind = "value" if size is value else "length"
        yield f"Value at '{path}' failed to satisfy constraint: Member must have {kind} less than or equal to {most}"
    choices = shape.metadata.get("enum")
    if choices and value not in choices:
        yield f"Value at '{path}' failed to satisfy constraint: Member must satisfy enum value set: {choices}"
    if isinstance(shape, StructureShape):
        for name, inner in value.items():
            yield from _out_of_range(inner, shape.members[name], f"{path}.{name}" if path else name)
    elif isinstance(shape, ListShape):
        for place, inner in enumerate(value, start=1):
            yield from _out_of_range(inner, shape.member, f"{path}.{place}.member")
    elif isinstance(shape, MapShape):
        for name, inner in value.items():
            yield from _out_of_range(name, shape.key, f"{path}.{name}.key")
            yield from _out_of_range(inner, shape.value, f"{path}.{name}.value")
