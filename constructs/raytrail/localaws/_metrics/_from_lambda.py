"""AWS/Lambda: every invocation, however it came about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._metrics._emitter import Emitter

_MODULE = "ministack.services.lambda_svc"


class LambdaMetrics:
    """Wraps the two functions that every executor passes: the one that admits, and the one that runs."""

    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter
        self._in_flight = hook(f"{_MODULE}:_inflight")
        self._key = hook(f"{_MODULE}:_inflight_key")
        # Ministack counts direct invocations alone, and throttled ones twice.
        wrap(f"{_MODULE}:_emit_lambda_metrics", lambda _original: lambda *_args, **_named: None)
        wrap(f"{_MODULE}:_acquire_execution_slot", self._admit)
        wrap(f"{_MODULE}:_execute_function_dispatch", self._run)

    def _admit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def acquire(func: Any, config: dict[str, Any]) -> Any:
            slot, limit = original(func, config)
            # "Throttled invocation requests don't count as either Invocations or Errors."
            self._send("Throttles", 1.0 if slot is None else 0.0, config)
            return slot, limit

        return acquire

    def _run(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def execute(func: Any, config: dict[str, Any], *rest: Any) -> Any:
            own = self._key(config)
            here = own.rpartition(":")[0]
            running = [n for key, n in list(self._in_flight.items()) if key.rpartition(":")[0] == here]
            self._send("ConcurrentExecutions", float(self._in_flight.get(own, 1)), config)
            self._emitter.send("AWS/Lambda", "ConcurrentExecutions", float(sum(running)))
            started = time.perf_counter()
            failed = True
            try:
                result = original(func, config, *rest)
                failed = bool(result.get("error"))
                return result
            finally:
                self._send("Invocations", 1.0, config)
                self._send("Errors", float(failed), config)
                self._send("Duration", (time.perf_counter() - started) * 1000, config)

        return execute

    def _send(self, metric: str, value: float, config: dict[str, Any]) -> None:
        name = config.get("FunctionName", "unknown")
        # ``Resource`` is the function with the version or alias that was called, the bare name without one.
        qualifier = str(config.get("FunctionArn", "")).partition(f":function:{name}:")[2]
        resource = f"{name}:{qualifier}" if qualifier else name
        self._emitter.send("AWS/Lambda", metric, value, FunctionName=name)
        self._emitter.send("AWS/Lambda", metric, value, FunctionName=name, Resource=resource)
