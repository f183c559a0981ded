"""Honeycomb's OTLP endpoint: what it asks of the headers.

The checks, their order and their words are those of husky, the library that Honeycomb's ingest uses
(https://github.com/honeycombio/husky/blob/main/otlp/common.go). It knows no keys; the words for one that Honeycomb
does not know are those of its API and of its proxy, Refinery.
"""

from __future__ import annotations

import re

from raytrail.localaws._partners._inbox import Call, Reply
from raytrail.localaws._partners._otlp import JSON, PROTOBUF, Refusal, media_type, receive, refuse

_CLASSIC_KEY = re.compile(r"[0-9a-f]{32}|hc[a-z]ic_[0-9a-z]{58}")
"""A key of Honeycomb Classic, which has datasets and no environments."""


def answer(call: Call) -> Reply:
    """Answer an export request."""
    return receive(call, _check)


def deny(call: Call) -> Reply:
    """Answer as if the key were not one of Honeycomb's."""
    return refuse(call, Refusal(401, "unknown API key - check your credentials"))


def _check(call: Call) -> None:
    if media_type(call) not in (*PROTOBUF, JSON):
        raise Refusal(415, f"unsupported content-type, valid types are: {', '.join((*PROTOBUF, JSON))}")
    key = call.headers.get("x-honeycomb-team", "")
    if not key:
        raise Refusal(401, "missing 'x-honeycomb-team' header")
    needs_dataset = _CLASSIC_KEY.fullmatch(key) and call.path != "/v1/logs"
    if needs_dataset and not call.headers.get("x-honeycomb-dataset"):
        raise Refusal(401, "missing 'x-honeycomb-dataset' header")
