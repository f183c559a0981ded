"""Which API call an HTTP request was: its service and operation, by botocore's own models."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import parse_qsl

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel

from raytrail.localaws._world import Exchange

Wire = Literal["query", "ec2", "json", "smithy-rpc-v2-cbor", "rest-json", "rest-xml"]

SERVICES_OF_SIGNING_NAME: dict[str, tuple[str, ...]] = {
    "apigateway": ("apigateway", "apigatewayv2"),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "elasticmapreduce": ("emr",),
    "es": ("opensearch", "es"),
    "monitoring": ("cloudwatch",),
    "s3": ("s3", "s3control"),
    "ses": ("ses", "sesv2"),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
}
"""botocore's services behind a signing name, where that is not simply the service's own name."""

_RPC_PATH = re.compile(r"/service/[^/]+/operation/(?P<operation>[^/]+)/?")
_IP_OR_LOCAL = re.compile(r"[\d.]+|localhost|\[[0-9a-f:]+\]")
_NEVER = {"ListDirectoryBuckets"}
"""Shares method and path with ListBuckets; directory buckets do not exist here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """An API call: its model, and what its URL said."""

    service: ServiceModel
    operation: OperationModel
    wire: Wire
    """How it was written: a service may offer several ways."""
    path: str
    """The path as the model's template has it, with the bucket in it even when the host named it."""
    labels: dict[str, str]
    query: dict[str, str]


def identify(exchange: Exchange) -> Call | None:
    """The call that ``exchange`` was, or None when no model knows it (then CloudTrail has no record of it)."""
    if not exchange.service:
        return None
    models = [model for name in _service_names(exchange.service) if (model := _model(name)) is not None]
    query = dict(parse_qsl(exchange.query_string, keep_blank_values=True))
    return _by_target(exchange, models) or _by_action(exchange, models, query) or _by_path(exchange, models, query)


def form(exchange: Exchange) -> dict[str, str]:
    """The parameters of a query-protocol request: URL and body together."""
    pairs = parse_qsl(exchange.query_string, keep_blank_values=True)
    if "form-urlencoded" in exchange.headers.get("content-type", ""):
        pairs += parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True)
    return dict(pairs)


def _service_names(signing_name: str) -> tuple[str, ...]:
    return SERVICES_OF_SIGNING_NAME.get(signing_name, (signing_name,))


@functools.cache
def _model(name: str) -> ServiceModel | None:
    loader = botocore.session.get_session().get_component("data_loader")
    try:
        return ServiceModel(loader.load_service_model(name, "service-2"), name)
    except UnknownServiceError:
        return None


def _by_target(exchange: Exchange, models: list[ServiceModel]) -> Call | None:
    target = exchange.headers.get("x-amz-target", "")
    rpc = _RPC_PATH.fullmatch(exchange.path)
    if rpc and "smithy-protocol" in exchange.headers:
        name = rpc["operation"]
        wire: Wire = "smithy-rpc-v2-cbor"
    elif "." in target:
        prefix, _, name = target.rpartition(".")
        models = sorted(models, key=lambda model: model.metadata.get("targetPrefix") != prefix)
        wire = "json"
    else:
        return None
    for model in models:
        if name in model.operation_names:
            return _call(model, name, wire, exchange.path)
    return None


def _by_action(exchange: Exchange, models: list[ServiceModel], query: dict[str, str]) -> Call | None:
    name = query.get("Action") or form(exchange).get("Action")
    for model in models:
        protocols = model.metadata.get("protocols") or [model.metadata["protocol"]]
        if name and name in model.operation_names and not {"rest-json", "rest-xml"} & set(protocols):
            wire: Wire = "ec2" if "ec2" in protocols else "query"
            return _call(model, name, wire, exchange.path)
    return None


def _call(model: ServiceModel, name: str, wire: Wire, path: str) -> Call:
    return Call(service=model, operation=model.operation_model(name), wire=wire, path=path, labels={}, query={})


