"""Where spans and metrics go by OTLP: the partners in ``RAYTRAIL_OTLP_EXPORTERS``, and how each is spoken to."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import requests

from raytrail_runtime._bounds import Allowance, Pause, TookTooLong, Work
from raytrail_runtime._log import warn
from raytrail_runtime._secrets import Reference, SecretMissing, forget, prepare, read

VARIABLE = "RAYTRAIL_OTLP_EXPORTERS"

_REFUSED_KEY = (401, 403)
_BAD_BATCH = (400, 413, 422)
"""What is wrong with what was sent, and not with whom it was sent to: the next batch may be fine."""


class NotSent(Exception):
    """A partner did not take a batch."""

    def __init__(self, reason: str, *, pause: bool = True, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause
        self.retry_after = retry_after


class Partner:
    """What the signals for one endpoint share: its connections, its pause, and the time that may be spent on it."""

    def __init__(self, timeout_seconds: float) -> None:
        self.pause = Pause()
        self.allowance = Allowance(timeout_seconds)
        self.session = requests.Session()


class Destination:
    """One partner for some signals.

    Args:
        value: An element of ``RAYTRAIL_OTLP_EXPORTERS``.
        partner: What it shares with the other elements that have the same endpoint.

    Raises:
        KeyError, TypeError, ValueError: The element is not of the known form.
    """

    def __init__(self, value: Mapping[str, Any], partner: Callable[[str, float], Partner]) -> None:
        self.name = str(value["name"])
        self.signals = tuple(value["signals"])
        self._endpoint = str(value["endpoint"]).rstrip("/")
        self._headers = dict(value["headers"])
        self._secrets = {name: Reference(key["id"], key.get("field")) for name, key in value["secrets"].items()}
        self._timeout = float(value["timeout_seconds"])
        self._partner = partner(self._endpoint, self._timeout)

    def begin(self, signal: str, body: bytes) -> Callable[[], bool]:
        """Start to send; the function that is returned waits for the end, and says whether all went well."""
        if self._partner.pause:
            return lambda: False
        left = self._partner.allowance.left()
        if left <= 0:
            return lambda: self._failed(signal, f"this request has waited {self._timeout:g} seconds for it already")
        try:
            reading = prepare(self._secrets.values())
        except Exception as error:
            why = f"no client for Secrets Manager: {type(error).__name__}"
            return lambda: self._failed(signal, why)
        # Reading a key, once, has as long again; it is not the partner who is slow.
        until = time.monotonic() + left + (self._timeout if reading else 0)
        work = Work(lambda: self._send(signal, gzip.compress(body, compresslevel=1)))

        def end() -> bool:
            try:
                work.result(until - time.monotonic())
            except TookTooLong:
                # Its connection is in use by the thread that still waits.
                self._partner.session = requests.Session()
                return self._failed(signal, f"no answer within {self._timeout:g} seconds")
            except requests.Timeout:
                return self._failed(signal, f"no answer within {self._timeout:g} seconds")
            except NotSent as error:
                return self._failed(signal, str(error), pause=error.pause, at_least=error.retry_after)
            except SecretMissing as error:
                return self._failed(signal, str(error))
            except Exception as error:
                return self._failed(signal, _why(error))
            self._partner.pause.end()
            return True

        return end

    def _send(self, signal: str, body: bytes) -> None:
        self._keys()
        started = time.monotonic()
        try:
            response = self._post(signal, body)
            if response.status_code in _REFUSED_KEY and self._secrets:
                refused = self._keys()
                for reference in self._secrets.values():
                    forget(reference)
                if self._keys() != refused:
                    response = self._post(signal, body)
        finally:
            self._partner.allowance.spend(time.monotonic() - started)
        _check(response, signal)

    def _post(self, signal: str, body: bytes) -> requests.Response:
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "User-Agent": "raytrail",
            **self._headers,
            **self._keys(),
        }
        url = f"{self._endpoint}/v1/{signal}"
        session, timeout = self._partner.session, (self._timeout, self._timeout)
        try:
            return session.post(url, body, headers=headers, timeout=timeout, allow_redirects=False)
        except requests.exceptions.ConnectTimeout:
            raise
        except requests.exceptions.ConnectionError:
            # A connection that was kept while the execution environment slept may be gone; a new one tells.
            return session.post(url, body, headers=headers, timeout=timeout, allow_redirects=False)

    def _keys(self) -> dict[str, str]:
        return {name: read(reference) for name, reference in self._secrets.items()}

    def _failed(self, signal: str, reason: str, *, pause: bool = True, at_least: float = 0.0) -> bool:
        if not pause:
            warn(f"{signal} were not taken by {self.name}: {reason}", destination=self.name, signal=signal)
            return False
        # Whoever waited beside this one on the same partner found the same; one line is enough.
        if not self._partner.pause:
            seconds = self._partner.pause.begin(at_least)
            warn(
                f"{signal} were not sent to {self.name}: {reason}; nothing is sent there for {seconds:g} seconds",
                destination=self.name,
                signal=signal,
                paused_seconds=seconds,
            )
        return False


def _why(error: BaseException) -> str:
    """Name an error by the system's own words if it has some; an HTTP client's may hold a header with a key in it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def _check(response: requests.Response, signal: str) -> None:
    status = response.status_code
    if status in _REFUSED_KEY:
        raise NotSent(f"it refused the key (HTTP {status})")
    if status in _BAD_BATCH:
        raise NotSent(f"HTTP {status}", pause=False)
    if not 200 <= status < 300:
        after = response.headers.get("Retry-After", "")
        raise NotSent(f"HTTP {status}", retry_after=float(after) if after.isdigit() else 0.0)
    if rejected := _rejected(response.content, signal):
        raise NotSent(rejected, pause=False)


def _rejected(answer: bytes, signal: str) -> str:
    """What a partner says that took a request but not all that is in it."""
    if not answer:
        return ""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    try:
        if signal == "traces":
            spans = ExportTraceServiceResponse.FromString(answer).partial_success
            return f"{spans.rejected_spans} spans rejected: {spans.error_message}" if spans.rejected_spans else ""
        points = ExportMetricsServiceResponse.FromString(answer).partial_success
        count = points.rejected_data_points
        return f"{count} points rejected: {points.error_message}" if count else ""
    except DecodeError:
        # Some answer with JSON, or with a word: it was taken all the same.
        return ""


@cache
def destinations() -> tuple[Destination, ...]:
    """The partners of this function; none, and a line in the log, if the variable cannot be understood."""
    partners: dict[str, Partner] = {}

    def partner(endpoint: str, timeout_seconds: float) -> Partner:
        return partners.setdefault(endpoint, Partner(timeout_seconds))

    try:
        return tuple(Destination(value, partner) for value in json.loads(os.environ.get(VARIABLE, "[]")))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        warn(f"nothing is sent by OTLP: {VARIABLE} is not what instrument_lambda writes: {error!r}")
        return ()


def send(signal: str, body: bytes) -> bool:
    """Send to all partners of a signal at once, and say whether all took it."""
    waits = [each.begin(signal, body) for each in destinations() if signal in each.signals]
    # Each is waited for, whatever the others say.
    return min([wait() for wait in waits], default=True)
