"""Errors to Rollbar: within the invocation, in bounded time, with the ID of the trace, and raised again.

``raytrail_runtime.entry`` puts `report_errors` around the handler of a function whose code knows nothing of it; a
function may put it around its handler, or around anything else, itself. The package ``rollbar`` is the function's.
"""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from raytrail_runtime._bounds import Pause, TookTooLong, Work
from raytrail_runtime._log import warn
from raytrail_runtime._secrets import Reference, SecretMissing, forget, prepare, read

VARIABLE = "RAYTRAIL_ROLLBAR"

Handler = Callable[[Any, Any], Any]

_pause = Pause()
_REFUSED = ("HTTP 401", "HTTP 403")


def report_errors(handler: Handler) -> Handler:
    """Report what a handler raises, and raise it.

    Use it as a decorator where the function's handler property cannot be changed, as in a container image.
    """

    @functools.wraps(handler)
    def reporting(event: Any, context: Any) -> Any:
        try:
            return handler(event, context)
        except Exception as error:
            report(error, context)
            raise

    return reporting


def report(error: Exception, context: Any = None) -> None:
    """Send one error to Rollbar. Never raises; what keeps it from being sent is a line in the log.

    Args:
        error: What was raised, with its traceback.
        context: Lambda's context of the invocation, if there is one.
    """
    if _pause:
        return
    try:
        _report(error, context)
    except Exception as problem:
        _not_sent(f"{type(problem).__name__}")


def _report(error: Exception, context: Any) -> None:
    try:
        settings = json.loads(os.environ[VARIABLE])
        token = Reference(settings["token"]["id"], settings["token"].get("field"))
        seconds = float(settings["timeout_seconds"])
        options = _options(settings, seconds)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        _not_sent(f"{VARIABLE} is not what instrument_lambda writes: {problem!r}")
        return
    try:
        import rollbar
    except ImportError:
        _not_sent("the package rollbar is neither in the function's code nor in a layer of its own")
        return
    # Reading the token, once, has as long again.
    bound = min(seconds * 2 if prepare([token]) else seconds, _seconds_left(context))
    extra = _circumstances(context)
    # The frame of whoever caught the error says nothing about it.
    traceback = error.__traceback__ and error.__traceback__.tb_next

    def send() -> None:
        with _untraced(), _complaints() as complaints:
            key = read(token)
            for _ in range(2):
                complaints.clear()
                rollbar.init(key, **options)
                # A second init leaves the token as it was.
                rollbar.SETTINGS["access_token"] = key
                rollbar.report_exc_info((type(error), error, traceback), extra_data=dict(extra))
                if not complaints or complaints[0] not in _REFUSED:
                    break
                # The token may be another one by now.
                forget(token)
                refused, key = key, read(token)
                if key == refused:
                    break
        if complaints:
            raise _Unsent(complaints[0])

    try:
        Work(send).result(bound)
    except TookTooLong:
        _not_sent(f"no answer within {bound:g} seconds")
    except (SecretMissing, _Unsent) as problem:
        _not_sent(str(problem))
    else:
        _pause.end()


def _seconds_left(context: Any) -> float:
    """How long a report may take so that the function still fails with its own error, and not by Lambda's timeout."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return max(0.1, remaining() / 1000 - 0.5) if remaining else float("inf")


class _Unsent(Exception):
    """Rollbar's package complained while it sent."""


def _options(settings: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    return {
        "timeout": seconds,
        "environment": settings["environment"],
        "endpoint": settings["endpoint"],
        "code_version": settings.get("code_version"),
        # A thread would be frozen with the execution environment once the handler has answered.
        "handler": "blocking",
        "root": os.environ.get("LAMBDA_TASK_ROOT"),
        "host": os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
        "locals": {"enabled": bool(settings.get("local_variables"))},
        "allow_logging_basic_config": False,
        "suppress_reinit_warning": True,
    }


def _circumstances(context: Any) -> dict[str, Any]:
    """What stands in the report beside the error: which invocation, and which trace."""
    found: dict[str, Any] = {}
    if context is not None:
        # The names that Rollbar's own decorator for Lambda gives them.
        found["lambda"] = {
            "function_name": getattr(context, "function_name", None),
            "function_version": getattr(context, "function_version", None),
            "arn": getattr(context, "invoked_function_arn", None),
            "request_id": getattr(context, "aws_request_id", None),
        }
    fields = dict(part.split("=", 1) for part in os.environ.get("_X_AMZN_TRACE_ID", "").split(";") if "=" in part)
    if "Root" in fields:
        found["xray_trace_id"] = fields["Root"]
    try:
        from opentelemetry.trace import get_current_span
    except ImportError:
        return found
    span = get_current_span().get_span_context()
    if span.is_valid:
        found["trace_id"], found["span_id"] = f"{span.trace_id:032x}", f"{span.span_id:016x}"
    return found


@contextmanager
def _untraced() -> Iterator[None]:
    """Keep the calls for the report out of the trace."""
    try:
        from opentelemetry.instrumentation.utils import suppress_instrumentation
    except ImportError:
        yield
        return
    with suppress_instrumentation():
        yield


class _Complaints(logging.Handler):
    def __init__(self, complaints: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._complaints = complaints

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self._complaints.append(type(record.exc_info[1]).__name__)
        elif isinstance(record.args, tuple) and record.args and isinstance(record.args[0], int):
            # An answer that is not 200, whose body is of no use in a log.
            self._complaints.append(f"HTTP {record.args[0]}")
        else:
            self._complaints.append(record.getMessage())


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What Rollbar's package logs, which is how it tells that it did not send, in place of its own lines."""
    found: list[str] = []
    logger, listener = logging.getLogger("rollbar"), _Complaints(found)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        yield found
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagate


def _not_sent(reason: str) -> None:
    seconds = _pause.begin()
    warn(
        f"an error was not sent to Rollbar: {reason}; nothing is sent there for {seconds:g} seconds",
        destination="rollbar",
        paused_seconds=seconds,
    )
