"""A Lambda execution environment with the ADOT layer for Python, as far as a process can be one.

Run by tests in a process of its own: does what the layer's script and wrapper do with the distribution, then what
Lambda's runtime does with the handler. Takes the invocations as JSON on standard input; writes what became of them to
the file that is its argument. What the function logs is on standard output and error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main() -> None:
    given = json.load(sys.stdin)
    invocations = given["invocations"]
    set_environment(given["off_by_default"])
    instrument()
    module, name = os.environ["ORIG_HANDLER"].rsplit(".", 1)
    handler = getattr(importlib.import_module(module), name)
    results = [invoke(handler, number, **invocation) for number, invocation in enumerate(invocations)]
    Path(sys.argv[1]).write_text(json.dumps(results), encoding="utf-8")


def set_environment(off_by_default: list[str]) -> None:
    """What the layer's script exports:
    https://github.com/aws-observability/aws-otel-python-instrumentation/blob/main/lambda-layer/src/otel-instrument.
    """
    environment = os.environ
    environment["ORIG_HANDLER"] = environment["_HANDLER"]
    environment.setdefault("OTEL_PROPAGATORS", "baggage,xray,tracecontext")
    environment.setdefault("OTEL_METRICS_EXPORTER", "none")
    environment.setdefault("OTEL_LOGS_EXPORTER", "none")
    environment.setdefault("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", ",".join(off_by_default))
    environment["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] += ",aws-lambda"
    ours = f"cloud.provider=aws,faas.name={environment['AWS_LAMBDA_FUNCTION_NAME']}"
    given = environment.get("OTEL_RESOURCE_ATTRIBUTES")
    environment["OTEL_RESOURCE_ATTRIBUTES"] = f"{ours},{given}" if given else ours


def instrument() -> None:
    from opentelemetry.instrumentation.auto_instrumentation import initialize
    from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor

    initialize()
    from opentelemetry.propagate import extract

    AwsLambdaInstrumentor().instrument(
        event_context_extractor=lambda event: extract({"X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]})
    )


def invoke(handler: Any, number: int, event: Any, root: str | None = None) -> dict[str, Any]:
    os.environ["_X_AMZN_TRACE_ID"] = f"Root={root or f'1-692237c0-{number:024x}'};Parent={number + 1:016x};Sampled=1"
    context = SimpleNamespace(
        function_name="orders",
        function_version="$LATEST",
        invoked_function_arn="arn:aws:lambda:us-east-1:111122223333:function:orders",
        aws_request_id=f"request-{number}",
    )
    try:
        return {"result": handler(event, context)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
