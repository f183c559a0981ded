"""The lake: the table over a trail's files, the workgroup with its limits, the saved queries."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from tests.synth import ACCOUNT, Json, only, plain, properties, resources, statements

from raytrail.audit import AuditLake, saved_queries
from raytrail.errors import InvalidProps

REGIONS = ("us-east-1", "eu-west-1")


@pytest.fixture
def make(stack: Stack, template: Callable[[], Json]) -> Callable[..., Json]:
    def make(**props: Any) -> Json:
        given = {
            "name": "my-lake",
            "bucket": s3.Bucket.from_bucket_name(stack, "TrailBucket", "trail-files"),
            "regions": REGIONS,
            "start_date": date(2026, 1, 2),
        }
        AuditLake(stack, "Lake", **{**given, **props})
        return template()

    return make


def configuration(template: Json) -> Json:
    found: Json = plain(only(template, "AWS::Athena::WorkGroup"))["WorkGroupConfiguration"]
    return found


def test_the_table_projects_its_partitions_over_the_trails_bucket(make):
    table = only(make(), "AWS::Glue::Table")["TableInput"]
    assert table["StorageDescriptor"]["Location"] == "s3://trail-files/AWSLogs/"
    assert table["Parameters"] == {
        "EXTERNAL": "TRUE",
        "projection.enabled": "true",
        "projection.account.type": "enum",
        "projection.account.values": ACCOUNT,
        "projection.region.type": "enum",
        "projection.region.values": "us-east-1,eu-west-1",
        "projection.timestamp.type": "date",
        "projection.timestamp.format": "yyyy/MM/dd",
        "projection.timestamp.range": "2026/01/02,NOW",
        "projection.timestamp.interval": "1",
        "projection.timestamp.interval.unit": "DAYS",
        "storage.location.template": "s3://trail-files/AWSLogs/${account}/CloudTrail/${region}/${timestamp}/",
    }


def test_each_partition_key_is_projected_and_in_the_template_of_the_location(make):
    """https://docs.aws.amazon.com/athena/latest/ug/partition-projection-setting-up.html: or queries find nothing."""
    table = only(make(), "AWS::Glue::Table")["TableInput"]
    for key in table["PartitionKeys"]:
        assert f"projection.{key['Name']}.type" in table["Parameters"]
        assert f"${{{key['Name']}}}" in table["Parameters"]["storage.location.template"]


def test_the_table_reads_the_files_as_athena_documents(make):
    """https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-partition-projection.html."""
    storage = only(make(), "AWS::Glue::Table")["TableInput"]["StorageDescriptor"]
    assert storage["SerdeInfo"] == {"SerializationLibrary": "org.apache.hive.hcatalog.data.JsonSerDe"}
    assert storage["InputFormat"] == "com.amazon.emr.cloudtrail.CloudTrailInputFormat"
    assert storage["OutputFormat"] == "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


def test_the_database_and_the_workgroup_are_named_after_the_lake(make):
    template = make()
    assert only(template, "AWS::Glue::Database")["DatabaseInput"]["Name"] == "my_lake"
    assert only(template, "AWS::Glue::Table")["DatabaseName"] == "my_lake"
    assert only(template, "AWS::Athena::WorkGroup")["Name"] == "my-lake"


def test_nobody_can_read_more_than_the_limit_or_set_another(make):
    found = configuration(make(query_limit_gb=3))
    assert found["BytesScannedCutoffPerQuery"] == 3_000_000_000
    assert found["EnforceWorkGroupConfiguration"] is True


def test_results_are_encrypted_by_s3_unless_a_key_is_given(make):
    found = configuration(make())["ResultConfiguration"]
    assert found["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}


def test_results_are_encrypted_with_the_key_that_is_given(make, stack):
    template = make(encryption_key=kms.Key(stack, "Key"))
    (key,) = resources(template, "AWS::KMS::Key")
    found = configuration(template)["ResultConfiguration"]
    assert found["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": f"<{key}.Arn>"}
    (rule,) = plain(only(template, "AWS::S3::Bucket"))["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": f"<{key}.Arn>"}


def test_results_go_to_a_bucket_of_their_own_and_expire(make):
    template = make(results_expire_after_days=7)
    (bucket,) = resources(template, "AWS::S3::Bucket")
    assert configuration(template)["ResultConfiguration"]["OutputLocation"] == f"s3://<{bucket}>/"
    (rule,) = only(template, "AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    assert (rule["ExpirationInDays"], rule["Status"]) == (7, "Enabled")
    assert "Prefix" not in rule


def test_results_are_private_and_travel_by_tls(make):
    template = make()
    assert set(only(template, "AWS::S3::Bucket")["PublicAccessBlockConfiguration"].values()) == {True}
    policy = plain(statements(only(template, "AWS::S3::BucketPolicy")["PolicyDocument"]))
    assert {"Bool": {"aws:SecureTransport": "false"}} in [each.get("Condition") for each in policy]
    assert {each["Effect"] for each in policy} == {"Deny"}


def test_results_outlive_the_stack_until_they_expire(make):
    (bucket,) = resources(make(), "AWS::S3::Bucket").values()
    assert bucket["DeletionPolicy"] == "Retain"


def test_there_are_at_least_eight_saved_queries_within_athenas_limits(make):
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateNamedQuery.html."""
    saved = properties(make(), "AWS::Athena::NamedQuery")
    assert len(saved) == len(saved_queries()) >= 8
    assert len({each["Name"] for each in saved}) == len(saved)
    for query in saved:
        assert 1 <= len(query["Name"]) <= 128
        assert len(query["Description"]) <= 1024
        assert len(query["QueryString"].encode()) <= 262_144
        assert (query["Database"], query["WorkGroup"]) == ("my_lake", "my-lake")


def test_each_saved_query_asks_the_lakes_table_for_its_accounts_and_regions(make):
    for query in properties(make(accounts=["111122223333", "444455556666"]), "AWS::Athena::NamedQuery"):
        text = query["QueryString"]
        assert '"cloudtrail_events"' in text
        assert "account IN ('111122223333', '444455556666')" in text
        assert "region IN ('us-east-1', 'eu-west-1')" in text
        assert not re.search(r"\$\{", text)


def test_queries_wait_for_their_workgroup(make):
    template = make()
    (workgroup,) = resources(template, "AWS::Athena::WorkGroup")
    for query in resources(template, "AWS::Athena::NamedQuery").values():
        assert workgroup in query["DependsOn"]


def test_queries_of_ones_own_take_the_place_of_the_packages(make):
    (mine,) = [query for query in saved_queries() if query.name == "root_use"]
    assert [each["Name"] for each in properties(make(queries=[mine]), "AWS::Athena::NamedQuery")] == [mine.title]


@pytest.mark.parametrize(
    ("props", "said"),
    [
        ({"query_limit_gb": 0}, "query_limit_gb is 1 or more, got 0"),
        ({"results_expire_after_days": 0}, "results_expire_after_days is 1 or more, got 0"),
        ({"regions": []}, "regions must name at least one Region"),
        ({"organization_id": "mine"}, "organization_id is o- and 10 to 32"),
        ({"name": "My Lake"}, "name of a lake 'My Lake' begins with a lower-case letter"),
    ],
)
def test_what_athena_would_refuse_or_hide_is_refused(make, props, said):
    with pytest.raises(InvalidProps, match=re.escape(said)):
        make(**props)
