"""The ASGI application in front of ministack's: services that it lacks, and an observer after each dispatch."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from raytrail.localaws._hooks import hook
from raytrail.localaws._world import Exchange, Request, World

logger = logging.getLogger(__name__)

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_PRESIGNED = re.compile(r"X-Amz-Credential=([^%/&]+)(?:%2F|/)\d{8}(?:%2F|/)([^%/&]+)(?:%2F|/)([^%/&]+)")


class Gateway:
    """Reads each request whole, lets ministack (or one of our services) answer, and tells the observers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._inner = hook("ministack.app:app")
        self._set_account = hook("ministack.core.responses:set_request_account_id")
        self._set_region = hook("ministack.core.responses:set_request_region")

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        started = time.time()
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope.get("query_string", b"").decode("latin-1")
        access_key, region, service = _credential(headers, query)
        region = region or self._world.config.region
        body = await _read(receive)

        if service in self._world.services:
            request = Request(
                method=scope["method"],
                path=scope["path"],
                query_string=query,
                headers=headers,
                body=body,
                region=region,
                account_id=access_key if re.fullmatch(r"\d{12}", access_key) else self._world.config.account_id,
            )
            self._set_region(region)
            status, answer_headers, answer = await self._world.services[service](request)
            await send(
                {
                    "type": "http.response.start",
                    "status": status,
                    "headers": [(k.encode(), v.encode()) for k, v in answer_headers.items()],
                }
            )
            await send({"type": "http.response.body", "body": answer})
        else:
            status, answer_headers, answer = await self._dispatch(scope, headers, body, receive, send)

        # A trigger of ours runs in the account and Region of the caller, as ministack's own handlers do.
        if access_key:
            self._set_account(access_key)
        self._set_region(region)
        exchange = Exchange(
            method=scope["method"],
            path=scope["path"],
            query_string=query,
            headers=headers,
            body=body,
            status=status,
            response_headers={k.lower(): v for k, v in answer_headers.items()},
            response_body=answer,
            service=service,
            region=region,
            access_key_id=access_key,
            source_ip=(scope.get("client") or ("127.0.0.1",))[0],
            started_at=started,
            duration_seconds=time.time() - started,
        )
        for observe in self._world.observers:
            try:
                observe(exchange)
            except Exception:
                logger.exception("an observer failed on %s %s", exchange.method, exchange.path)

    async def _dispatch(
        self, scope: dict[str, Any], headers: dict[str, str], body: bytes, receive: Any, send: Any
    ) -> tuple[int, dict[str, str], bytes]:
        changed = headers
        for change in self._world.before_dispatch:
            changed = change(changed, scope["path"])
        if changed is not headers:
            pairs = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in changed.items()]
            scope = {**scope, "headers": pairs}
        sent = False
        status, answer_headers, chunks = 0, {}, []

        async def replay() -> dict[str, Any]:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": body, "more_body": False}
            message: dict[str, Any] = await receive()
            return message

        async def record(message: dict[str, Any]) -> None:
            nonlocal status, answer_headers
            if message["type"] == "http.response.start":
                status = message["status"]
                answer_headers = {
                    k.decode("latin-1").lower(): v.decode("latin-1") for k, v in message.get("headers", [])
                }
            elif message["type"] == "http.response.body":
                chunks.append(message.get("body", b""))
            await send(message)

        await self._inner(scope, replay, record)
        return status, answer_headers, b"".join(chunks)


async def _read(receive: Any) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(chunks)


def _credential(headers: dict[str, str], query: str) -> tuple[str, str, str]:
    found = _CREDENTIAL.search(headers.get("authorization", "")) or _PRESIGNED.search(query)
    return (found[1], found[2], found[3]) if found else ("", "", "")
