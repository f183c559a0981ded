"""Create, update and delete of ``AWS::S3::Bucket``, applied through the same functions as the S3 API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from raytrail.localaws._hooks import hook
from raytrail.localaws._s3._properties import SETTINGS, Setting, removal_body, request_body

Created = tuple[str, dict[str, str]]

_PUT = {
    "PutBucketTagging": "_put_bucket_tagging",
    "PutBucketEncryption": "_put_bucket_encryption",
    "PutBucketVersioning": "_put_bucket_versioning",
    "PutBucketLifecycleConfiguration": "_put_bucket_lifecycle",
    "PutBucketOwnershipControls": "_put_bucket_ownership_controls",
    "PutBucketLogging": "_put_bucket_logging",
    "PutBucketAccelerateConfiguration": "_put_bucket_accelerate",
    "PutObjectLockConfiguration": "_put_object_lock_configuration",
}
_DELETE = {
    "Tags": "_delete_bucket_tagging",
    "BucketEncryption": "_delete_bucket_encryption",
    "LifecycleConfiguration": "_delete_bucket_lifecycle",
    "OwnershipControls": "_delete_bucket_ownership_controls",
}
_S3 = "ministack.services.s3"


class BucketHandler:
    """Adds to the emulator's bucket handler what it leaves out of a template."""

    def __init__(self, handler: Mapping[str, Any]) -> None:
        self._create = handler["create"]
        self._update = handler["update"]
        self._put = {operation: hook(f"{_S3}:{name}") for operation, name in _PUT.items()}
        self._drop = {name: hook(f"{_S3}:{function}") for name, function in _DELETE.items()}
        self._region = hook("ministack.core.responses:get_region")
        self._delete_bucket = hook(f"{_S3}:_delete_bucket")
        self._buckets = hook(f"{_S3}:_buckets")
        self._object_lock = hook(f"{_S3}:_bucket_object_lock")
        self._versioning = hook(f"{_S3}:_bucket_versioning")

    def create(self, logical_id: str, props: Mapping[str, Any], stack_name: str) -> Created:
        """Create the bucket; a configuration that S3 refuses leaves none behind."""
        name, attributes = self._create(logical_id, props, stack_name)
        try:
            if props.get("ObjectLockEnabled"):
                # As CreateBucket does with x-amz-bucket-object-lock-enabled: a lock brings versioning.
                self._object_lock[name] = {"enabled": True, "default_retention": None}
                self._versioning[name] = "Enabled"
            self._apply(name, props)
        except Exception:
            self._delete_bucket(name)
            raise
        return name, self._attributes(name, attributes)

    def update(self, physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any], stack_name: str) -> Created:
        """Apply what changed; a property that the template dropped goes back to S3's default."""
        name, attributes = self._update(physical_id, old, new, stack_name)
        self._apply(name, new)
        for setting in SETTINGS:
            if setting.property in old and setting.property not in new:
                self._reset(name, setting)
        return name, self._attributes(name, attributes)

    def delete(self, physical_id: str, props: Mapping[str, Any]) -> None:
        """Delete the bucket as DeleteBucket does: one that holds objects or versions stays, and its stack says so."""
        if physical_id in self._buckets:
            self._refuse(self._delete_bucket(physical_id))

    def _attributes(self, name: str, attributes: Mapping[str, str]) -> dict[str, str]:
        return {**attributes, "DualStackDomainName": f"{name}.s3.dualstack.{self._region()}.amazonaws.com"}

    def _apply(self, name: str, props: Mapping[str, Any]) -> None:
        for setting in SETTINGS:
            if setting.property in props:
                body = request_body(setting, name, props[setting.property])
                self._refuse(self._put[setting.operation](name, body))

    def _reset(self, name: str, setting: Setting) -> None:
        if setting.property in self._drop:
            self._refuse(self._drop[setting.property](name))
        elif setting.removed is not None:
            self._refuse(self._put[setting.operation](name, removal_body(setting, name)))

    @staticmethod
    def _refuse(answer: tuple[int, Mapping[str, str], bytes | str]) -> None:
        status, _, body = answer
        if status < 400:
            return
        text = body.decode() if isinstance(body, bytes) else body
        code, message, request_id = (_element(text, name) for name in ("Code", "Message", "RequestId"))
        raise ValueError(
            f"{message} (Service: Amazon S3; Status Code: {status}; Error Code: {code}; Request ID: {request_id})"
        )


def _element(xml: str, name: str) -> str:
    found = re.search(f"<{name}>(.*?)</{name}>", xml, re.DOTALL)
    return found[1] if found else ""
