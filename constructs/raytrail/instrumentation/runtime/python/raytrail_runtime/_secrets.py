"""Keys of partners, out of Secrets Manager, read when they are first needed and kept for a while."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

KEPT_SECONDS = 900.0


class SecretMissing(Exception):
    """A key could not be read; the message says which and why, and never what."""


class Reference(NamedTuple):
    """Where a key is: a secret by name or ARN, and the field of its JSON unless the whole secret is the key."""

    id: str
    field: str | None = None


_kept: dict[Reference, tuple[float, str]] = {}
_lock = threading.Lock()


def prepare(references: Iterable[Reference]) -> bool:
    """Do the slow work that needs no network, which is to import boto3, and say whether a key is to be read."""
    unknown = [reference for reference in references if _known(reference) is None]
    for reference in unknown:
        _client(_region(reference.id))
    return bool(unknown)


def read(reference: Reference) -> str:
    """Return the key.

    Raises:
        SecretMissing: The secret cannot be read, or holds no such field.
    """
    if (known := _known(reference)) is not None:
        return known
    value = _key_in(_fetch(reference.id), reference)
    with _lock:
        _kept[reference] = (time.monotonic() + KEPT_SECONDS, value)
    return value


def forget(reference: Reference) -> None:
    """Drop a key that was refused, so that the next use reads it again."""
    with _lock:
        _kept.pop(reference, None)


def _known(reference: Reference) -> str | None:
    with _lock:
        until, value = _kept.get(reference, (0.0, ""))
    return value if time.monotonic() < until else None


def _fetch(id: str) -> dict[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer: dict[str, Any] = _client(_region(id)).get_secret_value(SecretId=id)
    except ClientError as error:
        raise SecretMissing(f"secret {id!r} cannot be read: {error.response['Error'].get('Code')}") from None
    except BotoCoreError as error:
        raise SecretMissing(f"secret {id!r} cannot be read: {type(error).__name__}") from None
    return answer


def _key_in(answer: dict[str, Any], reference: Reference) -> str:
    id, field = reference
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise SecretMissing(f"secret {id!r} holds bytes, not text")
    if field is not None:
        try:
            fields = json.loads(text)
        except ValueError:
            raise SecretMissing(f"secret {id!r} is not JSON, so it has no field {field!r}") from None
        text = fields.get(field) if isinstance(fields, dict) else None
        if not isinstance(text, str):
            raise SecretMissing(f"secret {id!r} has no field {field!r} of text")
    key = text.strip()
    if not key or not key.isprintable():
        raise SecretMissing(f"secret {id!r} holds no key: it is empty, or has line breaks inside")
    return key


def _region(id: str) -> str | None:
    """The Region that an ARN names; otherwise the function's own."""
    return id.split(":")[3] if id.startswith("arn:") else os.environ.get("AWS_REGION")


@cache
def _client(region: str | None) -> Any:
    import boto3
    from botocore.config import Config

    # One try and short waits: whoever needs the key waits a bounded time, and tries again after a pause.
    config = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 1})
    return boto3.client("secretsmanager", region_name=region, config=config)
