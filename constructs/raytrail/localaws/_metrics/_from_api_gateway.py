"""AWS/ApiGateway: the requests to stages of REST APIs, whichever form of URL they come by."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from typing import Any

from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._metrics._emitter import Emitter

_MODULE = "ministack.services.apigateway_v1"
_INTEGRATIONS = ("_invoke_lambda_proxy_v1", "_invoke_lambda_custom_v1", "_invoke_http_proxy_v1", "_invoke_sqs_v1")


class ApiGatewayMetrics:
    """Wraps the one function that every request to a stage passes."""

    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter
        self._apis = hook(f"{_MODULE}:_rest_apis")
        self._stages = hook(f"{_MODULE}:_stages_v1")
        self._seen: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("api_request", default=None)
        wrap(f"{_MODULE}:_handle_execute_in_scope", self._request)
        wrap(f"{_MODULE}:_execute_in_scope", self._routed)
        for name in _INTEGRATIONS:
            wrap(f"{_MODULE}:{name}", self._integration)

    def _request(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(api_id: str, stage_name: str, method: str, *rest: Any) -> Any:
            seen: dict[str, Any] = {"resource": "", "integration": None}
            token = self._seen.set(seen)
            started = time.perf_counter()
            try:
                answer = await original(api_id, stage_name, method, *rest)
            finally:
                self._seen.reset(token)
            latency = (time.perf_counter() - started) * 1000
            self._send(api_id, stage_name, method, seen, answer[0], latency)
            return answer

        return handle

    def _routed(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def execute(request: dict[str, Any], *rest: Any) -> Any:
            answer = await original(request, *rest)
            if seen := self._seen.get():
                seen["resource"] = request.get("resource_path", "")
            return answer

        return execute

    def _integration(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def invoke(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return await original(*arguments, **named)
            finally:
                if seen := self._seen.get():
                    seen["integration"] = (time.perf_counter() - started) * 1000

        return invoke

    def _send(
        self, api_id: str, stage_name: str, method: str, seen: dict[str, Any], status: int, latency: float
    ) -> None:
        api, stage = self._apis.get(api_id), (self._stages.get(api_id) or {}).get(stage_name)
        if not api or not stage:
            return
        # "API Gateway removes non-ASCII characters from the ApiName dimension"; an id stands in for an empty name.
        name = api.get("name", "").encode("ascii", "ignore").decode() or api_id
        values = {"Count": 1.0, "4XXError": float(400 <= status < 500), "5XXError": float(status >= 500)}
        values["Latency"] = latency
        if seen["integration"] is not None:
            values["IntegrationLatency"] = seen["integration"]
        sets = [{"ApiName": name}, {"ApiName": name, "Stage": stage_name}]
        if seen["resource"] and _is_detailed(stage, seen["resource"], method):
            sets.append({"ApiName": name, "Method": method, "Resource": seen["resource"], "Stage": stage_name})
        for dimensions in sets:
            for metric, value in values.items():
                self._emitter.send("AWS/ApiGateway", metric, value, **dimensions)


def _is_detailed(stage: dict[str, Any], resource: str, method: str) -> bool:
    """Whether the stage's settings ask for metrics by method."""
    settings = stage.get("methodSettings") or {}
    chosen = settings.get(f"{resource.lstrip('/')}/{method}") or settings.get(f"{resource}/{method}")
    return bool((chosen or settings.get("*/*") or {}).get("metricsEnabled"))
