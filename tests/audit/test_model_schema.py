"""The table's shape: where its partitions lie, and what is refused because it would hide data."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from raytrail.audit import _model_schema as schema
from raytrail.errors import InvalidProps

WHERE: dict[str, Any] = {
    "bucket": "logs",
    "accounts": ["1"],
    "regions": ["us-east-1", "eu-west-1"],
    "start_date": date(2026, 1, 2),
}


def parameters(**changes: Any) -> dict[str, str]:
    return schema.projection_parameters(**{**WHERE, **changes})


@given(prefix=st.sampled_from(["", "a", "/a", "a/", "/a/b/"]), organization=st.sampled_from([None, "o-a1b2c3d4e5"]))
def test_the_template_lies_below_the_location_and_names_each_key_once(prefix: str, organization: str | None) -> None:
    location = schema.table_location(bucket="logs", prefix=prefix, organization_id=organization)
    template = parameters(prefix=prefix, organization_id=organization)["storage.location.template"]
    assert template.startswith(location)
    assert template.endswith("/")
    assert "//" not in template.removeprefix("s3://")
    for key in schema.PARTITION_KEYS:
        assert template.count(f"${{{key.name}}}") == 1


def test_every_partition_key_is_projected() -> None:
    for accounts in (["1"], []):
        made = parameters(accounts=accounts)
        assert all(f"projection.{key.name}.type" in made for key in schema.PARTITION_KEYS)


def test_the_range_starts_on_a_fixed_day_and_ends_now() -> None:
    assert parameters()["projection.timestamp.range"] == "2026/01/02,NOW"


@pytest.mark.parametrize(
    "changes",
    [
        {"regions": []},
        {"regions": ["us-east-1", "us-east-1"]},
        {"regions": ["us-east-1, eu-west-1"]},
        {"accounts": ["1", ""]},
        {"organization_id": "a1b2c3d4e5"},
    ],
)
def test_what_would_hide_data_silently_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidProps):
        parameters(**changes)


@pytest.mark.parametrize("table", schema.LAKE_TABLES, ids=lambda table: table.name)
def test_athena_reads_the_files_that_were_restored_from_glacier(table: schema.LakeTable) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/querying-glacier.html: else it passes over them."""
    assert table.table_input(**WHERE)["Parameters"]["read_restored_glacier_objects"] == "true"


@pytest.mark.parametrize("table", schema.LAKE_TABLES, ids=lambda table: table.name)
def test_each_table_is_its_folders_and_has_columns_that_hive_can_read(table: schema.LakeTable) -> None:
    given = table.table_input(**{**WHERE, "prefix": "/audit/", "organization_id": "o-a1b2c3d4e5"})
    assert given["Parameters"]["storage.location.template"] == (
        f"s3://logs/audit/AWSLogs/o-a1b2c3d4e5/${{account}}/{table.folder}/${{region}}/${{timestamp}}/"
    )
    names = [column["Name"] for column in given["StorageDescriptor"]["Columns"] + given["PartitionKeys"]]
    assert len(set(names)) == len(names)
    assert names == [name.lower() for name in names]
    # https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
    assert all(len(column["Comment"]) <= 255 for column in given["StorageDescriptor"]["Columns"])
    for column in given["StorageDescriptor"]["Columns"]:
        assert exp.DataType.build(column["Type"], dialect="hive")


def test_no_two_tables_share_a_name_or_a_folder() -> None:
    assert len({table.name for table in schema.LAKE_TABLES}) == len(schema.LAKE_TABLES)
    assert len({table.folder for table in schema.LAKE_TABLES}) == len(schema.LAKE_TABLES)


def test_a_digest_has_the_fields_that_cloudtrail_documents() -> None:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html."""
    documented = """
        awsAccountId digestStartTime digestEndTime digestS3Bucket digestS3Object digestPublicKeyFingerprint
        digestSignatureAlgorithm newestEventTime oldestEventTime previousDigestS3Bucket previousDigestS3Object
        previousDigestHashValue previousDigestHashAlgorithm previousDigestSignature logFiles
    """
    assert {column.name for column in schema.DIGESTS.columns} == {name.lower() for name in documented.split()}
