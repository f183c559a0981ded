"""What a query sees of the other services: Glue's tables and S3's objects, in ministack's stores."""

from __future__ import annotations

import re
from collections.abc import Mapping

from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._table import Table, View
from raytrail.localaws._hooks import hook


class GlueCatalog:
    """The tables and views of the Glue Data Catalog, in the account and Region of the caller."""

    def __init__(self) -> None:
        self._databases = hook("ministack.services.glue:_databases")
        self._tables = hook("ministack.services.glue:_tables")
        self._partitions = hook("ministack.services.glue:_partitions")

    def find(self, database: str, name: str) -> Table | View:
        """Return a table or a view.

        Raises:
            QueryFailed: There is no such database or table.
        """
        if database not in self._databases:
            raise QueryFailed(f"SCHEMA_NOT_FOUND: Schema '{database}' does not exist")
        glue = self._tables.get(f"{database}/{name}")
        if glue is None:
            raise QueryFailed(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist")
        if glue.get("TableType") == "VIRTUAL_VIEW":
            return View(database, name, glue)
        return Table(database, name, glue, tuple(self._partitions.get(f"{database}/{name}") or ()))


class S3Store:
    """The current objects of the buckets that the caller may read.

    These are the caller's own, and those of other accounts whose policy lets the caller's account in, or a role or a
    user of it: bucket names are one namespace of all accounts. Which of them it is that asks is not looked at.
    """

    def __init__(self) -> None:
        self._buckets = hook("ministack.services.s3:_buckets")
        self._policies = hook("ministack.services.s3:_bucket_policies")
        self._owner = hook("ministack.services.s3:_bucket_owner_account")
        self._read = hook("ministack.services.s3:_get_object_data")
        self._account = hook("ministack.core.responses:get_account_id")
        self._region = hook("ministack.core.responses:get_region")
        self._scope = hook("ministack.core.responses:request_scope")
        self._evaluate = hook("ministack.core.iam_evaluator:evaluate_resource_policy")
        self._context = hook("ministack.core.iam_evaluator:EvalContext")

    def exists(self, bucket: str) -> bool:
        """Whether the caller has such a bucket."""
        return bucket in self._buckets

    def sizes(self, bucket: str) -> Mapping[str, int]:
        """Return the size of each object by key.

        Raises:
            QueryFailed: There is no such bucket, or it is another account's and its policy lets the caller not list it.
        """
        owner = self._owner(bucket)
        if owner is None:
            raise QueryFailed(
                f"HIVE_FILESYSTEM_ERROR: The specified bucket does not exist (Service: Amazon S3; Status Code: 404; "
                f"Error Code: NoSuchBucket; Bucket: {bucket})"
            )
        self._check(owner, bucket, "s3:ListBucket", bucket)
        with self._scope(owner, self._region()):
            found = self._buckets[bucket]
        return {key: record["size"] for key, record in list(found["objects"].items())}

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            QueryFailed: It was deleted while the query ran, or its bucket is another account's and lets the caller not
                read it.
        """
        owner = self._owner(bucket)
        self._check(owner, bucket, "s3:GetObject", f"{bucket}/{key}")
        with self._scope(owner or self._account(), self._region()):
            data: bytes | None = self._read(bucket, key)
        if data is None:
            raise QueryFailed(
                f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split s3://{bucket}/{key}: "
                "The specified key does not exist"
            )
        return data

    def _check(self, owner: str | None, bucket: str, action: str, resource: str) -> None:
        caller = self._account()
        if owner in (None, caller):
            return
        policy = self._policies.get_scoped(owner, None, bucket) or ""
        named = re.findall(rf"arn:[a-z-]+:iam::{caller}:[\w+=,.@/-]+", policy)
        contexts = (
            self._context(
                principal_arn=principal,
                principal_type="Root",
                principal_account=caller,
                action=action,
                resource_arn=f"arn:aws:s3:::{resource}",
                region=self._region(),
            )
            for principal in (f"arn:aws:iam::{caller}:root", *named)
        )
        if not any(self._evaluate(policy, context).decision == "Allow" for context in contexts):
            raise QueryFailed(
                f"PERMISSION_DENIED: Permission denied on S3 path: s3://{resource}, whose bucket is another account's: "
                f"its policy does not let account {caller} do {action}"
            )
