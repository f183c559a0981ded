"""API Gateway: endpoint, access logs, cache and canary of a stage, and request validators that validate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from raytrail.localaws._cloudformation._completions._completed import (
    Handler,
    Json,
    Properties,
    accepted,
    camel,
    completed,
)
from raytrail.localaws._hooks import hook

_SERVICE = "ministack.services.apigateway_v1"

_STAGE = {
    "AccessLogSetting": ("accessLogSettings", {}),
    "CacheClusterEnabled": ("cacheClusterEnabled", False),
    "CacheClusterSize": ("cacheClusterSize", None),
    "CanarySetting": ("canarySettings", None),
    "ClientCertificateId": ("clientCertificateId", None),
    "DocumentationVersion": ("documentationVersion", None),
}
_REST_API = {
    "EndpointConfiguration": ("endpointConfiguration", {"types": ["EDGE"]}),
    "ApiKeySourceType": ("apiKeySource", "HEADER"),
    "DisableExecuteApiEndpoint": ("disableExecuteApiEndpoint", False),
}
_INTEGRATION = {
    "CacheNamespace": "cacheNamespace",
    "ConnectionId": "connectionId",
    "ContentHandling": "contentHandling",
    "ResponseTransferMode": "responseTransferMode",
    "TlsConfig": "tlsConfig",
}


def install(handlers: dict[str, Handler]) -> None:
    """Complete the types of a REST API."""
    apis = hook(f"{_SERVICE}:_rest_apis")
    stages = hook(f"{_SERVICE}:_stages_v1")
    resources = hook(f"{_SERVICE}:_resources")

    def rest_api(physical_id: str, new: Properties, old: Properties) -> None:
        _keep(apis[physical_id], _REST_API, new)
        if isinstance(new.get("Policy"), Mapping):
            apis[physical_id]["policy"] = json.dumps(new["Policy"])

    def stage(physical_id: str, new: Properties, old: Properties) -> None:
        record = (stages.get(new["RestApiId"]) or {}).get(new.get("StageName"))
        _keep(_found(record, "Invalid API identifier specified"), _STAGE, new)

    def method(physical_id: str, new: Properties, old: Properties) -> None:
        resource = (resources.get(new["RestApiId"]) or {}).get(new["ResourceId"])
        kept = _found(resource, "Invalid Resource identifier specified")["resourceMethods"][new["HttpMethod"]]
        kept["requestValidatorId"] = new.get("RequestValidatorId")
        for name, member in _INTEGRATION.items():
            if name in new.get("Integration", {}):
                kept["methodIntegration"][member] = camel(new["Integration"][name])

    for type_name, apply in (("RestApi", rest_api), ("Stage", stage), ("Method", method)):
        handlers[f"AWS::ApiGateway::{type_name}"] = completed(handlers[f"AWS::ApiGateway::{type_name}"], apply)
    handlers["AWS::ApiGateway::RequestValidator"] = _validator_handler()


def _found(record: dict[str, Json] | None, otherwise: str) -> dict[str, Json]:
    if record is None:
        raise ValueError(f"{otherwise} (Service: ApiGateway, Status Code: 404)")
    return record


def _keep(record: dict[str, Json], members: Mapping[str, tuple[str, Json]], given: Properties) -> None:
    for name, (member, default) in members.items():
        record[member] = camel(given[name]) if name in given else default


def _validator_handler() -> Handler:
    create_validator: Callable[..., Any] = hook(f"{_SERVICE}:_create_request_validator")
    update_validator: Callable[..., Any] = hook(f"{_SERVICE}:_update_request_validator")
    delete_validator: Callable[..., Any] = hook(f"{_SERVICE}:_delete_request_validator")

    def create(logical_id: str, props: Properties, stack_name: str) -> tuple[str, Json]:
        wanted = {"name": props.get("Name", ""), **_flags(props)}
        made = accepted(create_validator(props["RestApiId"], wanted), "ApiGateway")
        return made["id"], {"RequestValidatorId": made["id"]}

    def update(physical_id: str, old: Properties, new: Properties, stack_name: str) -> tuple[str, Json]:
        if any(old.get(name) != new.get(name) for name in ("RestApiId", "Name")):
            return create(physical_id, new, stack_name)
        patches = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in _flags(new).items()]
        accepted(update_validator(new["RestApiId"], physical_id, {"patchOperations": patches}), "ApiGateway")
        return physical_id, {"RequestValidatorId": physical_id}

    def delete(physical_id: str, props: Properties) -> None:
        # An API that is gone has taken its validators along.
        delete_validator(props["RestApiId"], physical_id)

    return {"create": create, "update": update, "delete": delete}


def _flags(props: Properties) -> dict[str, bool]:
    return {
        "validateRequestBody": bool(props.get("ValidateRequestBody")),
        "validateRequestParameters": bool(props.get("ValidateRequestParameters")),
    }
