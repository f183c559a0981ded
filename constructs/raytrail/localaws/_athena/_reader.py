"""From an object of S3 to rows: decompression, input format and SerDe, with Hive's errors.

https://docs.aws.amazon.com/athena/latest/ug/hive-json-serde.html
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._table import Table

CLOUDTRAIL_INPUT = "com.amazon.emr.cloudtrail.CloudTrailInputFormat"
_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_JSON_SERDES = ("org.apache.hive.hcatalog.data.JsonSerDe", "org.openx.data.jsonserde.JsonSerDe")
_OTHER_COMPRESSIONS = (".bz2", ".lz4", ".snappy", ".zst", ".lzo")
_GZIP = 31


def refuse_unread_formats(table: Table) -> None:
    """Refuse a table whose files this emulation cannot read.

    Raises:
        QueryFailed: The SerDe or the input format is not emulated here.
    """
    serde = (table.storage.get("SerdeInfo") or {}).get("SerializationLibrary")
    if serde not in _JSON_SERDES:
        raise QueryFailed(
            f"NOT_SUPPORTED: the SerDe {serde} of {table.label} is not emulated here, only the JSON ones are"
        )
    if table.storage.get("InputFormat") not in (CLOUDTRAIL_INPUT, _TEXT_INPUT):
        raise QueryFailed(f"NOT_SUPPORTED: the input format of {table.label} is not emulated here")


def records(table: Table, uri: str, data: bytes) -> list[Any]:
    """Return what one object holds for the SerDe: one JSON value for each row.

    Raises:
        QueryFailed: The object is not what its name or the table says; the message names it.
    """
    return list(_records(table, uri, _text(uri, data)))


def row(table: Table, uri: str, record: Any) -> dict[str, Any]:
    """Return the row that the SerDe makes of one record: a JSON value for each of the table's columns.

    Raises:
        QueryFailed: The record does not fit the columns; the message names the object.
    """
    if not isinstance(record, dict):
        raise QueryFailed(f"HIVE_CURSOR_ERROR: Row is not a valid JSON Object - JSONException in {uri}")
    given = {name.lower(): value for name, value in record.items()}
    return {name: _value(given.get(name), kind, name, uri) for name, kind in table.columns.items()}


def _text(uri: str, data: bytes) -> str:
    if uri.endswith(_OTHER_COMPRESSIONS):
        raise QueryFailed(f"NOT_SUPPORTED: the compression of {uri} is not emulated here, only gzip is")
    if uri.endswith(".gz"):
        data = _gunzip(uri, data)
    return data.decode("utf-8", errors="replace")


def _gunzip(uri: str, data: bytes) -> bytes:
    out = []
    while data:
        stream = zlib.decompressobj(_GZIP)
        try:
            out.append(stream.decompress(data))
        except zlib.error as error:
            size = len(data)
            raise QueryFailed(
                f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split {uri} (offset=0, length={size}): {error}"
            ) from error
        if not stream.eof:
            raise QueryFailed(f"HIVE_CURSOR_ERROR: Failed to read file at {uri}: Unexpected end of input stream")
        data = stream.unused_data
    return b"".join(out)


def _records(table: Table, uri: str, text: str) -> Iterator[Any]:
    whole = table.storage.get("InputFormat") == CLOUDTRAIL_INPUT
    documents = [text] if whole else [line for line in text.splitlines() if line.strip()]
    for document in documents:
        try:
            value = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise QueryFailed(f"HIVE_CURSOR_ERROR: Row is not a valid JSON Object in {uri}: {error}") from error
        if not whole:
            yield value
        elif isinstance(value, dict) and isinstance(value.get("Records"), list):
            yield from value["Records"]
        else:
            raise QueryFailed(f"HIVE_BAD_DATA: {uri} holds no CloudTrail records: no list under 'Records'")


def _value(value: Any, kind: exp.DataType, name: str, uri: str) -> Any:
    """What the SerDe makes of a JSON value for a column (or field) of a type."""
    if value is None:
        return None
    if kind.this == exp.DataType.Type.STRUCT:
        given = {field.lower(): item for field, item in _as(dict, value, kind, name, uri).items()}
        return {
            part.name: _value(given.get(part.name.lower()), part.args["kind"], f"{name}.{part.name}", uri)
            for part in kind.expressions
        }
    if kind.this in (exp.DataType.Type.ARRAY, exp.DataType.Type.LIST):
        return [_value(item, kind.expressions[0], name, uri) for item in _as(list, value, kind, name, uri)]
    if kind.this == exp.DataType.Type.MAP:
        pairs = _as(dict, value, kind, name, uri).items()
        return {key: _value(item, kind.expressions[1], name, uri) for key, item in pairs}
    if kind.this in exp.DataType.TEXT_TYPES:
        # Nested JSON in a string column reads as its text.
        return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _scalar(value, kind, name, uri)


def _scalar(value: Any, kind: exp.DataType, name: str, uri: str) -> Any:
    text = str(value).lower()
    try:
        if kind.this in exp.DataType.INTEGER_TYPES:
            return int(text)
        if kind.this in exp.DataType.REAL_TYPES:
            return float(text)
    except ValueError:
        raise _bad(value, kind, name, uri) from None
    if kind.this == exp.DataType.Type.BOOLEAN and text in ("true", "false"):
        return text == "true"
    if kind.this != exp.DataType.Type.BOOLEAN and isinstance(value, str):
        return value
    raise _bad(value, kind, name, uri)


def _as(python: type, value: Any, kind: exp.DataType, name: str, uri: str) -> Any:
    if not isinstance(value, python):
        raise _bad(value, kind, name, uri)
    return value


def _bad(value: Any, kind: exp.DataType, name: str, uri: str) -> QueryFailed:
    text = json.dumps(value)[:80]
    return QueryFailed(
        f"HIVE_BAD_DATA: Error parsing field value {text} for field {name} as {kind.sql('hive')} in {uri}"
    )
