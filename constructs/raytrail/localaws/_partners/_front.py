"""The stand-ins as an ASGI application in front of ministack's."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from raytrail.localaws._partners import _honeycomb, _otlp, _rollbar
from raytrail.localaws._partners._inbox import Call, Fault, Inbox, Reply
from raytrail.localaws._partners._routes import COLLECTOR, HONEYCOMB, HOSTS, ROLLBAR, split


class Front:
    """Answers what is meant for a partner, and hands on the rest."""

    def __init__(self, inner: Any, inbox: Inbox) -> None:
        self._inner = inner
        self._inbox = inbox

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one ASGI connection."""
        meant = split(scope["path"]) if scope["type"] == "http" else None
        if meant is None:
            await self._inner(scope, receive, send)
            return
        received_at = time.time()
        host, path = meant
        call = Call(
            host=host,
            method=scope["method"],
            path=path,
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
            # The gateway has read the body whole, and gives it in one piece.
            body=(await receive()).get("body", b""),
        )
        fault = self._inbox.fault_of(host)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        reply = _reply(call, fault)
        self._inbox.put(call, reply, received_at)
        headers = [(b"content-type", reply.content_type.encode()), (b"content-length", b"%d" % len(reply.body))]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})


def _reply(call: Call, fault: Fault | None) -> Reply:
    kind = fault.kind if fault else None
    if kind == "down":
        return Reply(status=503, content_type="text/plain", body=b"service unavailable", problem="the partner is down")
    denied = kind == "unauthorized"
    if call.host in HONEYCOMB:
        return _honeycomb.deny(call) if denied else _honeycomb.answer(call)
    if call.host == ROLLBAR:
        return _rollbar.deny(call) if denied else _rollbar.answer(call)
    if call.host == COLLECTOR:
        return _otlp.refuse(call, _otlp.Refusal(401, "unauthorized")) if denied else _otlp.receive(call)
    return Reply(
        status=404,
        content_type="text/plain",
        body=f"nobody stands in for {call.host}, only for {', '.join(HOSTS)}".encode(),
        problem="no such partner",
    )
