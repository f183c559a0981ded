"""One stack of every type that the kit's templates use: Ref, Fn::GetAtt, and each property read back."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import botocore.exceptions
import pytest
from tests.cloudformation_kit import KIT
from tests.cloudformation_stack import KEY_POLICY, Stack, function, report

from raytrail.localaws._cloudformation import recorded_types
from raytrail.localaws._cloudformation._schemas import resource_schema

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local


@pytest.fixture
def stack(local_aws: LocalAws) -> Iterator[Stack]:
    made = Stack(local_aws)
    yield made
    try:
        made.delete()
    except botocore.exceptions.ClientError:
        return


@pytest.fixture(scope="module")
def kit(local_aws: LocalAws) -> Iterator[Stack]:
    """One stack of every type that this project's templates use and this part answers for."""
    outputs = {}
    for logical_id, resource in KIT.items():
        schema = resource_schema(resource["Type"], "us-east-1")
        assert schema is not None, resource["Type"]
        for name in schema.read_only:
            # Nested attributes belong to features that these properties do not use.
            if "." not in name and name != "SnapStartResponse":
                outputs[f"{logical_id}X{name}"] = {"Value": {"Fn::GetAtt": [logical_id, name]}}
        outputs[f"{logical_id}XRef"] = {"Value": {"Ref": logical_id}}
    made = Stack(local_aws)
    status = made.create(KIT, Outputs=outputs)
    assert status == "CREATE_COMPLETE", made.reasons()
    yield made
    assert made.delete() == "DELETE_COMPLETE", made.reasons()


def test_every_read_only_property_of_the_schema_answers_fn_getatt(kit: Stack) -> None:
    outputs = kit.outputs()
    empty = [name for name, value in outputs.items() if value in ("", "None")]
    assert empty == []
    assert outputs["BucketXArn"] == f"arn:aws:s3:::{outputs['BucketXRef']}"
    assert outputs["FunctionXArn"].endswith(f":function:{outputs['FunctionXRef']}")
    assert outputs["KeyXKeyId"] == outputs["KeyXRef"]


@pytest.mark.parametrize(
    ("logical_id", "pattern"),
    [
        ("Stage", "v1"),
        ("Function", "{stack}-Function-"),
        ("Role", "{stack}-Role-"),
        ("Group", "{stack}-Group-"),
        ("Table", "{stack}-Table-"),
        ("Parameter", "CFN-Parameter-"),
        ("Bucket", "{stack}-bucket-"),
        ("Topic", "arn:aws:sns:us-east-1:111122223333:{stack}-Topic-"),
        ("Queue", "http"),
        ("ManagedPolicy", "arn:aws:iam::111122223333:policy/{stack}-ManagedPolicy-"),
        ("Alias", "alias/kit-under-test"),
        ("Rule", "{stack}-Rule-"),
        ("WorkGroup", "kit-under-test"),
        ("Database", "kit_under_test"),
    ],
)
def test_ref_answers_what_cloudformation_documents_for_the_type(kit: Stack, logical_id: str, pattern: str) -> None:
    assert kit.outputs()[f"{logical_id}XRef"].startswith(pattern.format(stack=kit.name))


def test_ref_of_a_bucket_policy_is_its_bucket(kit: Stack) -> None:
    assert kit.physical_id("BucketPolicy") == kit.physical_id("Bucket")


def test_a_topic_keeps_its_key_tracing_and_policy(local_aws: LocalAws, kit: Stack) -> None:
    arn = kit.physical_id("Topic")
    attributes = local_aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["KmsMasterKeyId"] == kit.outputs()["KeyXArn"]
    assert attributes["TracingConfig"] == "Active"
    assert attributes["DisplayName"] == ""
    assert json.loads(attributes["Policy"])["Id"] == "ours"


