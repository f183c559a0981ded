"""What S3 says of an object's encryption: nothing is encrypted here, and every answer is labelled as S3 labels it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from raytrail.localaws._hooks import hook, wrap

_HEADER = "x-amz-server-side-encryption"
_KEY_ID = f"{_HEADER}-aws-kms-key-id"
_BUCKET_KEY = f"{_HEADER}-bucket-key-enabled"
_S3 = "ministack.services.s3"


def install() -> None:
    """Label objects with their bucket's default, and fill in the key that S3 takes where a request names none."""
    configurations: Mapping[str, str] = hook(f"{_S3}:_bucket_encryption")
    wrap(f"{_S3}:_bucket_default_sse_headers", lambda original: _default_headers(original, configurations))
    wrap(f"{_S3}:_resolve_sse_write_headers", _with_managed_key)
    wrap(f"{_S3}:_SSE_STORED_HEADERS", lambda original: (*original, _BUCKET_KEY))


def _default_headers(
    original: Callable[[str], dict[str, str]], configurations: Mapping[str, str]
) -> Callable[[str], dict[str, str]]:
    def headers(bucket: str) -> dict[str, str]:
        # A bucket that says nothing is encrypted with S3's own keys, and each answer says so.
        found = original(bucket) or {_HEADER: "AES256"}
        if found[_HEADER] == "aws:kms":
            found.setdefault(_KEY_ID, _managed_key())
            if "<BucketKeyEnabled>true</BucketKeyEnabled>" in (configurations.get(bucket) or ""):
                found[_BUCKET_KEY] = "true"
        return found

    return headers


def _with_managed_key(original: Callable[..., Any]) -> Callable[..., Any]:
    """``aws:kms`` without a key id means the account's AWS managed key, which the emulator refuses."""

    def resolve(headers: Mapping[str, str], bucket: str) -> Any:
        if headers.get(_HEADER) == "aws:kms" and not headers.get(_KEY_ID):
            headers = {**headers, _KEY_ID: _managed_key()}
        return original(headers, bucket)

    return resolve


def _managed_key() -> str:
    """The ARN of the key behind ``alias/aws/s3``: one for each account and Region."""
    account = hook("ministack.core.responses:get_account_id")()
    region = hook("ministack.core.responses:get_region")()
    return f"arn:aws:kms:{region}:{account}:key/{uuid.uuid5(uuid.NAMESPACE_DNS, f's3.{region}.{account}')}"
