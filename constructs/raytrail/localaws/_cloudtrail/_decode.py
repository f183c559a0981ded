"""A request's parameters and an answer's elements as botocore's shapes name them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import HeadersDict
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import ResponseParserError, create_parser

from raytrail.localaws._cloudtrail._calls import Call, Wire, form
from raytrail.localaws._world import Exchange

FIRST_ERROR = 300


def request_parameters(call: Call, exchange: Exchange) -> dict[str, Any]:
    """The input of a call by member name. What the model does not know is left out."""
    shape = call.operation.input_shape
    if shape is None:
        return {}
    match call.wire:
        case "query" | "ec2":
            value = _from_form(shape, _tree(form(exchange)), call.wire)
        case "json":
            value = _from_json(shape, _json(exchange.body))
        case "smithy-rpc-v2-cbor":
            value = _from_cbor(shape, exchange.body)
        case _:
            value = _from_rest(shape, call, exchange)
    return value if isinstance(value, dict) else {}


def answer(call: Call, exchange: Exchange) -> dict[str, Any]:
    """The parsed answer by member name, with ``Error`` (``Code`` and ``Message``) when it is one."""
    shape = call.operation.output_shape
    failed = exchange.status >= FIRST_ERROR
    if not failed and call.operation.has_event_stream_output:
        return {}
    response = {
        "headers": HeadersDict(exchange.response_headers),
        "status_code": exchange.status,
        "body": exchange.response_body,
        "context": {"operation_name": call.operation.name},
    }
    try:
        parsed: dict[str, Any] = _parser(call.wire).parse(response, shape)
    except (ResponseParserError, ValueError, KeyError, TypeError, AttributeError):
        parsed = {"Error": {"Code": str(exchange.status), "Message": ""}} if failed else {}
    return parsed


def _parser(wire: Wire) -> Any:
    """botocore's parser of answers; its inner steps read requests just as well, as both are made of the same shapes."""
    return create_parser(wire)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else {}
    except ValueError:
        return {}


def _tree(parameters: Mapping[str, str]) -> dict[str, Any]:
    """``A.member.1.B=x`` as nested dictionaries."""
    root: dict[str, Any] = {}
    for key, value in parameters.items():
        node = root
        *branches, leaf = key.split(".")
        for branch in branches:
            step = node.setdefault(branch, {})
            if not isinstance(step, dict):
                break
            node = step
        else:
            node.setdefault(leaf, value)
    return root


def _from_form(shape: Shape, node: Any, wire: Wire) -> Any:
    if isinstance(shape, StructureShape):
        return _form_structure(shape, node, wire) if isinstance(node, dict) else None
    if isinstance(shape, ListShape):
        return _form_list(shape, node, wire)
    if isinstance(shape, MapShape):
        return _form_map(shape, node, wire) if isinstance(node, dict) else None
    return _scalar(shape, node)


def _form_structure(shape: StructureShape, node: dict[str, Any], wire: Wire) -> dict[str, Any]:
    found = {
        name: _from_form(member, inner, wire)
        for name, member in shape.members.items()
        if (inner := _member_node(node, name, member, wire)) is not None
    }
    return {name: value for name, value in found.items() if value is not None}


def _form_list(shape: ListShape, node: Any, wire: Wire) -> list[Any]:
    if wire == "query" and isinstance(node, dict) and not shape.serialization.get("flattened"):
        node = node.get(shape.member.serialization.get("name", "member"), {})
    return [_from_form(shape.member, node[index], wire) for index in _indexes(node)]


def _form_map(shape: MapShape, node: dict[str, Any], wire: Wire) -> dict[str, Any]:
    entries = node if shape.serialization.get("flattened") else node.get("entry", {})
    key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    return {
        str(entries[index].get(key)): _from_form(shape.value, entries[index].get(value), wire)
        for index in _indexes(entries)
        if isinstance(entries[index], dict)
    }


def _member_node(node: dict[str, Any], name: str, member: Shape, wire: Wire) -> Any:
    serialization = member.serialization
    wire_name = serialization.get("name", name)
    if wire == "ec2":
        wire_name = serialization.get("queryName") or wire_name[:1].upper() + wire_name[1:]
    elif isinstance(member, ListShape) and serialization.get("flattened"):
        wire_name = member.member.serialization.get("name", wire_name)
    return node.get(wire_name)


def _indexes(node: Any) -> list[str]:
    return sorted((key for key in node if key.isdigit()), key=int) if isinstance(node, dict) else []


def _from_json(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        return _json_structure(shape, value) if isinstance(value, dict) else None
    if isinstance(shape, ListShape):
        return [_from_json(shape.member, item) for item in value] if isinstance(value, list) else None
    if isinstance(shape, MapShape):
        return {key: _from_json(shape.value, item) for key, item in value.items()} if isinstance(value, dict) else None
    return None if value is None else _scalar(shape, value)


def _json_structure(shape: StructureShape, value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _from_json(member, value[wire_name])
        for name, member in shape.members.items()
        if (wire_name := member.serialization.get("name", name)) in value
    }


def _from_cbor(shape: Shape, body: bytes) -> Any:
    parser = _parser("smithy-rpc-v2-cbor")
    if not body:
        return {}
    try:
        value = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
    except (ResponseParserError, ValueError, IndexError):
        return {}
    return _from_json(shape, value)


def _from_rest(shape: StructureShape, call: Call, exchange: Exchange) -> dict[str, Any]:
    found: dict[str, Any] = {}
    payload = shape.serialization.get("payload")
    body = _body(shape.members[payload] if payload else shape, call, exchange)
    if payload and body is not None:
        found[payload] = body
    elif isinstance(body, dict):
        found.update(body)
    for name, member in shape.members.items():
        wire_name = member.serialization.get("name", name)
        match member.serialization.get("location"):
            case "uri":
                value: Any = call.labels.get(wire_name)
            case "querystring":
                value = call.query.get(wire_name)
            case "header":
                value = exchange.headers.get(wire_name.lower())
            case _:
                continue
        if value is not None and not isinstance(member, ListShape | MapShape):
            found[name] = _scalar(member, value)
        elif value is not None and isinstance(member, ListShape):
            found[name] = [_scalar(member.member, part.strip()) for part in value.split(",")]
    return found


def _body(shape: Shape, call: Call, exchange: Exchange) -> Any:
    if not exchange.body or not isinstance(shape, StructureShape):
        return None
    if call.wire == "rest-json":
        return _from_json(shape, _json(exchange.body))
    parser = _parser("rest-xml")
    try:
        return parser._parse_shape(shape, parser._parse_xml_string_to_dom(exchange.body))
    except (ResponseParserError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _scalar(shape: Shape, value: Any) -> Any:
    if isinstance(value, dict | list):
        return None
    convert = _CONVERT.get(shape.type_name)
    try:
        return convert(value) if convert else value
    except (TypeError, ValueError, OverflowError, OSError):
        return value


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() == "true"


def _time(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    text = str(value)
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    return datetime.fromisoformat(text)


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": _boolean,
    "timestamp": _time,
}