def test_a_subscription_keeps_raw_delivery_and_its_dead_letter_queue(local_aws: LocalAws, kit: Stack) -> None:
    attributes = local_aws.client("sns").get_subscription_attributes(SubscriptionArn=kit.physical_id("Subscription"))
    assert attributes["Attributes"]["RawMessageDelivery"] == "true"
    assert json.loads(attributes["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"] == kit.outputs()["DlqXArn"]


def test_queues_keep_encryption_redrive_and_policy(local_aws: LocalAws, kit: Stack) -> None:
    def attributes(logical_id: str) -> dict[str, str]:
        url = kit.physical_id(logical_id)
        found = local_aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return dict(found["Attributes"])

    queue = attributes("Queue")
    assert queue["SqsManagedSseEnabled"] == "true"
    redrive = json.loads(queue["RedrivePolicy"])
    assert redrive == {"deadLetterTargetArn": kit.outputs()["DlqXArn"], "maxReceiveCount": 3}
    assert json.loads(queue["Policy"])["Id"] == "ours"
    assert attributes("Dlq")["KmsMasterKeyId"] == "alias/kit-under-test"


def test_a_key_keeps_policy_rotation_and_alias(local_aws: LocalAws, kit: Stack) -> None:
    kms = local_aws.client("kms")
    key = kit.physical_id("Key")
    assert json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]) == KEY_POLICY
    rotation = kms.get_key_rotation_status(KeyId=key)
    assert rotation["KeyRotationEnabled"] is True
    assert rotation["RotationPeriodInDays"] == 180
    assert kms.describe_key(KeyId="alias/kit-under-test")["KeyMetadata"]["KeyId"] == key


def test_a_function_keeps_tracing_layers_logging_architecture_and_concurrency(local_aws: LocalAws, kit: Stack) -> None:
    found = local_aws.client("lambda").get_function(FunctionName=kit.physical_id("Function"))
    configuration = found["Configuration"]
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert configuration["Architectures"] == ["arm64"]
    assert configuration["MemorySize"] == 256
    assert configuration["DeadLetterConfig"] == {"TargetArn": kit.outputs()["DlqXArn"]}
    assert [layer["Arn"] for layer in configuration["Layers"]] == KIT["Function"]["Properties"]["Layers"]
    assert configuration["LoggingConfig"] == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
        "LogGroup": kit.physical_id("Group"),
    }
    assert found["Concurrency"]["ReservedConcurrentExecutions"] == 7


def test_an_api_keeps_its_endpoint(local_aws: LocalAws, kit: Stack) -> None:
    api = local_aws.client("apigateway").get_rest_api(restApiId=kit.physical_id("Api"))
    assert api["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert api["disableExecuteApiEndpoint"] is False


def test_a_stage_keeps_tracing_access_logs_and_method_settings(local_aws: LocalAws, kit: Stack) -> None:
    stage = local_aws.client("apigateway").get_stage(restApiId=kit.physical_id("Api"), stageName="v1")
    assert stage["tracingEnabled"] is True
    assert stage["accessLogSettings"] == {
        "destinationArn": kit.outputs()["GroupXArn"],
        "format": "$context.requestId",
    }
    assert stage["methodSettings"]["*/*"]["metricsEnabled"] is True
    assert stage["methodSettings"]["*/*"]["loggingLevel"] == "INFO"


@pytest.mark.parametrize(("body", "status"), [('{"item": "tea"}', 200), ('{"item": 5}', 400), ("{}", 400)])
def test_a_request_validator_refuses_what_its_model_does_not_allow(
    local_aws: LocalAws, kit: Stack, body: str, status: int
) -> None:
    url = f"{local_aws.endpoint}/restapis/{kit.physical_id('Api')}/v1/_user_request_/orders"
    request = urllib.request.Request(url, data=body.encode(), headers={"content-type": "application/json"})
    if status == 200:
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer) == "ok"
    else:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        assert refused.value.code == status
        assert json.load(refused.value) == {"message": "Invalid request body"}


