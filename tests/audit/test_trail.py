"""The trail: what it records, where it delivers, and what it never records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from tests.synth import ACCOUNT, REGION, Json, only, plain, resources, statements

from raytrail.audit import AuditTrail
from raytrail.errors import InvalidProps


@pytest.fixture
def make(stack: Stack, template: Callable[[], Json]) -> Callable[..., Json]:
    def make(**props: Any) -> Json:
        AuditTrail(stack, "Trail", **{"name": "raytrail", **props})
        return template()

    return make


def table(stack: Stack, name: str) -> dynamodb.ITable:
    return dynamodb.Table.from_table_name(stack, name, name)


def selectors(template: Json) -> list[dict[str, Any]]:
    """Each selector's fields and what they equal, by the field's name."""
    found = plain(only(template, "AWS::CloudTrail::Trail"))["AdvancedEventSelectors"]
    for selector in found:
        for field in selector["FieldSelectors"]:
            assert set(field) == {"Field", "Equals"}, "a selector that excludes is not what these tests read"
    return [{field["Field"]: field["Equals"] for field in selector["FieldSelectors"]} for selector in found]


def test_the_trail_records_all_regions_and_global_services_with_validated_files(make):
    trail = only(make(), "AWS::CloudTrail::Trail")
    assert trail["TrailName"] == "raytrail"
    for switch in ("IsLogging", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation"):
        assert trail[switch] is True, switch


def test_without_tables_the_trail_records_management_events_alone(make):
    assert selectors(make()) == [{"eventCategory": ["Management"]}]


def test_data_events_are_those_of_the_tables_that_were_given(make, stack):
    assert selectors(make(tables=[table(stack, "orders"), table(stack, "carts")])) == [
        {"eventCategory": ["Management"]},
        {
            "eventCategory": ["Data"],
            "resources.type": ["AWS::DynamoDB::Table"],
            "resources.ARN": [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}" for name in ("orders", "carts")],
        },
    ]


@pytest.mark.parametrize("tables", [[], ["orders"]])
def test_no_selector_can_cover_the_trails_own_bucket_or_any_other(make, stack, tables: Sequence[str]):
    """Data events of S3 on the trail's bucket would record each delivery, and so make the next: without an end."""
    of_data = [
        selector
        for selector in selectors(make(tables=[table(stack, name) for name in tables]))
        if selector["eventCategory"] != ["Management"]
    ]
    assert len(of_data) == len(tables)
    for selector in of_data:
        assert selector["resources.type"] == ["AWS::DynamoDB::Table"]
        assert not any(":s3:" in arn for arn in selector["resources.ARN"])


def test_a_bucket_cannot_be_given_in_place_of_a_table(stack):
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "files")
    with pytest.raises(AttributeError, match="table_arn"):
        AuditTrail(stack, "Trail", name="raytrail", tables=[bucket])


def test_files_go_to_the_trails_own_bucket_with_its_key(make):
    template = make(prefix="org/logs")
    trail = plain(only(template, "AWS::CloudTrail::Trail"))
    (key,) = resources(template, "AWS::KMS::Key")
    bucket = trail["S3BucketName"].strip("<>")
    assert "AccessLogs" not in bucket
    assert bucket in resources(template, "AWS::S3::Bucket")
    assert (trail["KMSKeyId"], trail["S3KeyPrefix"]) == (f"<{key}.Arn>", "org/logs")


def test_the_policies_name_this_trail_without_a_circle(make):
    """They name it by its ARN, for the trail cannot be made before the bucket's policy is there."""
    template = make(name="my-trail")
    (trail,) = resources(template, "AWS::CloudTrail::Trail").values()
    policies = resources(template, "AWS::S3::BucketPolicy")
    assert set(trail["DependsOn"]) & set(policies)
    conditions = [
        statement["Condition"]["StringEquals"]["aws:SourceArn"]
        for policy in policies.values()
        for statement in plain(statements(policy["Properties"]["PolicyDocument"]))
        if statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
    ]
    assert conditions == [f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/my-trail"] * 2


def test_events_go_to_a_log_group_with_a_retention_too(make):
    template = make(log_retention=logs.RetentionDays.ONE_MONTH)
    trail = plain(only(template, "AWS::CloudTrail::Trail"))
    (group,) = resources(template, "AWS::Logs::LogGroup")
    assert only(template, "AWS::Logs::LogGroup")["RetentionInDays"] == 30
    assert trail["CloudWatchLogsLogGroupArn"] == f"<{group}.Arn>"


def test_cloudtrail_may_write_to_that_log_group_as_aws_documents(make):
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html.

    The page has a statement for each of the two actions, on the same streams.
    """
    template = make()
    (group,) = resources(template, "AWS::Logs::LogGroup")
    stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:<{group}>:log-stream:{ACCOUNT}_CloudTrail_{REGION}*"
    assert plain(statements(only(template, "AWS::IAM::Policy")["PolicyDocument"])) == [
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": stream}
    ]
    trust = statements(only(template, "AWS::IAM::Role")["AssumeRolePolicyDocument"])
    assert trust == [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    ]


def test_a_trail_name_that_cloudtrail_refuses_is_refused(make):
    with pytest.raises(InvalidProps, match="trail name 'a--b' has 3 to 128 letters and digits"):
        make(name="a--b")


EXISTING = {"bucket_name": "central-logs", "prefix": "org", "organization_id": "o-exampleorgid"}


def test_an_existing_trail_is_taken_and_no_second_one_is_made(synth):
    template = synth(audit={"existing_trail": EXISTING})["raytrail-audit"]
    assert resources(template, "AWS::CloudTrail::Trail") == {}
    assert [id for id in resources(template, "AWS::S3::Bucket") if not id.startswith("LakeResults")] == []
    assert resources(template, "AWS::KMS::Key") == {}
    location = only(template, "AWS::Glue::Table")["TableInput"]["StorageDescriptor"]["Location"]
    assert location == "s3://central-logs/org/AWSLogs/o-exampleorgid/"
    assert template["Outputs"]["TrailBucketName"]["Value"] == "central-logs"


def test_calls_are_counted_over_the_log_group_of_an_existing_trail_if_it_has_one(synth):
    without = synth(audit={"existing_trail": EXISTING})["raytrail-audit"]
    assert resources(without, "AWS::Logs::MetricFilter") == {}
    taken = synth(audit={"existing_trail": {**EXISTING, "log_group_name": "trail"}})["raytrail-audit"]
    filters = [each["Properties"]["LogGroupName"] for each in resources(taken, "AWS::Logs::MetricFilter").values()]
    assert filters == ["trail"] * 3


def test_results_over_an_existing_trail_are_encrypted_with_its_key(synth):
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    taken = synth(audit={"existing_trail": {**EXISTING, "kms_key_arn": key}})["raytrail-audit"]
    configuration = only(taken, "AWS::Athena::WorkGroup")["WorkGroupConfiguration"]["ResultConfiguration"]
    assert configuration["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": key}
