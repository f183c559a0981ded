"""Rollbar's API for new items: ``POST /api/1/item/``.

The required members and the response codes are those of https://docs.rollbar.com/reference/create-item.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from raytrail.localaws._partners._inbox import Call, Reply

_BODIES = ("trace", "trace_chain", "message", "crash_report")
_LEVELS = ("critical", "error", "warning", "info", "debug")


def answer(call: Call) -> Reply:
    """Answer one request."""
    if call.method != "POST" or call.path.rstrip("/") != "/api/1/item":
        return _refuse(404, f"there is only POST /api/1/item/, got {call.method} {call.path}")
    try:
        payload = json.loads(call.body)
    except ValueError as error:
        return _refuse(400, f"no JSON payload was found, or it could not be decoded: {error}")
    payload = payload if isinstance(payload, dict) else {}
    # Only the data is kept: the token may stand beside it.
    data: Any = payload.get("data")
    if not (payload.get("access_token") or call.headers.get("x-rollbar-access-token")):
        return _refuse(401, "no access token was found in the request", data)
    if problems := list(_problems(data)):
        return _refuse(422, "; ".join(problems), data)
    # An occurrence that brings no UUID gets one. `id` is always null, and documented so.
    body = json.dumps({"err": 0, "result": {"id": None, "uuid": data.get("uuid") or uuid.uuid4().hex}})
    return Reply(status=200, body=body.encode(), content={"item": data})


def deny(call: Call) -> Reply:
    """Answer as if the access token were not a project's."""
    return _refuse(403, "invalid access token")


def _refuse(status: int, message: str, data: Any = None) -> Reply:
    body = json.dumps({"err": 1, "message": message}).encode()
    return Reply(status=status, body=body, problem=message, content={"item": data} if data is not None else {})


def _problems(data: Any) -> Iterator[str]:
    if not isinstance(data, dict):
        yield "data is required, and an object"
        return
    environment = data.get("environment")
    if not isinstance(environment, str) or not 1 <= len(environment) <= 255:
        yield "data.environment is required, a string of up to 255 characters"
    if "level" in data and data["level"] not in _LEVELS:
        yield f"data.level is one of {', '.join(_LEVELS)}, got {data['level']!r}"
    if len(str(data.get("uuid") or "")) > 36:
        yield "data.uuid has up to 36 characters"
    if "custom" in data and not isinstance(data["custom"], dict | None):
        yield "data.custom is an object"
    body = data.get("body")
    given = [name for name in _BODIES if isinstance(body, dict) and name in body]
    if not isinstance(body, dict) or len(given) != 1:
        yield f"data.body is required, with exactly one of {', '.join(_BODIES)}, got {' and '.join(given) or 'none'}"
        return
    yield from _body_problems(given[0], body[given[0]])


def _body_problems(name: str, value: Any) -> Iterator[str]:
    where = f"data.body.{name}"
    match name:
        case "trace":
            yield from _trace_problems(where, value)
        case "trace_chain":
            if not isinstance(value, list) or not value:
                yield f"{where} is a list of at least one trace"
                return
            for place, trace in enumerate(value):
                yield from _trace_problems(f"{where}[{place}]", trace)
        case "message":
            if not isinstance(value, dict) or not isinstance(value.get("body"), str):
                yield f"{where}.body is required, a string"
        case "crash_report":
            if not isinstance(value, dict) or not isinstance(value.get("raw"), str):
                yield f"{where}.raw is required, a string"


def _trace_problems(where: str, trace: Any) -> Iterator[str]:
    if not isinstance(trace, dict):
        yield f"{where} is an object"
        return
    frames, exception = trace.get("frames"), trace.get("exception")
    if not isinstance(frames, list):
        yield f"{where}.frames is required, a list"
    else:
        for place, frame in enumerate(frames):
            if not isinstance(frame, dict) or not isinstance(frame.get("filename"), str):
                yield f"{where}.frames[{place}].filename is required, a string"
    if not isinstance(exception, dict) or not isinstance(exception.get("class"), str):
        yield f"{where}.exception.class is required, a string"
