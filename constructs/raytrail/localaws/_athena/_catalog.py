"""What a query sees of the other services: Glue's tables and S3's objects, in ministack's stores."""

from __future__ import annotations

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
    """The current objects of the caller's buckets."""

    def __init__(self) -> None:
        self._buckets = hook("ministack.services.s3:_buckets")
        self._read = hook("ministack.services.s3:_get_object_data")

    def exists(self, bucket: str) -> bool:
        """Whether there is such a bucket."""
        return bucket in self._buckets

    def sizes(self, bucket: str) -> Mapping[str, int]:
        """Return the size of each object by key.

        Raises:
            QueryFailed: There is no such bucket.
        """
        found = self._buckets.get(bucket)
        if found is None:
            raise QueryFailed(
                f"HIVE_FILESYSTEM_ERROR: The specified bucket does not exist (Service: Amazon S3; Status Code: 404; "
                f"Error Code: NoSuchBucket; Bucket: {bucket})"
            )
        return {key: record["size"] for key, record in list(found["objects"].items())}

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            QueryFailed: It was deleted while the query ran.
        """
        data: bytes | None = self._read(bucket, key)
        if data is None:
            raise QueryFailed(
                f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split s3://{bucket}/{key}: "
                "The specified key does not exist"
            )
        return data
