"""Folders of logs: a lake's bucket as files on this machine, and records in every shape that people hold them in."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Records = Sequence[dict[str, Any]]


class FolderAws:
    """In the place of an AWS session where only files are wanted: S3 writes below a folder, the rest does nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def client(self, _service: str) -> FolderAws:
        return self

    def put_object(self, **put: Any) -> None:
        path = self._folder / put["Bucket"] / put["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(put["Body"])

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda **_: None


def trail_file(records: Records) -> bytes:
    return gzip.compress(json.dumps({"Records": list(records)}).encode())


def lines(records: Records) -> bytes:
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()


SHAPES: dict[str, tuple[str, Callable[[Records], bytes]]] = {
    "a trail's file": ("a.json.gz", trail_file),
    "a trail's file, not gzipped": ("a.json", lambda records: gzip.decompress(trail_file(records))),
    "a trail's file, indented": (
        "a.json",
        lambda records: json.dumps({"Records": list(records)}, indent=2).encode() + b"\n",
    ),
    "one record a line": ("a.ndjson", lines),
    "one record a line, gzipped": ("a.log.gz", lambda records: gzip.compress(lines(records))),
    "a list": ("a.json", lambda records: json.dumps(list(records)).encode()),
    "a list, indented": ("a.json", lambda records: json.dumps(list(records), indent=1).encode()),
    "rows that wrap the record": (
        "a.jsonl",
        lambda records: lines([{"label": "x", "record": record} for record in records]),
    ),
    "events of EventBridge": ("a.json", lambda records: lines([{"detail": record} for record in records])),
    "the answer of lookup-events": (
        "a.json",
        lambda records: json.dumps({"Events": [{"CloudTrailEvent": json.dumps(r)} for r in records]}).encode(),
    ),
    "UTF-16": ("a.json", lambda records: json.dumps({"Records": list(records)}).encode("utf-16")),
}
"""By what it is: the name of a file, and the bytes for records."""
