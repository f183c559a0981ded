"""A process that stands for Lambda's runtime with one function in it.

It loads the handler that ``_HANDLER`` names, says so, and then answers each line of standard input (an event and the
trace header of the invocation) with what the call took. It imports nothing of ours. Its argument says how a function
traces itself; where a layer does it from outside, as ADOT's, there is nothing to do here.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Handler = Callable[[Any, Any], Any]


class Context:
    """Lambda's context object, as far as handlers and tracers read it."""

    function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
    invoked_function_arn = f"arn:aws:lambda:{os.environ['AWS_REGION']}:000000000000:function:{function_name}"
    memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
    log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
    log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]

    def __init__(self, request_id: str) -> None:
        self.aws_request_id = request_id

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Return what is left of a limit that nothing here reaches."""
        return 30_000


def load() -> Handler:
    """The handler, which traces nothing itself."""
    module, name = os.environ["_HANDLER"].rsplit(".", 1)
    handler: Handler = getattr(importlib.import_module(module), name)
    return handler


def load_with_xray_sdk() -> Handler:
    """The X-Ray SDK at its leanest: in Lambda, whose segment it adds to, one library is patched and no more."""
    from aws_xray_sdk.core import patch  # type: ignore[import-untyped]  # ships no types

    patch(["boto3"])
    return load()


def load_with_powertools() -> Handler:
    """Powertools Tracer by its defaults: it patches what it finds, and makes a subsegment of the handler."""
    from aws_lambda_powertools import Tracer

    handler: Handler = Tracer().capture_lambda_handler(load())
    return handler


LOADERS = {"": load, "xray-sdk": load_with_xray_sdk, "powertools": load_with_powertools}


def call(handler: Handler, asked: dict[str, Any]) -> dict[str, Any]:
    """Call the handler as Lambda does, and return what that took."""
    context = Context(asked["request_id"])
    os.environ["_X_AMZN_TRACE_ID"] = asked["trace"]
    begin, used = time.perf_counter(), time.process_time()
    answer = handler(asked["event"], context)
    seconds, processor = time.perf_counter() - begin, time.process_time() - used
    return {"seconds": seconds, "processor": processor, "since_start": used + processor, "status": answer["statusCode"]}


def peak_mb() -> float:
    """The most memory that was resident at once, or 0 where the system does not tell."""
    # getrusage tells everywhere, but a peak that is inherited from the process that started this one.
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def main() -> None:
    """Load the handler and answer until standard input ends; a line that asks nothing asks for the peak of memory."""
    # The handler's own output goes where nobody reads it.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    handler = LOADERS[sys.argv[1]]()
    print(json.dumps("loaded"), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(call(handler, asked) if asked else peak_mb()), file=answers, flush=True)


if __name__ == "__main__":
    main()