def test_a_rule_keeps_its_state_and_every_member_of_its_targets(local_aws: LocalAws, kit: Stack) -> None:
    events = local_aws.client("events")
    name = kit.physical_id("Rule")
    rule = events.describe_rule(Name=name)
    assert rule["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    assert json.loads(rule["EventPattern"]) == KIT["Rule"]["Properties"]["EventPattern"]
    outputs = kit.outputs()
    targets = {target["Id"]: target for target in events.list_targets_by_rule(Rule=name)["Targets"]}
    assert targets["topic"]["DeadLetterConfig"] == {"Arn": outputs["DlqXArn"]}
    assert targets["topic"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 3}
    assert targets["topic"]["InputTransformer"]["InputTemplate"] == '"<n>"'
    assert targets["queue"]["RoleArn"] == outputs["RoleXArn"]


def test_a_rule_with_a_pattern_that_eventbridge_refuses_fails_its_stack(stack: Stack) -> None:
    rule = {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": [{"prefiks": "aws."}]}}}
    assert stack.create({"Rule": rule}) == "ROLLBACK_COMPLETE"
    assert "Event pattern is not valid" in stack.reasons()


@pytest.mark.parametrize("logical_id", ["Table", "GlobalTable"])
def test_tables_keep_recovery_and_encryption(local_aws: LocalAws, kit: Stack, logical_id: str) -> None:
    dynamodb = local_aws.client("dynamodb")
    name = kit.physical_id(logical_id)
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert table["SSEDescription"] == {
        "Status": "ENABLED",
        "SSEType": "KMS",
        "KMSMasterKeyArn": kit.outputs()["KeyXArn"],
    }
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_a_table_keeps_time_to_live_and_class(local_aws: LocalAws, kit: Stack) -> None:
    dynamodb = local_aws.client("dynamodb")
    name = kit.physical_id("Table")
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert table["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"


def test_a_global_table_takes_the_tags_of_its_replica(local_aws: LocalAws, kit: Stack) -> None:
    tags = local_aws.client("dynamodb").list_tags_of_resource(ResourceArn=kit.outputs()["GlobalTableXArn"])["Tags"]
    assert {"Key": "owner", "Value": "orders"} in tags


def test_a_role_keeps_its_boundary_and_session(local_aws: LocalAws, kit: Stack) -> None:
    role = local_aws.client("iam").get_role(RoleName=kit.physical_id("Role"))["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == "arn:aws:iam::aws:policy/PowerUserAccess"
    assert role["MaxSessionDuration"] == 7200


def test_an_update_resets_what_the_template_drops(local_aws: LocalAws, stack: Stack) -> None:
    table = {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    kept = {
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
    }
    before = {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {**table, **kept}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": "alias/aws/sns"}},
        "Function": function(ReservedConcurrentExecutions=3, TracingConfig={"Mode": "Active"}),
    }
    after = {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": table},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "Alerts"}},
        "Function": function(),
    }
    assert stack.create(before) == "CREATE_COMPLETE", stack.reasons()
    ids = {name: stack.physical_id(name) for name in before}
    assert stack.update(after) == "UPDATE_COMPLETE", stack.reasons()
    assert {name: stack.physical_id(name) for name in before} == ids
    dynamodb = local_aws.client("dynamodb")
    backups = dynamodb.describe_continuous_backups(TableName=ids["Table"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    ttl = dynamodb.describe_time_to_live(TableName=ids["Table"])["TimeToLiveDescription"]
    assert ttl["TimeToLiveStatus"] == "DISABLED"
    topic = local_aws.client("sns").get_topic_attributes(TopicArn=ids["Topic"])["Attributes"]
    assert "KmsMasterKeyId" not in topic
    assert topic["DisplayName"] == "Alerts"
    found = local_aws.client("lambda").get_function(FunctionName=ids["Function"])
    assert found["Configuration"]["TracingConfig"] == {"Mode": "PassThrough"}
    assert "ReservedConcurrentExecutions" not in found.get("Concurrency", {})


def test_the_report_says_of_each_resource_whether_it_is_emulated_or_recorded(local_aws: LocalAws, kit: Stack) -> None:
    entries = {entry["logical_id"]: entry for entry in report(local_aws) if entry["stack"] == kit.name}
    assert entries.keys() == KIT.keys()
    for logical_id, entry in entries.items():
        assert entry["physical_id"] == kit.physical_id(logical_id)
        assert entry["status"] == "CREATE_COMPLETE"
        reason = recorded_types().get(entry["type"], "")
        assert (entry["emulation"], entry["reason"]) == ("recorded" if reason else "emulated", reason)
    assert entries["Queue"]["emulation"] == "emulated"
    assert entries["Dashboard"]["emulation"] == "recorded"
