"""The trail: what it records, where it delivers, and what it never records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Annotations, Match
from tests.synth import ACCOUNT, REGION, Json, only, plain, resources, statements

from raytrail.audit import AuditTrail, DataEvents, Insights, ManagementEvents, NetworkActivityEvents
from raytrail.errors import InvalidProps


@pytest.fixture
def make(stack: Stack, template: Callable[[], Json]) -> Callable[..., Json]:
    def make(**props: Any) -> Json:
        AuditTrail(stack, "Trail", **{"name": "raytrail", **props})
        return template()

    return make


def selectors(template: Json) -> list[dict[str, Any]]:
    """Each selector's conditions by the field's name."""
    found = plain(only(template, "AWS::CloudTrail::Trail"))["AdvancedEventSelectors"]
    return [
        {
            field["Field"]: {key: value for key, value in field.items() if key != "Field"}
            for field in each["FieldSelectors"]
        }
        for each in found
    ]


def test_the_trail_records_all_regions_and_global_services_with_validated_files(make):
    trail = only(make(), "AWS::CloudTrail::Trail")
    assert trail["TrailName"] == "raytrail"
    for switch in ("IsLogging", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation"):
        assert trail[switch] is True, switch


def test_unless_asked_the_trail_records_management_events_alone(make):
    assert selectors(make()) == [{"eventCategory": {"Equals": ["Management"]}}]


def test_data_events_are_those_of_the_resources_that_were_given(make, stack):
    tables = [dynamodb.Table.from_table_name(stack, name, name) for name in ("orders", "carts")]
    files = s3.Bucket.from_bucket_name(stack, "Files", "files")
    function = lambda_.Function.from_function_arn(stack, "F", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f")
    asked = [
        DataEvents.tables(*tables),
        DataEvents.s3(files, without_key_prefixes=["tmp/"]),
        DataEvents.functions(function),
    ]
    made = make(events=asked)
    of_tables, of_objects, of_functions = selectors(made)
    assert of_tables == {
        "eventCategory": {"Equals": ["Data"]},
        "resources.type": {"Equals": ["AWS::DynamoDB::Table"]},
        "resources.ARN": {
            "Equals": [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}" for name in ("orders", "carts")]
        },
    }
    assert of_objects["resources.ARN"] == {
        "StartsWith": ["arn:aws:s3:::files/"],
        "NotStartsWith": ["arn:aws:s3:::files/tmp/", "<TrailStoreBucket970364AA.Arn>/"],
    }
    assert of_functions["resources.ARN"] == {"Equals": [f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"]}


def test_network_activity_is_selected_as_aws_documents(make):
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-network-events-with-cloudtrail.html."""
    _, network = selectors(
        make(events=[ManagementEvents(), NetworkActivityEvents(event_source="s3.amazonaws.com", denied_only=True)])
    )
    assert network == {
        "eventCategory": {"Equals": ["NetworkActivity"]},
        "eventSource": {"Equals": ["s3.amazonaws.com"]},
        "errorCode": {"Equals": ["VpceAccessDenied"]},
    }


def test_insights_look_at_what_was_asked(make):
    template = make(
        events=[ManagementEvents(), DataEvents.all_of("AWS::Lambda::Function")],
        insights=Insights(on=("Management", "Data")),
    )
    assert only(template, "AWS::CloudTrail::Trail")["InsightSelectors"] == [
        {"InsightType": type, "EventCategories": ["Management", "Data"]}
        for type in ("ApiCallRateInsight", "ApiErrorRateInsight")
    ]


def test_data_events_of_all_objects_leave_out_the_trails_own_bucket_and_the_results(stack, template):
    """Data events on the trail's bucket would record each delivery, and so make the next: without an end."""
    trail = AuditTrail(stack, "Trail", name="raytrail", events=[DataEvents.all_of("AWS::S3::Object")])
    trail.never_record(s3.Bucket.from_bucket_name(stack, "Results", "results"))
    made = template()
    (own,) = [id for id in resources(made, "AWS::S3::Bucket") if "AccessLogs" not in id]
    (objects,) = selectors(made)
    assert objects["resources.ARN"] == {"NotStartsWith": [f"<{own}.Arn>/", "arn:aws:s3:::results/"]}


