"""What API Gateway does for a trace: decide, hand on the tracing header, and record the stage's segment.

The segment has the form of
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-understanding-xray-traces.html, and the
decision is made by the sampling rules with the values of
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-configuring-xray-sampling-rules.html. The URL
path that a rule is held against is taken to be the client's, which begins with the stage: ``/v1/orders``.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._xray._documents import Document, fit_name
from raytrail.localaws._xray._header import HEADER_NAME, TraceHeader, incoming, new_segment_id, new_trace_id
from raytrail.localaws._xray._sampling import SampledRequest
from raytrail.localaws._xray._service import XRay

EMULATED = {"raytrail": {"emulated": True}}
"""The metadata of every segment that an AWS service would send and the embedded AWS made in its place."""

HttpAnswer = tuple[int, dict[str, Any], bytes]
_EXECUTE = "ministack.services.apigateway_v1:_handle_execute_in_scope"
_INVOKE = "ministack.services.apigateway_v1:_call_lambda_raw"


@dataclass(kw_only=True)
class _StageCall:
    """One request to a stage while it is served."""

    header: TraceHeader
    """What an integration is told."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    subsegments: list[Document] = field(default_factory=list)


_call: ContextVar[_StageCall | None] = ContextVar("the stage request being served", default=None)


def install(xray: XRay) -> None:
    """Wrap the data plane of REST APIs."""
    stages = hook("ministack.services.apigateway_v1:_stages_v1")
    apis = hook("ministack.services.apigateway_v1:_rest_apis")

    def traced(original: Callable[..., Awaitable[HttpAnswer]]) -> Callable[..., Awaitable[HttpAnswer]]:
        async def handle(
            api_id: str,
            stage_name: str,
            method: str,
            path: str,
            headers: dict[str, Any],
            body: bytes,
            query_params: dict[str, Any],
            owner_account_id: str,
            owner_region: str,
        ) -> HttpAnswer:
            account_id, region = owner_account_id, owner_region
            request = (api_id, stage_name, method, path, headers, body, query_params, account_id, region)
            stage = stages.get(api_id, {}).get(stage_name)
            if stage is None:
                return await original(*request)
            given = TraceHeader.parse(_text(headers or {}, HEADER_NAME))
            root = given.root if given else new_trace_id()
            if str(stage.get("tracingEnabled")).lower() != "true":
                # The trace of a caller passes through; API Gateway adds nothing to it and starts none.
                return await _serve(original, request, given or TraceHeader(root))

            name = f"{apis[api_id]['name']}/{stage_name}"
            arn = f"arn:aws:apigateway:{region}::/restapis/{api_id}/stages/{stage_name}"
            here = xray.at(account_id, region)
            rule: str | None = None
            sampled = given.sampled if given else None
            if sampled is None:
                rule, sampled = here.sampling.decide(
                    SampledRequest(
                        service_name=name,
                        service_type="AWS::ApiGateway::Stage",
                        host=_text(headers or {}, "host"),
                        method=method,
                        path=f"/{stage_name}{path}",
                        resource_arn=arn,
                        attributes={key.lower(): _text(headers, key) for key in headers or {}},
                    )
                )
            header = TraceHeader(root, new_segment_id(), sampled)
            call = _StageCall(header=header)
            started = time.time()
            answer = await _serve(original, request, header, call)
            if sampled:
                parent = {"parent_id": given.parent} if given and given.parent else {}
                status, _, answer_body = answer
                here.traces.put(
                    {
                        "id": header.parent,
                        "name": fit_name(name),
                        "trace_id": root,
                        **parent,
                        "start_time": started,
                        "end_time": time.time(),
                        "origin": "AWS::ApiGateway::Stage",
                        "resource_arn": arn,
                        "http": {
                            "request": _request(api_id, stage_name, method, path, headers, query_params, region),
                            "response": {"status": status, "content_length": len(answer_body or b"")},
                        },
                        **_flags(status),
                        "aws": {
                            **({"xray": {"sampling_rule_name": rule}} if rule else {}),
                            "api_gateway": {
                                "account_id": account_id,
                                "rest_api_id": api_id,
                                "stage": stage_name,
                                "request_id": call.request_id,
                            },
                        },
                        "annotations": {"aws:api_id": api_id, "aws:api_stage": stage_name},
                        "metadata": {
                            "default": {"extended_request_id": call.request_id, "request_id": call.request_id},
                            **EMULATED,
                        },
                        "subsegments": call.subsegments,
                    }
                )
            return answer

        return handle

    wrap(_EXECUTE, traced)
    wrap(_INVOKE, _invoking)


