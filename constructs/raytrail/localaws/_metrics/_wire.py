"""CloudWatch's protocols (JSON and Query) in front of operations that take and give plain values.

Shapes come from botocore's model of the service, so a member that is misspelt here never leaves the server.
Timestamps are seconds since the epoch inside.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import botocore.session

from raytrail.localaws._hooks import hook, wrap

_MODULE = "ministack.services.cloudwatch"
_NAMESPACE = "http://monitoring.amazonaws.com/doc/2010-08-01/"

Values = dict[str, Any]
Operation = Callable[[Values], Values]


class ApiError(Exception):
    """An error answer: AWS's code and message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Wire:
    """Puts operations into ministack's CloudWatch, whatever protocol the caller speaks."""

    def __init__(self) -> None:
        self._model = botocore.session.Session().get_service_model("cloudwatch")
        self._error = hook(f"{_MODULE}:_error")
        self._scalars: dict[str, Callable[[Any], Any]] = {
            "timestamp": hook(f"{_MODULE}:_parse_ts"),
            "integer": int,
            "long": int,
            "double": float,
            "float": float,
            "boolean": lambda value: value is True or str(value).lower() == "true",
        }

    def serve(self, name: str, attribute: str, operation: Operation) -> None:
        """Let ``operation`` answer ``name`` in place of ministack's function ``attribute``."""
        wrap(f"{_MODULE}:{attribute}", lambda _original: self._handler(name, operation))

    def original(self, name: str, attribute: str) -> Operation:
        """Ministack's own operation as one that takes and gives plain values."""
        function = hook(f"{_MODULE}:{attribute}")
        shape = self._model.operation_model(name).output_shape

        def call(request: Values) -> Values:
            status, _, body = function({}, request, False, True)
            answer = json.loads(body) if body else {}
            if status >= 400:
                raise ApiError(answer["__type"], answer.get("message", ""), status)
            return self.coerce(shape, answer) if shape else {}

        return call

    def request_shape(self, name: str) -> Any:
        """Botocore's shape of the request of operation ``name``."""
        return self._model.operation_model(name).input_shape

    def coerce(self, shape: Any, value: Any) -> Any:
        """``value`` with the types that ``shape`` gives its members; unknown members are dropped."""
        if shape.type_name == "structure":
            members = {name: value.get(name) for name in shape.members}
            return {n: self.coerce(shape.members[n], member) for n, member in members.items() if member is not None}
        if shape.type_name == "list":
            return [self.coerce(shape.member, item) for item in value]
        convert: Callable[[Any], Any] = self._scalars.get(shape.type_name, str)
        return convert(value)

    def _handler(self, name: str, operation: Operation) -> Callable[..., Any]:
        model: Any = self._model.operation_model(name)

        def handle(params: Mapping[str, Any], data: Values, is_cbor: bool, is_json: bool = False) -> Any:
            try:
                if is_cbor:
                    raise ApiError("SerializationException", "the embedded AWS speaks JSON and Query, not CBOR")
                raw = data if is_json else _from_query(model.input_shape, params, "")
                request = self.coerce(model.input_shape, raw or {})
                for member in model.input_shape.required_members:
                    if member not in request:
                        raise ApiError("MissingParameter", f"The request must contain the parameter {member}.")
                answer = operation(request)
            except ApiError as error:
                return self._error(error.code, error.message, error.status, use_json=not _is_query(params))
            except (TypeError, ValueError, AttributeError) as error:
                return self._error("MalformedInput", str(error), 400, use_json=not _is_query(params))
            if is_json:
                return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()
            return _xml(name, model.output_shape, answer)

        return handle


def _is_query(params: Mapping[str, Any]) -> bool:
    return "Action" in params


def _from_query(shape: Any, params: Mapping[str, Any], prefix: str) -> Any:
    """The value at ``prefix`` of form parameters such as ``Dimensions.member.1.Name``; None if there is none."""
    if prefix and prefix not in params and not any(name.startswith(prefix + ".") for name in params):
        return None
    if shape.type_name == "structure":
        dot = f"{prefix}." if prefix else ""
        return {name: _from_query(sub, params, dot + name) for name, sub in shape.members.items()}
    if shape.type_name == "list":
        items: list[Any] = []
        while (item := _from_query(shape.member, params, f"{prefix}.member.{len(items) + 1}")) is not None:
            items.append(item)
        return items
    value = params[prefix]
    return value[0] if isinstance(value, list) else value


def _xml(name: str, shape: Any, answer: Values) -> Any:
    def text(shape: Any, value: Any) -> str:
        if shape.type_name == "structure":
            return "".join(f"<{key}>{text(shape.members[key], item)}</{key}>" for key, item in value.items())
        if shape.type_name == "list":
            return "".join(f"<member>{text(shape.member, item)}</member>" for item in value)
        if shape.type_name == "timestamp":
            return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        if shape.type_name == "boolean":
            return "true" if value else "false"
        return escape(str(value))

    result = f"<{name}Result>{text(shape, answer)}</{name}Result>" if shape else ""
    body = (
        f'<{name}Response xmlns="{_NAMESPACE}">{result}'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{name}Response>"
    )
    return 200, {"Content-Type": "text/xml"}, body.encode()
