"""What the embedded AWS does on request, under the signing name ``raytrail``.

``POST /records`` brings records of elsewhere, as if they had happened here. ``?account=local`` makes them records of
the account here; ``?to=events`` sends them to EventBridge alone, for files that somebody has put into the trail's
bucket. ``POST /digests`` delivers what was recorded so far, and digests of it, without waiting for the hour; it
answers with their buckets and keys.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from raytrail.errors import InvalidProps
from raytrail.localaws._cloudtrail._delivery import Delivery
from raytrail.localaws._cloudtrail._digests import Digests
from raytrail.localaws._cloudtrail._insights import Insights
from raytrail.localaws._cloudtrail._pipeline import Recorder
from raytrail.localaws._world import Request, Response
from raytrail.records import Aside, RecordLine, Refusal, group_into_files, read_bytes

SIGNING_NAME = "raytrail"


def handler(
    recorder: Recorder, delivery: Delivery, digests: Digests, insights: Insights
) -> Callable[[Request], Awaitable[Response]]:
    """The handler of such requests; records may have any shape that `raytrail.records` reads."""

    async def handle(request: Request) -> Response:
        # A large file takes a while, in which the server goes on answering.
        match request.method, request.path:
            case "POST", "/records":
                return _answer(200, await asyncio.to_thread(_load, recorder, insights, request))
            case "POST", "/digests":
                return _answer(200, await asyncio.to_thread(_write_digests, recorder, delivery, digests, request))
        asked = f"{request.method} {request.path}"
        return _answer(404, {"message": f"there are only POST /records and POST /digests, got {asked}"})

    return handle


def _write_digests(recorder: Recorder, delivery: Delivery, digests: Digests, request: Request) -> dict[str, Any]:
    recorder.catch_up()
    delivery.flush()
    return {"digests": digests.write(request.account_id)}


def _load(recorder: Recorder, insights: Insights, request: Request) -> dict[str, Any]:
    asked = {name: values[0] for name, values in parse_qs(request.query_string).items()}
    own, only_told = asked.get("account") == "local", asked.get("to") == "events"
    loaded, refused = 0, []
    for outcome in read_bytes(request.body, "request"):
        match outcome:
            case RecordLine(record=found):
                record = {**found, "recipientAccountId": request.account_id} if own else found
                try:
                    group_into_files([record])
                except InvalidProps as error:
                    refused.append({"line": outcome.line, "reason": str(error)})
                    continue
                if only_told:
                    recorder.tell(record, request.account_id, on_a_trail=True)
                else:
                    recorder.take(record, request.account_id)
                loaded += 1
            case Refusal():
                refused.append({"line": outcome.line, "reason": outcome.reason})
            case Aside(kind="insight", document=event):
                reason = insights.take(event, request.account_id)
                if reason:
                    refused.append({"line": outcome.line, "reason": reason})
                else:
                    loaded += 1
            case Aside():
                refused.append({"line": outcome.line, "reason": f"not an event but {outcome.kind}"})
    return {"loaded": loaded, "refused": refused}


def _answer(status: int, body: dict[str, Any]) -> Response:
    return status, {"content-type": "application/json"}, json.dumps(body).encode()
