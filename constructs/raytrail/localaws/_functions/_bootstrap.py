"""What runs inside a function's own process, before and around its handler.

The text of this module is put in front of ministack's worker script, so it imports nothing of ours, and nothing
but the standard library unless the function is instrumented.
"""

from __future__ import annotations

import importlib
import os
import site
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


def set_search_path(code: str) -> None:
    """Let the function import what it could on Lambda, and nothing else of the Python that runs the emulator.

    The order is Lambda's: the function's code, its layers (the last first, which is what wins where Lambda unpacks
    them over each other), what AWS's layers and the runtime bring, the standard library.

    Args:
        code: The folder of the function's code.
    """
    library = os.path.dirname(os.__file__)  # noqa: PTH120 - pathlib costs time at every cold start
    archive = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    standard = [
        entry
        for entry in sys.path
        if entry == library or os.path.basename(entry) in ("lib-dynload", archive)  # noqa: PTH119 - as above
    ]
    runtime = os.environ["AWS_EXECUTION_ENV"].removeprefix("AWS_Lambda_")
    sys.path[:] = [code]
    for layer in reversed(_folders("_LAMBDA_LAYERS_DIRS")):
        packages = f"{layer}/python/lib/{runtime}/site-packages"
        if os.path.isdir(packages):  # noqa: PTH112 - as above
            site.addsitedir(packages)
        sys.path.append(f"{layer}/python")
    sys.path += [*_folders("_RAYTRAIL_PACKAGES"), *standard]
    # An editable installation may bring a finder of its own.
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if getattr(finder, "__module__", "").startswith("_frozen_importlib")
    ]


def _folders(variable: str) -> list[str]:
    return [folder for folder in os.environ.get(variable, "").split(os.pathsep) if folder]


def load_handler(module_name: str, handler_name: str) -> Callable[[Any, Any], Any]:
    """The handler, instrumented when the function's execution wrapper asks for it."""
    if _run_wrapper():
        module_name, _, handler_name = os.environ["_HANDLER"].rpartition(".")
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


def _run_wrapper() -> bool:
    """Do what the execution wrapper does; whether it has put a handler of its own before the function's."""
    wrapper = os.environ.get("AWS_LAMBDA_EXEC_WRAPPER")
    if not wrapper:
        return False
    if os.environ.get("_RAYTRAIL_ADOT"):
        # The variables are as the layer's script sets them, but for the one that only this process knows.
        instance = f"faas.instance={os.environ.get('AWS_LAMBDA_LOG_STREAM_NAME', '')}"
        os.environ["OTEL_RESOURCE_ATTRIBUTES"] = f"{instance},{os.environ['OTEL_RESOURCE_ATTRIBUTES']}"
        # What is left to do is the command `opentelemetry-instrument`'s, which the small SDK does without.
        if not any(os.environ.get(name, "").lower() == "true" for name in _FAST_START):
            from opentelemetry.instrumentation.auto_instrumentation import (
                initialize,
            )

            initialize()
        return True
    inside = wrapper.removeprefix("/opt/")
    layers = _folders("_LAMBDA_LAYERS_DIRS")
    if inside == wrapper or not any(os.path.isfile(os.path.join(layer, inside)) for layer in layers):  # noqa: PTH113, PTH118 - this runs at every cold start
        # The words and the status of the runtime's own start script.
        sys.stderr.write(f"{wrapper}: does not exist\n")
        sys.stderr.flush()
        os._exit(127)
    sys.stderr.write(f"{wrapper}: the embedded AWS does not run wrapper scripts; the function starts without it\n")
    return False