def test_data_events_of_the_results_by_name_are_refused(stack):
    results = s3.Bucket.from_bucket_name(stack, "Results", "results")
    trail = AuditTrail(stack, "Trail", name="raytrail", events=[DataEvents.s3(results)])
    with pytest.raises(InvalidProps, match="results/' would record the trail's own deliveries"):
        trail.never_record(results)


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
@pytest.mark.parametrize("named", [True, False], ids=["made with a name", "imported by name"])
def test_data_events_of_the_trails_bucket_by_name_are_refused(stack, partition, named):
    bucket = (
        s3.Bucket(stack, "Logs", bucket_name="logs-trail")
        if named
        else s3.Bucket.from_bucket_name(stack, "Logs", "logs-trail")
    )
    asked = [DataEvents.s3(f"arn:{partition}:s3:::logs-trail")]
    with pytest.raises(InvalidProps, match="would record the trail's own deliveries"):
        AuditTrail(stack, "Trail", name="raytrail", bucket=bucket, events=asked)


def test_a_prefix_that_reaches_the_trails_bucket_leaves_it_out(stack, template):
    bucket = s3.Bucket.from_bucket_name(stack, "Logs", "logs-trail")
    asked = [DataEvents.of("AWS::S3::Object", arn_prefixes=["arn:aws:s3:::logs-"])]
    AuditTrail(stack, "Trail", name="raytrail", bucket=bucket, events=asked)
    (objects,) = selectors(template())
    assert objects["resources.ARN"] == {
        "StartsWith": ["arn:aws:s3:::logs-"],
        "NotStartsWith": ["arn:aws:s3:::logs-trail/"],
    }


def test_the_values_of_the_guard_count_too(stack):
    asked = DataEvents.of("AWS::S3::Object", arn_prefixes=[f"arn:aws:s3:::files-{n}" for n in range(497)])
    trail = AuditTrail(stack, "Trail", name="raytrail", events=[asked])
    with pytest.raises(InvalidProps, match=r"at most 500 values together, .* got 501"):
        trail.never_record(s3.Bucket(stack, "Results"))


def test_buckets_that_are_named_in_full_cost_a_value_of_the_guard_only_for_names_that_nobody_knows(stack):
    asked = DataEvents.s3(*(f"arn:aws:s3:::files-{n}" for n in range(497)))
    trail = AuditTrail(stack, "Trail", name="raytrail", events=[asked])
    trail.never_record(s3.Bucket(stack, "Results", bucket_name="results"))
    with pytest.raises(InvalidProps, match="got 501"):
        trail.never_record(s3.Bucket(stack, "Other"))


def test_an_organizations_trail_with_a_prefix_may_write_where_it_writes(make):
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html#org-trail-bucket-policy."""
    template = make(organization_id="o-exampleorgid", prefix="org/logs")
    trail = only(template, "AWS::CloudTrail::Trail")
    assert (trail["IsOrganizationTrail"], trail["S3KeyPrefix"]) == (True, "org/logs")
    (own,) = [id for id in resources(template, "AWS::S3::Bucket") if "AccessLogs" not in id]
    arn = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/raytrail"
    said = [
        statement
        for policy in resources(template, "AWS::S3::BucketPolicy").values()
        for statement in plain(statements(policy["Properties"]["PolicyDocument"]))
        if statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
    ]
    write = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "s3:PutObject",
        "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": arn}},
    }
    assert [{key: value for key, value in each.items() if key != "Sid"} for each in said] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:GetBucketAcl",
            "Resource": f"<{own}.Arn>",
            "Condition": {"StringEquals": {"aws:SourceArn": arn}},
        },
        {**write, "Resource": f"<{own}.Arn>/org/logs/AWSLogs/{ACCOUNT}/*"},
        {**write, "Resource": f"<{own}.Arn>/org/logs/AWSLogs/o-exampleorgid/*"},
    ]


