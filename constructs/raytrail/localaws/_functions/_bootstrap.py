"""What runs inside a function's own process, before and around its handler.

The text of this module is put in front of ministack's worker script, so it imports nothing of ours, and nothing
but the standard library unless the function is instrumented.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

END_OF_LOG = "\x1e"
"""Ends what an invocation wrote, in a line of its own, on the stream that carries the function's output."""

_FAST_START = ("OTEL_AWS_LAMBDA_FAST_START", "AWS_LAMBDA_LITE_MODE")
"""What asks for the distribution's small SDK in place of the full one: as documented, and as the script reads it."""


class _InitError(Exception):
    """The execution environment could not be prepared; ``type_`` is AWS's name of the failure."""

    def __init__(self, type_: str, message: str) -> None:
        super().__init__(message)
        self.type_ = type_


def load_handler(module_name: str, handler_name: str) -> Callable[[Any, Any], Any]:
    """The handler, instrumented when the function's execution wrapper asks for it."""
    _run_wrapper()
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise _InitError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        raise _InitError("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}") from error
    try:
        handler: Callable[[Any, Any], Any] = getattr(module, handler_name)
    except AttributeError as error:
        raise _InitError(
            "Runtime.HandlerNotFound", f"Handler '{handler_name}' missing on module '{module_name}'"
        ) from error
    return handler


def call_handler(handler: Callable[[Any, Any], Any], event: Any, context: Any) -> Any:
    """Run one invocation, and say on the log stream where it ended."""
    try:
        return handler(event, context)
    finally:
        sys.stdout.flush()
        sys.stderr.write(f"{END_OF_LOG}\n")
        sys.stderr.flush()


def describe_failure(error: BaseException, request_id: str = "") -> dict[str, Any]:
    """What Lambda answers for an error, and the lines that it writes to the log."""
    type_, message = getattr(error, "type_", type(error).__name__), str(error)
    payload: dict[str, Any] = {"errorMessage": message, "errorType": type_, "requestId": request_id}
    # The frames of this bootstrap and of the worker are not the function's.
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "_worker.py" not in frame.filename]
    payload["stackTrace"] = traceback.format_list(frames)
    log = f"[ERROR] {type_}: {message}"
    if frames:
        log += "\nTraceback (most recent call last):\n" + "".join(payload["stackTrace"]).rstrip("\n")
    return {"payload": payload, "log": log}


def _run_wrapper() -> None:
    wrapper = os.environ.get("AWS_LAMBDA_EXEC_WRAPPER")
    if not wrapper:
        return
    if os.environ.get("_RAYTRAIL_ADOT"):
        _instrument()
        return
    layers = filter(None, os.environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep))
    inside = wrapper.removeprefix("/opt/")
    if inside == wrapper or not any(os.path.isfile(os.path.join(layer, inside)) for layer in layers):  # noqa: PTH113, PTH118 - this runs at every cold start
        # The words and the status of the runtime's own start script.
        sys.stderr.write(f"{wrapper}: does not exist\n")
        sys.stderr.flush()
        os._exit(127)
    sys.stderr.write(f"{wrapper}: the embedded AWS does not run wrapper scripts; the function starts without it\n")


def _instrument() -> None:
    """Do what the ADOT layer does once its script has set the environment."""
    from opentelemetry.context import Context
    from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor
    from opentelemetry.propagate import extract
    from opentelemetry.trace import get_current_span

    def continue_trace(event: Any) -> Context:
        # Lambda's own tracing header wins over one that a client put into the request.
        headers = event.get("headers") if isinstance(event, dict) else None
        carrier = {
            key: value
            for key, value in (headers if isinstance(headers, dict) else {}).items()
            if key.lower() != "x-amzn-trace-id"
        }
        if header := os.environ.get("_X_AMZN_TRACE_ID"):
            carrier["X-Amzn-Trace-Id"] = header
        context = extract(carrier)
        return context if get_current_span(context).get_span_context().is_valid else Context()

    instance = f"faas.instance={os.environ.get('AWS_LAMBDA_LOG_STREAM_NAME', '')}"
    os.environ["OTEL_RESOURCE_ATTRIBUTES"] = f"{instance},{os.environ.get('OTEL_RESOURCE_ATTRIBUTES', '')}"
    if any(os.environ.get(name, "").lower() == "true" for name in _FAST_START):
        from amazon.opentelemetry.distro.opentelemetry_lite_sdk import (
            configure_lite_mode,
        )

        configure_lite_mode()
    else:
        from opentelemetry.instrumentation.auto_instrumentation import initialize

        initialize()
    AwsLambdaInstrumentor().instrument(event_context_extractor=continue_trace)
