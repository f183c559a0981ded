"""The keys and files that a trail writes."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from raytrail.errors import InvalidProps

MAX_FILE_BYTES = 50 * 1024 * 1024
"""A log file before compression. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html"""

_ACCOUNT = re.compile(r"\d{12}")
_REGION = re.compile(r"[a-z]+(-[a-z0-9]+)+")
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
_UNIQUE = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class LogFile:
    """One file as a trail delivers it."""

    key: str
    """The key of its object, from the trail's prefix on."""
    body: bytes
    """Gzip of ``{"Records": [...]}``; the same records give the same bytes."""
    count: int
    """How many records are in it."""


def object_key(
    *,
    account_id: str,
    region: str,
    time: datetime | str,
    unique: str,
    prefix: str = "",
    organization_id: str = "",
) -> str:
    """The key under which a trail writes a file.

    ``[prefix/]AWSLogs/[o-id/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_UNIQUE.json.gz``,
    after https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html.

    Args:
        account_id: Whose records the file holds: 12 digits.
        region: The Region of the records.
        time: When the file is written: an aware datetime, or text as in ``eventTime``.
        unique: What keeps files of one minute apart: letters and digits. AWS uses 16.
        prefix: The trail's ``S3KeyPrefix``. Default: none.
        organization_id: ``o-...`` for an organization's trail. Default: none.

    Raises:
        InvalidProps: A value that cannot stand in a key.
    """
    _require(_ACCOUNT, account_id, "account_id", "12 digits")
    _require(_REGION, region, "region", "a Region name such as us-east-1")
    _require(_UNIQUE, unique, "unique", "letters and digits")
    if organization_id:
        _require(_ORGANIZATION, organization_id, "organization_id", "o- and 10 to 32 lower-case letters or digits")
    moment = _moment(time)
    parts = [prefix.strip("/")] if prefix.strip("/") else []
    parts += ["AWSLogs", *([organization_id] if organization_id else []), account_id, "CloudTrail", region]
    parts += [
        moment.strftime("%Y/%m/%d"),
        f"{account_id}_CloudTrail_{region}_{moment.strftime('%Y%m%dT%H%MZ')}_{unique}.json.gz",
    ]
    return "/".join(parts)


def group_into_files(
    records: Iterable[Mapping[str, Any]], *, prefix: str = "", organization_id: str = ""
) -> list[LogFile]:
    """The files that a trail would write for ``records``: one for each account, Region and day.

    The order of records within a file is the order given; a file's minute is that of its newest record; one that
    would exceed 50 MB before compression is split. The same records give the same files, byte for byte.

    Args:
        records: CloudTrail records with ``eventTime``, ``awsRegion`` and ``recipientAccountId`` (or
            ``userIdentity.accountId``).
        prefix: The trail's ``S3KeyPrefix``. Default: none.
        organization_id: ``o-...`` for an organization's trail. Default: none.

    Raises:
        InvalidProps: A record without an account, Region or time; the message names its ``eventID``.
    """
    groups: dict[tuple[str, str, str], list[tuple[datetime, str]]] = {}
    for record in records:
        account, region, moment = place_of(record)
        text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        groups.setdefault((account, region, moment.strftime("%Y/%m/%d")), []).append((moment, text))
    files = []
    for (account, region, _), rows in sorted(groups.items()):
        for chunk in _chunks(rows):
            plain = '{"Records":[' + ",".join(text for _, text in chunk) + "]}"
            raw = plain.encode("utf-8", "surrogatepass")
            unique = hashlib.sha256(raw).hexdigest()[:16].upper()
            key = object_key(
                account_id=account,
                region=region,
                time=max(moment for moment, _ in chunk),
                unique=unique,
                prefix=prefix,
                organization_id=organization_id,
            )
            files.append(LogFile(key=key, body=gzip.compress(raw, mtime=0), count=len(chunk)))
    return files


def _chunks(rows: list[tuple[datetime, str]]) -> Iterable[list[tuple[datetime, str]]]:
    chunk: list[tuple[datetime, str]] = []
    size = 0
    for row in rows:
        length = len(row[1].encode("utf-8", "surrogatepass")) + 1
        if chunk and size + length > MAX_FILE_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += length
    yield chunk


def place_of(record: Mapping[str, Any]) -> tuple[str, str, datetime]:
    """The account, the Region and the moment of a record: what the key of its file is made of.

    Args:
        record: A record as CloudTrail wrote it.

    Raises:
        InvalidProps: It has no 12-digit account, no Region or no time; the message names its ``eventID``.
    """
    identity = record.get("userIdentity")
    account = record.get("recipientAccountId") or (identity.get("accountId") if isinstance(identity, Mapping) else "")
    region = record.get("awsRegion")
    try:
        _require(_ACCOUNT, account, "recipientAccountId", "12 digits")
        _require(_REGION, region, "awsRegion", "a Region name such as us-east-1")
        return str(account), str(region), _moment(record.get("eventTime"))
    except InvalidProps as error:
        raise InvalidProps(f"record {record.get('eventID', 'without eventID')}: {error}") from error


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidProps(f"time {value!r} is not as in eventTime, such as 2026-01-31T23:59:59Z") from error
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidProps(f"time must be an aware datetime or text such as 2026-01-31T23:59:59Z, got {value!r}")
    return value.astimezone(UTC)


def _require(pattern: re.Pattern[str], value: object, name: str, allowed: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidProps(f"{name} {value!r} cannot stand in the key of a log file, it takes {allowed}")
