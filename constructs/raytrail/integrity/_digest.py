"""A digest: what CloudTrail says of the log files of an hour, and of the digest before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from raytrail.integrity._content import Damaged

SIGNATURE_ALGORITHM = "SHA256withRSA"
"""What digests are signed with: RSASSA-PKCS1-v1_5 over SHA-256."""
HASH_ALGORITHM = "SHA-256"
"""What digests state files by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """What a digest states of the one before it."""

    bucket: str
    """The bucket that it was delivered to."""
    key: str
    """The key that it was delivered under."""
    hash: str
    """SHA-256 of its uncompressed content, in hexadecimal."""
    signature: str
    """Its signature, in hexadecimal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedLog:
    """What a digest states of a log file."""

    bucket: str
    """The bucket that it was delivered to."""
    key: str
    """The key that it was delivered under."""
    hash: str
    """The hash of its uncompressed content, in hexadecimal."""
    hash_algorithm: str
    """What that hash is, as ``SHA-256``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """A digest that could be read. Times are UTC; of what it covers the start is in, the end is out."""

    bucket: str
    """The bucket that it was delivered to."""
    key: str
    """The key that it was delivered under."""
    start: datetime
    """From when on it covers what was delivered."""
    end: datetime
    """Until when."""
    fingerprint: str
    """Of the public key that checks its signature."""
    signature_algorithm: str
    """As ``SHA256withRSA``."""
    previous: Link | None
    """None for the first of a chain, after the trail, or its validation, was started."""
    logs: tuple[NamedLog, ...]
    """The log files that it names."""
    hash: str
    """SHA-256 of its content."""
    signed: bytes
    """What its signature is made over."""


def signing_string(*, end_time: str, bucket: str, key: str, content_hash: str, previous_signature: str | None) -> bytes:
    """What CloudTrail signs of a digest.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html; that a
    missing signature is the word null is what the AWS CLI's own check takes.

    Args:
        end_time: ``digestEndTime`` as it is written.
        bucket: The bucket of the digest.
        key: Its key.
        content_hash: SHA-256 of its uncompressed content, in hexadecimal.
        previous_signature: Of the digest before; None for the first of a chain.
    """
    previous = "null" if previous_signature is None else previous_signature
    return f"{end_time}\n{bucket}/{key}\n{content_hash}\n{previous}".encode()


def read_digest(raw: bytes) -> Digest:
    """Read the uncompressed content of a digest, and return what it says.

    Args:
        raw: The content.

    Raises:
        Damaged: It is not JSON, or lacks what a digest has.
    """
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Damaged("JSON, but no digest")
    found = hashlib.sha256(raw).hexdigest()
    bucket, key, end = (_text(document, name) for name in ("digestS3Bucket", "digestS3Object", "digestEndTime"))
    logs = document.get("logFiles")
    if not isinstance(logs, list):
        raise Damaged("no digest: it lacks logFiles")
    return Digest(
        bucket=bucket,
        key=key,
        start=_time(document, "digestStartTime"),
        end=_time(document, "digestEndTime"),
        fingerprint=_text(document, "digestPublicKeyFingerprint"),
        signature_algorithm=_text(document, "digestSignatureAlgorithm"),
        previous=_previous(document),
        logs=tuple(_log(entry) for entry in logs),
        hash=found,
        signed=signing_string(
            end_time=end,
            bucket=bucket,
            key=key,
            content_hash=found,
            previous_signature=_optional(document, "previousDigestSignature"),
        ),
    )


def _previous(document: Mapping[str, Any]) -> Link | None:
    if document.get("previousDigestS3Bucket") is None:
        return None
    return Link(
        bucket=_text(document, "previousDigestS3Bucket"),
        key=_text(document, "previousDigestS3Object"),
        hash=_text(document, "previousDigestHashValue").lower(),
        signature=_text(document, "previousDigestSignature"),
    )


def _log(entry: object) -> NamedLog:
    if not isinstance(entry, dict):
        raise Damaged(f"no digest: {entry!r} in its logFiles is no object")
    return NamedLog(
        bucket=_text(entry, "s3Bucket"),
        key=_text(entry, "s3Object"),
        hash=_text(entry, "hashValue").lower(),
        hash_algorithm=_text(entry, "hashAlgorithm"),
    )


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise Damaged(f"no digest: it lacks {name}")
    return value


def _optional(document: Mapping[str, Any], name: str) -> str | None:
    return None if document.get(name) is None else _text(document, name)


def _time(document: Mapping[str, Any], name: str) -> datetime:
    text = _text(document, name)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Damaged(f"no digest: its {name} is {text!r}") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
