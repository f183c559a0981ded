"""What a segment document must look like, and how an unfit one is refused.

The rules are those of https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html, written
here as a JSON Schema in our own words. X-Ray ignores fields that it does not know, and so do we.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

import jsonschema

Document = dict[str, Any]
"""A segment or subsegment as X-Ray knows it."""

MAX_BYTES = 64 * 1024
RETENTION_SECONDS = 30 * 24 * 3600.0

_TEXT = {"type": "string", "maxLength": 250}
_ID = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
_FLAG = {"type": "boolean"}
# Up to the last year that a date can have.
_TIME = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 253_402_300_800}

_EXCEPTION = {
    "type": "object",
    "properties": {
        "id": _ID,
        "message": {"type": "string"},
        "type": {"type": "string"},
        "remote": _FLAG,
        "truncated": {"type": "integer"},
        "skipped": {"type": "integer"},
        "cause": _ID,
        "stack": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "line": {"type": "integer"},
                    "label": {"type": "string"},
                },
            },
        },
    },
}

_COMMON: dict[str, Any] = {
    "id": _ID,
    # Letters, numbers and white space of any script, and the listed symbols.
    "name": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[\w\s.:/%&#=+\\\-@]+$"},
    "trace_id": {"type": "string", "pattern": "^1-[0-9a-f]{8}-[0-9a-f]{24}$"},
    "parent_id": _ID,
    "start_time": _TIME,
    "end_time": _TIME,
    "in_progress": {"type": "boolean"},
    "http": {
        "type": "object",
        "properties": {
            "request": {
                "type": "object",
                "properties": {
                    "method": _TEXT,
                    "url": {"type": "string"},
                    "user_agent": _TEXT,
                    "client_ip": _TEXT,
                    "x_forwarded_for": _FLAG,
                    "traced": _FLAG,
                },
            },
            "response": {
                "type": "object",
                "properties": {"status": {"type": "integer"}, "content_length": {"type": "integer"}},
            },
        },
    },
    "aws": {
        "type": "object",
        "properties": {
            "account_id": _TEXT,
            "operation": _TEXT,
            "region": _TEXT,
            "request_id": _TEXT,
            "queue_url": {"type": "string"},
            "table_name": _TEXT,
            "cloudwatch_logs": {
                "type": "array",
                "items": {"type": "object", "properties": {"log_group": {"type": "string"}, "arn": {"type": "string"}}},
            },
            "xray": {
                "type": "object",
                "properties": {"sdk": _TEXT, "sdk_version": _TEXT, "auto_instrumentation": _FLAG},
            },
        },
    },
    "error": _FLAG,
    "throttle": _FLAG,
    "fault": _FLAG,
    "cause": {
        "oneOf": [
            _ID,
            {
                "type": "object",
                "properties": {
                    "working_directory": {"type": "string"},
                    "paths": {"type": "array", "items": {"type": "string"}},
                    "exceptions": {"type": "array", "items": _EXCEPTION},
                },
            },
        ]
    },
    "annotations": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
    "metadata": {"type": "object"},
    "sql": {"type": "object", "additionalProperties": {"type": "string"}},
    # What the exporter of the OpenTelemetry collector makes of span links; AWS's page does not list it.
    "links": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"trace_id": {"type": "string"}, "id": {"type": "string"}, "attributes": {"type": "object"}},
            "required": ["trace_id", "id"],
        },
    },
    "subsegments": {"type": "array", "items": {"$ref": "#/$defs/embedded"}},
}
# AWS's page shows in_progress with true alone; its SDK for Python sends false beside the end.
_ENDED = [
    {"required": ["end_time"], "properties": {"in_progress": {"const": False}}},
    {"required": ["in_progress"], "properties": {"in_progress": {"const": True}, "end_time": False}},
]
_SUBSEGMENT = {
    **_COMMON,
    "namespace": {"enum": ["aws", "remote", "local"]},
    "precursor_ids": {"type": "array", "items": _ID},
}
_SEGMENT = {
    **_COMMON,
    "service": {"type": "object", "properties": {"version": _TEXT}},
    "user": _TEXT,
    "origin": _TEXT,
}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "if": {"required": ["type"], "properties": {"type": {"const": "subsegment"}}},
    "then": {"$ref": "#/$defs/independent"},
    "else": {"$ref": "#/$defs/segment"},
    "$defs": {
        "segment": {
            "type": "object",
            "properties": _SEGMENT,
            "required": ["name", "id", "trace_id", "start_time"],
            "oneOf": _ENDED,
        },
        "independent": {
            "type": "object",
            "properties": _SUBSEGMENT,
            "required": ["name", "id", "trace_id", "parent_id", "start_time"],
            "oneOf": _ENDED,
        },
        "embedded": {
            "type": "object",
            "properties": _SUBSEGMENT,
            "required": ["name", "id", "start_time"],
            "oneOf": _ENDED,
        },
    },
}
"""A segment, or a subsegment that is sent on its own (``type`` is then ``subsegment``)."""

_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
_NOT_IN_NAME = re.compile(r"[^\w\s.:/%&#=+\\\-@]")


class UnfitDocument(Exception):
    """A document that X-Ray does not process.

    ``code`` is ``InvalidTraceId`` (the one code that AWS's page shows) or ``ParseError``; ``id`` is the
    document's own when it could be read; ``reason`` says what is wrong, for the log.
    """

    def __init__(self, code: str, id: str | None, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.id = id
        self.reason = reason


def read(text: str, *, now: float | None = None) -> Document:
    """Parse and check one document.

    Raises:
        UnfitDocument: It is no JSON object, breaks a rule of the format, is larger than 64 kB, or its trace ID
            says a time before the 30 days that X-Ray keeps.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnfitDocument("ParseError", None, f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise UnfitDocument("ParseError", None, f"not a JSON object but {type(document).__name__}")
    id = document.get("id") if isinstance(document.get("id"), str) else None
    if len(text.encode()) > MAX_BYTES:
        raise UnfitDocument("ParseError", id, f"larger than {MAX_BYTES} bytes")
    check(document)
    age = (time.time() if now is None else now) - int(document["trace_id"][2:10], 16)
    if age > RETENTION_SECONDS:
        raise UnfitDocument("InvalidTraceId", id, f"trace_id says a time {age:.0f} seconds ago")
    return document


def check(document: Document) -> None:
    """Hold a document against the format.

    Raises:
        UnfitDocument: It breaks a rule of the format, is larger than 64 kB, or holds a number that JSON does not have.
    """
    id = document.get("id") if isinstance(document.get("id"), str) else None
    try:
        problem = first_problem(document)
        text = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise UnfitDocument("ParseError", id, str(error)) from error
    if problem:
        code = "InvalidTraceId" if problem.startswith("trace_id") else "ParseError"
        raise UnfitDocument(code, id, problem)
    if (size := len(text.encode(errors="surrogatepass"))) > MAX_BYTES:
        raise UnfitDocument("ParseError", id, f"{size} bytes, larger than {MAX_BYTES}")


def first_problem(document: Document) -> str | None:
    """Say what is wrong with a document, its path first; None when it is a good one."""
    error = jsonschema.exceptions.best_match(_VALIDATOR.iter_errors(document))
    if error is None:
        return None
    path = ".".join(str(part) for part in error.absolute_path)
    return f"{path}: {error.message}" if path else error.message


def fit_name(name: str) -> str:
    """The name without the characters that X-Ray refuses, at most 200 long, ``span`` when nothing is left."""
    return _NOT_IN_NAME.sub("", name)[:200] or "span"
