"""ministack's worker process for Python and Node.js functions, made to fail, log and start as Lambda's does."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raytrail.errors import MissingHook
from raytrail.localaws._functions import _bootstrap
from raytrail.localaws._functions._bootstrap import END_OF_LOG
from raytrail.localaws._functions._environment import adot_variables, is_instrumented, runtime_variables
from raytrail.localaws._functions._invocation import current
from raytrail.localaws._functions._packages import Packages
from raytrail.localaws._hooks import hook
from raytrail.localaws._partners import reroute

INIT_SECONDS = 10
"""How long Lambda lets an environment prepare itself before it starts over within the invocation."""

LOG_SECONDS = 2.0
"""How long to wait for the rest of a finished invocation's output, which the function's process has already written."""

_CHANGES = (
    ("    sys.path.insert(0, code_dir)\n", "    set_search_path(code_dir)\n"),
    (
        '    for _ld in filter(None, os.environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)):\n',
        "    for _ld in ():  # set_search_path knows the layers\n",
    ),
    (
        "        mod = importlib.import_module(module_name)\n        handler_fn = getattr(mod, handler_name)\n",
        "        handler_fn = load_handler(module_name, handler_name)\n",
    ),
    (
        '        _real_stdout.write(json.dumps({"status": "error", "error": str(e)}) + "\\n")\n',
        '        _real_stdout.write(json.dumps({"status": "error", '
        '"error": json.dumps(describe_failure(e))}) + "\\n")\n',
    ),
    (
        "            result = handler_fn(event, context)\n",
        "            result = call_handler(handler_fn, event, context)\n",
    ),
    (
        '            _real_stdout.write(json.dumps({"status": "error", "error": str(e), '
        '"trace": traceback.format_exc()}) + "\\n")\n',
        # An exception of a handler is an answer: the environment lives on, as Lambda's does.
        '            _real_stdout.write(json.dumps({"status": "ok", "result": None, "failure": '
        'describe_failure(e, context.aws_request_id)}) + "\\n")\n',
    ),
)
"""What changes in ministack's Python worker script: where modules are looked for, how the handler is found and called,
and how failures are told."""


def python_script(original: str) -> str:
    """ministack's Python worker script with our bootstrap in it.

    Raises:
        MissingHook: The script is not the one that is known.
    """
    script = original
    for old, new in _CHANGES:
        if script.count(old) != 1:
            raise MissingHook(f"ministack's Python worker script has no single {old.strip().splitlines()[0]!r}")
        script = script.replace(old, new)
    return Path(_bootstrap.__file__).read_text(encoding="utf-8") + script


def worker_class(daemon_address: Callable[[str, str], str], packages: Packages, endpoint: str) -> type:
    """A worker that adds what Lambda adds.

    Args:
        daemon_address: The address of the X-Ray daemon of an account and Region.
        packages: What the runtime and AWS's layers bring.
        endpoint: The URL of the emulator, where partners outside AWS have their stand-ins.
    """
    base: Any = hook("ministack.core.lambda_runtime:Worker")
    scope = hook("ministack.core.lambda_runtime:_account_region_from_function_config")

    class FunctionWorker(base):  # type: ignore[misc]  # ministack ships no types
        config: dict[str, Any]
        timed_out = False
        _request_id = ""

        def _spawn(self) -> None:
            plain = self.config
            started = time.time()
            account, region = scope(plain)
            own = reroute(plain.get("Environment", {}).get("Variables", {}), endpoint)
            added = runtime_variables(plain, daemon_address(account, region), packages.search_path(plain))
            if is_instrumented(plain):
                added |= adot_variables(own, plain, region)
            limit = INIT_SECONDS + float(plain.get("Timeout", 3))
            timer = threading.Timer(limit, self._kill)
            self.timed_out = False
            self.config = {**plain, "Environment": {"Variables": {**own, **added}}}
            timer.start()
            try:
                super()._spawn()
            except RuntimeError as error:
                raise _NotStarted(self._why(error), self._drain_stderr()) from error
            finally:
                timer.cancel()
                self.config = plain
                # A process that says it failed to start waits for nobody.
                self._process = self._proc
                if invocation := current.get():
                    invocation.init = (started, time.time())

        def invoke(self, event: Any, request_id: str, **options: Any) -> dict[str, Any]:
            self._request_id = request_id
            try:
                response: dict[str, Any] = super().invoke(event, request_id, **options)
            except _NotStarted as failed:
                self._kill()
                response = {"status": "error", "failure": failed.failure, "log": failed.log, "cold_start": True}
            if response.get("error") == "Worker process died":
                response["failure"] = _exit(request_id, self._process.wait())
            failure = response.get("failure")
            if failure is None:
                return response
            payload = {**failure["payload"], "requestId": request_id}
            if invocation := current.get():
                invocation.failure = payload
            return {**response, "status": "error", "error": payload["errorMessage"], "trace": failure["log"]}

        def _kill(self) -> None:
            self.timed_out = True
            if self._proc is not None:
                self._proc.kill()

        def _why(self, error: RuntimeError) -> dict[str, Any]:
            said = str(error).removeprefix("Worker init failed: ")
            if said.startswith('{"payload"'):
                told: dict[str, Any] = json.loads(said)
                return told
            if self.timed_out:
                message = f"Task timed out after {float(self.config.get('Timeout', 3)):.2f} seconds"
                return _failure("Sandbox.Timedout", message)
            if self._proc is None:
                return _failure("Runtime.Unknown", said)
            return _exit(self._request_id, self._proc.wait())

        def _drain_stderr_bounded(self, *_: float) -> str:
            if not str(self.config.get("Runtime")).startswith("python"):
                return str(super()._drain_stderr_bounded())
            if self._process.poll() is not None:
                self._stderr_thread.join(LOG_SECONDS)
                return str(self._drain_stderr())
            # The process writes the mark before it answers, so all that the invocation wrote is before it.
            lines: list[str] = []
            with contextlib.suppress(queue.Empty):
                while (line := self._stderr_queue.get(timeout=LOG_SECONDS)) != END_OF_LOG:
                    lines.append(line)
            return "\n".join(lines)

    return FunctionWorker


class _NotStarted(Exception):
    def __init__(self, failure: dict[str, Any], log: str) -> None:
        super().__init__(failure["payload"]["errorMessage"])
        self.failure = failure
        self.log = log


def _failure(type_: str, message: str) -> dict[str, Any]:
    return {"payload": {"errorMessage": message, "errorType": type_}, "log": f"{message}"}


def _exit(request_id: str, status: int) -> dict[str, Any]:
    said = f"exited with error: exit status {status}" if status > 0 else "exited without providing a reason"
    said = f"exited with error: signal: {-status}" if status < 0 else said
    return _failure("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime {said}")
