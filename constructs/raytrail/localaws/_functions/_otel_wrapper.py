"""The module ``otel_wrapper`` that a function finds in the ADOT layer: its handler, with a span around each call.

A copy of this file takes the place of the layer's module of that name, so it imports nothing of ours. The layer's
script makes it the function's handler and leaves the name of the function's own in ``ORIG_HANDLER``.
"""

import importlib
import logging
import os
from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context
from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor
from opentelemetry.propagate import extract

_TRACING_HEADER = "X-Amzn-Trace-Id"
_FAST_START = ("OTEL_AWS_LAMBDA_FAST_START", "AWS_LAMBDA_LITE_MODE")
"""What asks for the distribution's small SDK in place of the full one: as documented, and as the script reads it."""


def _continue_trace(event: Any) -> Context:
    # Lambda's own tracing header wins over one that a client put into the request.
    headers = event.get("headers") if isinstance(event, dict) else None
    carrier = dict(headers) if isinstance(headers, dict) else {}
    if header := os.environ.get("_X_AMZN_TRACE_ID"):
        carrier = {key: value for key, value in carrier.items() if key.lower() != _TRACING_HEADER.lower()}
        carrier[_TRACING_HEADER] = header
    return extract(carrier)


def _instrumented() -> Callable[[Any, Any], Any]:
    if any(os.environ.get(name, "").lower() == "true" for name in _FAST_START):
        try:
            from amazon.opentelemetry.distro.opentelemetry_lite_sdk import (
                configure_lite_mode,
            )

            configure_lite_mode()
        except Exception:
            # The function is worth more than its traces, here as in the layer.
            logging.getLogger("otel_wrapper").exception("failed to configure the small SDK")
    AwsLambdaInstrumentor().instrument(event_context_extractor=_continue_trace)
    module, _, name = os.environ["ORIG_HANDLER"].rpartition(".")
    handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module.replace("/", ".")), name)
    return handler


lambda_handler = _instrumented()