def test_an_organizations_trail_may_write_the_streams_of_its_members(make):
    """The second policy of the page on the role for CloudWatch Logs."""
    (statement,) = plain(statements(only(make(organization_id="o-exampleorgid"), "AWS::IAM::Policy")["PolicyDocument"]))
    assert [arn.partition(":log-stream:")[2] for arn in statement["Resource"]] == [
        f"{ACCOUNT}_CloudTrail_{REGION}*",
        "o-exampleorgid_*",
    ]


def test_a_delegated_administrators_trail_is_that_of_the_management_account(make):
    template = make(organization_id="o-exampleorgid", management_account="999988887777")
    (key,) = [
        plain(statements(each["Properties"]["KeyPolicy"])) for each in resources(template, "AWS::KMS::Key").values()
    ]
    arns = {each["Condition"]["StringEquals"]["aws:SourceArn"] for each in key if "Service" in each["Principal"]}
    assert arns == {f"arn:aws:cloudtrail:{REGION}:999988887777:trail/raytrail"}


def test_a_given_bucket_and_log_group_are_used_and_none_is_made(stack, template):
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "central-logs")
    group = logs.LogGroup.from_log_group_name(stack, "Group", "central")
    AuditTrail(stack, "Trail", name="raytrail", bucket=bucket, log_group=group)
    made = template()
    assert resources(made, "AWS::S3::Bucket") == resources(made, "AWS::KMS::Key") == {}
    assert resources(made, "AWS::Logs::LogGroup") == {}
    assert only(made, "AWS::CloudTrail::Trail")["S3BucketName"] == "central-logs"
    warnings = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("is not of this app"))
    assert len(warnings) == 1


def test_a_given_bucket_of_the_app_gets_the_statements(stack, template):
    AuditTrail(stack, "Trail", name="raytrail", bucket=s3.Bucket(stack, "Mine"))
    made = template()
    said = statements(only(made, "AWS::S3::BucketPolicy")["PolicyDocument"])
    assert [each["Action"] for each in said] == ["s3:GetBucketAcl", "s3:PutObject"]
    (trail,) = resources(made, "AWS::CloudTrail::Trail").values()
    assert set(trail["DependsOn"]) & set(resources(made, "AWS::S3::BucketPolicy"))


def test_a_topic_is_told_of_each_file(stack, template):
    AuditTrail(stack, "Trail", name="raytrail", topic=sns.Topic(stack, "Files"))
    made = template()
    (topic,) = resources(made, "AWS::SNS::Topic")
    assert plain(only(made, "AWS::CloudTrail::Trail"))["SnsTopicName"] == f"<{topic}>"
    assert plain(statements(only(made, "AWS::SNS::TopicPolicy")["PolicyDocument"])) == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": f"<{topic}>",
            "Condition": {"StringEquals": {"aws:SourceArn": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/raytrail"}},
        }
    ]


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
    locations = {
        each["Properties"]["TableInput"]["StorageDescriptor"].get("Location")
        for each in resources(template, "AWS::Glue::Table").values()
    }
    assert "s3://central-logs/org/AWSLogs/o-exampleorgid/" in locations
    assert template["Outputs"]["TrailBucketName"]["Value"] == "central-logs"


def test_calls_are_counted_over_the_log_group_of_an_existing_trail_if_it_has_one(synth):
    without = synth(audit={"existing_trail": EXISTING})["raytrail-audit"]
    assert resources(without, "AWS::Logs::MetricFilter") == {}
    taken = synth(audit={"existing_trail": {**EXISTING, "log_group_name": "trail"}})["raytrail-audit"]
    filters = [each["Properties"]["LogGroupName"] for each in resources(taken, "AWS::Logs::MetricFilter").values()]
    assert filters == ["trail"] * 4


def test_results_over_an_existing_trail_are_encrypted_with_its_key(synth):
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    taken = synth(audit={"existing_trail": {**EXISTING, "kms_key_arn": key}})["raytrail-audit"]
    configuration = only(taken, "AWS::Athena::WorkGroup")["WorkGroupConfiguration"]["ResultConfiguration"]
    assert configuration["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": key}