def _by_path(exchange: Exchange, models: list[ServiceModel], query: dict[str, str]) -> Call | None:
    path = exchange.path
    if exchange.service == "s3":
        path = _with_bucket(path, exchange.headers.get("host", ""))
    best: tuple[tuple[int, ...], Call] | None = None
    for model in models:
        if model.metadata["protocol"] not in ("rest-json", "rest-xml"):
            continue
        for route in _routes(model.service_name):
            match = route.match(exchange, path, query)
            if match is None:
                continue
            rank, labels = match
            if best is None or rank > best[0]:
                call = Call(
                    service=model,
                    operation=route.operation,
                    wire=cast("Wire", model.metadata["protocol"]),
                    path=path,
                    labels=labels,
                    query=query,
                )
                best = rank, call
    return best[1] if best else None


def _with_bucket(path: str, host: str) -> str:
    name = host.rsplit(":", 1)[0]
    bucket, dot, rest = name.partition(".s3.")
    if not dot or _IP_OR_LOCAL.fullmatch(name) or not rest:
        return path
    return f"/{bucket}{path}"


@dataclass(frozen=True, slots=True)
class _Route:
    operation: OperationModel
    method: str
    strict: re.Pattern[str]
    loose: re.Pattern[str]
    literal: int
    """How much of the path is fixed: the longer, the more specific."""
    query: dict[str, str]
    wanted_query: tuple[str, ...]
    wanted_headers: tuple[str, ...]

    def match(
        self, exchange: Exchange, path: str, query: dict[str, str]
    ) -> tuple[tuple[int, ...], dict[str, str]] | None:
        if exchange.method != self.method:
            return None
        for name, value in self.query.items():
            if name not in query or (value and query[name] != value):
                return None
        if any(name not in query for name in self.wanted_query):
            return None
        if any(name not in exchange.headers for name in self.wanted_headers):
            return None
        strict = self.strict.fullmatch(path)
        # A label may hold an encoded slash (an ARN), which the server has decoded.
        match = strict or self.loose.fullmatch(path)
        if match is None:
            return None
        wanted = len(self.wanted_query) + len(self.wanted_headers)
        hint = query.get("x-id") == self.operation.name
        current = not self.operation.deprecated
        rank = (int(hint), int(strict is not None), self.literal, len(self.query), wanted, int(current))
        return rank, {_label(name): value for name, value in match.groupdict().items()}


@functools.cache
def _routes(service_name: str) -> tuple[_Route, ...]:
    model = _model(service_name)
    return tuple(_read_routes(model)) if model else ()


def _read_routes(model: ServiceModel) -> Iterator[_Route]:
    for name in model.operation_names:
        if name in _NEVER:
            continue
        operation = model.operation_model(name)
        template, _, literal_query = operation.http["requestUri"].partition("?")
        wanted_query, wanted_headers = [], []
        shape = operation.input_shape
        required = {name: shape.members[name] for name in shape.required_members} if shape else {}
        for member_name, member in required.items():
            serialization: dict[str, Any] = member.serialization
            location, wire_name = serialization.get("location"), serialization.get("name", member_name)
            if location == "querystring":
                wanted_query.append(wire_name)
            elif location == "header":
                wanted_headers.append(wire_name.lower())
        yield _Route(
            operation,
            operation.http["method"],
            _pattern(template, "[^/]+"),
            _pattern(template, ".+"),
            len(re.sub(r"\{[^}]*\}", "", template)),
            dict(parse_qsl(literal_query, keep_blank_values=True)),
            tuple(wanted_query),
            tuple(wanted_headers),
        )


def _pattern(template: str, label: str) -> re.Pattern[str]:
    pattern = ""
    for part in re.split(r"(\{[^}]*\})", template.rstrip("/")):
        if part.startswith("{"):
            name = part.strip("{}")
            pattern += f"(?P<{_group(name.rstrip('+'))}>{'.+' if name.endswith('+') else label})"
        else:
            pattern += re.escape(part)
    return re.compile(pattern + "/?", re.DOTALL)


def _group(label: str) -> str:
    return label.replace("-", "__dash__")


def _label(group: str) -> str:
    return group.replace("__dash__", "-")