async def _serve(
    original: Callable[..., Awaitable[HttpAnswer]],
    request: tuple[Any, ...],
    header: TraceHeader,
    call: _StageCall | None = None,
) -> HttpAnswer:
    call = call or _StageCall(header=header)
    tokens = _call.set(call), incoming.set(header)
    try:
        status, headers, body = await original(*request)
    finally:
        _call.reset(tokens[0])
        incoming.reset(tokens[1])
    headers = {**headers, HEADER_NAME: str(header)}
    # Client, integration and segment know the request by one ID, as at AWS.
    call.request_id = headers.setdefault("x-amzn-requestid", call.request_id)
    return status, headers, body


def _invoking(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Record the invocation of a Lambda integration as a subsegment of the stage's segment."""

    async def invoke(
        function_ref: str, event: dict[str, Any], *, account_id: str | None = None, region: str | None = None
    ) -> Any:
        call = _call.get()
        if call is None:
            return await original(function_ref, event, account_id=account_id, region=region)
        call.request_id = event["requestContext"]["requestId"]
        header = call.header
        if header.sampled:
            header = TraceHeader(header.root, new_segment_id(), header.sampled)
        told = f"Root={header.root}"
        event["headers"] = {**_without(event["headers"], HEADER_NAME), HEADER_NAME: told}
        event["multiValueHeaders"] = {**_without(event["multiValueHeaders"], HEADER_NAME), HEADER_NAME: [told]}
        token = incoming.set(header)
        started = time.time()
        try:
            result, error = await original(function_ref, event, account_id=account_id, region=region)
        finally:
            incoming.reset(token)
        failed = error is not None or bool(result.get("error"))
        name = re.sub(r"^.*:function:", "", function_ref).partition(":")[0]
        url = f"https://lambda.{region}.amazonaws.com/2015-03-31/functions/{function_ref}/invocations"
        call.subsegments.append(
            {
                "id": header.parent,
                "name": "Lambda",
                "namespace": "aws",
                "start_time": started,
                "end_time": time.time(),
                "http": {"request": {"url": url, "method": "POST"}, "response": {"status": 404 if error else 200}},
                "aws": {"function_name": name, "region": region, "operation": "Invoke", "resource_names": [name]},
                **({"fault": True} if failed else {}),
            }
        )
        return result, error

    return invoke


def _request(
    api_id: str,
    stage_name: str,
    method: str,
    path: str,
    headers: dict[str, Any],
    query_params: dict[str, Any],
    region: str,
) -> Document:
    # Reached by way of this server's own address, the API has the name that it would have at AWS.
    host = _text(headers or {}, "host")
    if re.match(r"(127\.0\.0\.1|localhost)(:\d+)?$|.*\.localhost(:\d+)?$", host):
        host = f"{api_id}.execute-api.{region}.amazonaws.com"
    query = urlencode(query_params or {}, doseq=True)
    found = {
        "url": f"https://{host}/{stage_name}{path}" + (f"?{query}" if query else ""),
        "method": method,
        "user_agent": _text(headers or {}, "user-agent")[:250],
        "client_ip": (_text(headers or {}, "x-forwarded-for") or "127.0.0.1").split(",")[0].strip(),
    }
    return {**{key: value for key, value in found.items() if value}, "x_forwarded_for": True}


def _flags(status: int) -> Document:
    if status >= 500:
        return {"fault": True}
    if status == 429:
        return {"error": True, "throttle": True}
    return {"error": True} if status >= 400 else {}


def _without(headers: dict[str, Any] | None, name: str) -> dict[str, Any]:
    return {key: value for key, value in (headers or {}).items() if key.lower() != name.lower()}


def _text(headers: dict[str, Any], name: str) -> str:
    for key, value in headers.items():
        if key.lower() == name.lower():
            return value if isinstance(value, str) else (str(value[-1]) if value else "")
    return ""
