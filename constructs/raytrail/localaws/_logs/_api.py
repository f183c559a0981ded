"""Puts operations into ministack's CloudWatch Logs, new ones and ones that replace its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from raytrail.localaws._hooks import hook, wrap

_MODULE = "ministack.services.cloudwatch_logs"
_CONTENT = {"Content-Type": "application/x-amz-json-1.1"}

Data = dict[str, Any]
Operation = Callable[[Data], Data]
Response = tuple[int, dict[str, str], bytes]


class LogsError(Exception):
    """An error answer: AWS's code and message, and the members beside them."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.members = code, message, members


class LogsApi:
    """The operations of this part."""

    def __init__(self) -> None:
        self._added: dict[str, Operation] = {}
        wrap(f"{_MODULE}:handle_request", self._routing)

    def add(self, name: str, operation: Operation) -> None:
        """Serve an operation that ministack lacks."""
        self._added[name] = operation

    def replace(self, attribute: str, operation: Operation) -> None:
        """Serve an operation in place of ministack's function ``attribute``."""
        wrap(f"{_MODULE}:{attribute}", lambda _original: lambda data: _answer(operation, data))

    def check(self, attribute: str, refuse: Callable[[Data], None]) -> None:
        """Let ``refuse`` raise LogsError before ministack's function ``attribute`` answers."""

        def guarded(original: Callable[[Data], Response]) -> Callable[[Data], Response]:
            def handle(data: Data) -> Response:
                try:
                    refuse(data)
                except LogsError as error:
                    return _error(error)
                return original(data)

            return handle

        wrap(f"{_MODULE}:{attribute}", guarded)

    def _routing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
            operation = self._added.get(headers.get("x-amz-target", "").rpartition(".")[2])
            if operation is None:
                return await original(method, path, headers, body, query)
            try:
                data = json.loads(body or b"{}")
            except ValueError:
                return _error(LogsError("SerializationException", "Invalid JSON"))
            return _answer(operation, data)

        return handle


def call(attribute: str, data: Data) -> Data:
    """The answer of ministack's function ``attribute``.

    Raises:
        ValueError: It refused, in its words.
    """
    status, _, body = hook(f"{_MODULE}:{attribute}")(data)
    answer: Data = json.loads(body or b"{}")
    if status >= 400:
        raise ValueError(answer.get("message") or answer.get("__type"))
    return answer


def _answer(operation: Operation, data: Data) -> Response:
    try:
        return 200, {**_CONTENT}, json.dumps(operation(data)).encode()
    except LogsError as error:
        return _error(error)


def _error(error: LogsError) -> Response:
    body = {"__type": error.code, "message": error.message, **error.members}
    return 400, {**_CONTENT, "x-amzn-errortype": error.code}, json.dumps(body).encode()
