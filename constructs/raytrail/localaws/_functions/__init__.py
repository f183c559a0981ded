"""Lambda: functions that are instrumented, traced, and fail as Lambda's do.

What it emulates: what a Python function can import, which is its code, its layers in Lambda's order, the AWS SDK and
the standard library, so that a layer that is missing fails here too; the layers ``AWSOpenTelemetryDistroPython`` and
``AWSLambdaPowertoolsPythonV3`` of AWS, whose packages from PyPI stand in for their bytes; the former with its execution
wrapper, set up as the layer's own script sets it up; tracing modes ``Active`` and ``PassThrough`` with Lambda's own
sampling and segments; the errors of functions that cannot start, raise, exit or hang, in the words of Lambda's Python
runtime; output that reaches the log group whole, and no log group that the function's role may not make.

What it is held against: the layer's ``otel-instrument`` script, its ``otel_wrapper`` module and its Dockerfile
(https://github.com/aws-observability/aws-otel-python-instrumentation/tree/main/lambda-layer); the requirements that
the packages themselves name; the pages on tracing, on layers and on Python in the Lambda developer guide; the format
of segment documents.

Known to differ from AWS: every Python runtime is the one that runs the server, so a compiled package in a layer has to
be built for that one; layers are searched one after the other and not unpacked into one ``/opt``, which is not there,
so a file of a layer is not found by that path, and of a package that two layers share the last layer's is seen alone;
Powertools' optional packages are there as far as they are installed beside the server; a user's ``PYTHONPATH`` is not
followed; a wrapper script out of a layer of one's own is not run (the log says so), and neither are extensions and the
layers for other languages, whose functions see all that is installed for them here; the root logger has no handler of
Lambda's; Application Signals gets no metrics; a failed start is not tried again; a function has one log stream for
each invocation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from raytrail.localaws._functions._invocation import Decisions, begin, current, record
from raytrail.localaws._functions._logging import within_permissions
from raytrail.localaws._functions._packages import Packages
from raytrail.localaws._functions._worker import python_script, worker_class
from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._world import World
from raytrail.localaws._xray import TraceHeader, XRay, incoming


def install(world: World) -> None:
    """Replace the worker of Python functions, and trace invocations."""
    xray = cast(XRay, world.services["xray"])
    wrap("ministack.core.lambda_runtime:_PYTHON_WORKER_SCRIPT", python_script)
    worker = worker_class(
        lambda account, region: xray.at(account, region).daemon_address,
        Packages(world.config.folder / "packages"),
        world.endpoint,
    )
    wrap("ministack.core.lambda_runtime:Worker", lambda original: worker)
    wrap("ministack.services.lambda_svc:_execute_function_dispatch", lambda original: _traced(original, xray))
    wrap("ministack.services.lambda_svc:_xray_trace_id_for_invocation", _told)
    wrap("ministack.services.lambda_svc:_invoke", _continuing)
    wrap("ministack.services.lambda_svc:_emit_lambda_logs", within_permissions)
    wrap("ministack.services.apigateway_v1:_lambda_proxy_response", _discreet)


def _traced(original: Callable[..., dict[str, Any]], xray: XRay) -> Callable[..., dict[str, Any]]:
    scope = hook("ministack.core.lambda_runtime:_account_region_from_function_config")
    decisions = Decisions()

    def dispatch(
        func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str, started: float
    ) -> dict[str, Any]:
        invocation = begin(config, request_id, started, incoming.get(), decisions)
        token = current.set(invocation)
        try:
            result = original(func, config, event, request_id, started)
        finally:
            current.reset(token)
        if result.get("error") and invocation.failure:
            result = {**result, "body": invocation.failure}
        record(invocation, result, xray.at(*scope(config)))
        return result

    return dispatch


def _told(original: Callable[..., str | None]) -> Callable[..., str | None]:
    """The value of ``_X_AMZN_TRACE_ID``."""

    def header(config: Mapping[str, Any], inbound_trace_header: str | None = None) -> str | None:
        invocation = current.get()
        return str(invocation.header) if invocation else original(config, inbound_trace_header)

    return header


def _continuing(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Take the tracing header of a caller of the API operation Invoke."""

    async def invoke(name: str, event: Any, headers: dict[str, str], *rest: Any, **options: Any) -> Any:
        token = incoming.set(TraceHeader.parse(headers.get("x-amzn-trace-id")))
        try:
            return await original(name, event, headers, *rest, **options)
        finally:
            incoming.reset(token)

    return invoke


def _discreet(original: Callable[..., tuple[Any, str | None]]) -> Callable[..., tuple[Any, str | None]]:
    """Tell a client of an API what API Gateway tells of a failed function: nothing."""

    def respond(result: Any) -> tuple[Any, str | None]:
        response, error = original(result)
        return response, "Internal server error" if error else None

    return respond
