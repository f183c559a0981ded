"""Puts objects into the bucket of a trail, as CloudTrail's own service does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from raytrail.localaws._cloudtrail._late import Late
from raytrail.localaws._cloudtrail._trails import Trail


class ObjectWriter:
    """It calls ministack's function and not its server, so that nothing of it is recorded."""

    def __init__(self) -> None:
        self._put_object = Late("ministack.services.s3:_put_object")

    def put(self, trail: Trail, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> str | None:
        """Put gzipped JSON, in the account and Region of the trail; return the code of the error, if S3 refuses."""
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        headers |= {f"x-amz-meta-{name}": value for name, value in (metadata or {}).items()}
        if trail.kms_key_id:
            headers["x-amz-server-side-encryption"] = "aws:kms"
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = trail.kms_key_id
        answer = self._put_object(trail.bucket, key, body, headers)
        return None if answer[0] < 300 else error_code(answer)


def error_code(answer: tuple[Any, ...]) -> str:
    """The code in an answer that is an error, in XML or JSON."""
    text = answer[2].decode("utf-8", "replace") if len(answer) > 2 and isinstance(answer[2], bytes) else ""
    start, end = text.find("<Code>"), text.find("</Code>")
    if 0 <= start < end:
        return text[start + 6 : end]
    try:
        return str(json.loads(text).get("__type"))
    except ValueError:
        return f"HTTP {answer[0]}"
