"""Templates held against CloudFormation's schemas; stacks that fail, change and go as CloudFormation's do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest
from tests.cloudformation_stack import KEY_POLICY, TRUST, Resources, Stack, function, report

from raytrail.localaws._cloudformation import recorded_types
from raytrail.localaws._cloudformation._schemas import _index, resource_schema
from raytrail.localaws._cloudformation._validation import violations

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


# --- Validation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_name", "properties", "message"),
    [
        ("AWS::SNS::Topic", {"Nmae": "x"}, "#: extraneous key [Nmae] is not permitted"),
        ("AWS::SNS::Topic", {"TopicArn": "x"}, "#: extraneous key [TopicArn] is not permitted"),
        ("AWS::SQS::Queue", {"Tags": {"a": "b"}}, "#/Tags: expected type: JSONArray, found: JSONObject"),
        ("AWS::SQS::Queue", {"DelaySeconds": "soon"}, "#/DelaySeconds: expected type: Integer, found: String"),
        ("AWS::Logs::LogGroup", {"RetentionInDays": 31}, "#/RetentionInDays: 31 is not a valid enum value"),
        ("AWS::KMS::Alias", {"AliasName": "alias/x"}, "#: required key [TargetKeyId] not found"),
        (
            "AWS::S3::Bucket",
            {"LifecycleConfiguration": {"Rules": [{"Id": "x"}]}},
            "#/LifecycleConfiguration/Rules/0: required key [Status] not found",
        ),
        (
            "AWS::IAM::Role",
            {"AssumeRolePolicyDocument": TRUST, "ManagedPolicyArns": ["AdministratorAccess"]},
            "#/ManagedPolicyArns/0: failed validation constraint for keyword [pattern]",
        ),
        (
            "AWS::CloudWatch::Dashboard",
            {"DashboardName": 5, "DashboardBody": ["x"]},
            "#/DashboardBody: expected type: String, found: JSONArray",
        ),
    ],
)
def test_properties_that_break_the_schema_roll_the_stack_back_in_cloudformations_words(
    stack: Stack, type_name: str, properties: dict[str, Any], message: str
) -> None:
    resources = {
        "First": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Wrong": {"Type": type_name, "Properties": properties, "DependsOn": "First"},
    }
    assert stack.create(resources) == "ROLLBACK_COMPLETE"
    failed = [event for event in stack.events() if event["ResourceStatus"] == "CREATE_FAILED"]
    assert [event["LogicalResourceId"] for event in failed] == ["Wrong"]
    expected = f"Properties validation failed for resource Wrong with message: [{message}]"
    assert failed[0]["ResourceStatusReason"] == expected
    deleted = [e["LogicalResourceId"] for e in stack.events() if e["ResourceStatus"] == "DELETE_COMPLETE"]
    assert deleted == ["First"]


def test_an_update_that_breaks_the_schema_leaves_the_resource_as_it_was(local_aws: LocalAws, stack: Stack) -> None:
    stack.create({"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 5}}})
    broken = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 5000, "Colour": "red"}}}
    assert stack.update(broken) == "UPDATE_ROLLBACK_COMPLETE"
    assert "extraneous key [Colour] is not permitted" in stack.reasons()
    url = stack.physical_id("Queue")
    attributes = local_aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["DelaySeconds"] == "5"


def test_primitives_are_read_as_the_type_that_the_schema_names(local_aws: LocalAws, stack: Stack) -> None:
    resources = {
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": "30"}},
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": KEY_POLICY, "EnableKeyRotation": "true"}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": 42}},
    }
    assert stack.create(resources) == "CREATE_COMPLETE", stack.reasons()
    (group,) = local_aws.client("logs").describe_log_groups(logGroupNamePrefix=stack.physical_id("Group"))["logGroups"]
    assert group["retentionInDays"] == 30
    assert local_aws.client("kms").get_key_rotation_status(KeyId=stack.physical_id("Key"))["KeyRotationEnabled"]
    topic = local_aws.client("sns").get_topic_attributes(TopicArn=stack.physical_id("Topic"))["Attributes"]
    assert topic["DisplayName"] == "42"


def test_a_type_that_nothing_here_knows_is_refused_before_anything_is_created(stack: Stack) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match=r"Unrecognized resource types: \[AWS::Nope::Thing\]"):
        stack.create({"Thing": {"Type": "AWS::Nope::Thing"}, "Queue": {"Type": "AWS::SQS::Queue"}})


def test_every_type_of_the_region_has_a_schema_that_can_be_applied() -> None:
    types = list(_index("us-east-1"))
    assert len(types) > 1000
    for type_name in types:
        schema = resource_schema(type_name, "us-east-1")
        assert schema is not None
        assert schema.type_name == type_name
        found = violations(schema, schema.coerce({"NoTypeHasThis": 1}))
        # A custom resource has any property.
        open_ended = schema.document.get("additionalProperties") is not False or "patternProperties" in schema.document
        assert open_ended or "#: extraneous key [NoTypeHasThis] is not permitted" in found


# What this project's templates pass: hand-written, and accepted by the same schemas that refuse the above.
ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    (
        "AWS::Events::Rule",
        {"EventPattern": {"source": ["aws.iam"]}, "State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"},
    ),
    ("AWS::XRay::Group", {"GroupName": "orders", "FilterExpression": 'service("orders")'}),
    ("AWS::CloudTrail::Trail", {"S3BucketName": "trail-bucket", "IsLogging": True, "IsMultiRegionTrail": "true"}),
    ("AWS::Athena::NamedQuery", {"Database": "audit", "QueryString": "SELECT 1"}),
]


@pytest.mark.parametrize(("type_name", "properties"), ACCEPTED)
def test_properties_as_aws_documents_them_break_nothing(type_name: str, properties: dict[str, Any]) -> None:
    schema = resource_schema(type_name, "us-east-1")
    assert schema is not None
    assert violations(schema, schema.coerce(properties)) == []


GONE = "arn:aws:sns:us-east-1:111122223333:gone"
NOBODY = {"Version": "2012-10-17", "Statement": []}


@pytest.mark.parametrize(
    ("type_name", "properties", "message"),
    [
        (
            "AWS::Lambda::Permission",
            {"FunctionName": "gone", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"},
            "Function not found: gone",
        ),
        (
            "AWS::SNS::Subscription",
            {"TopicArn": GONE, "Protocol": "email", "Endpoint": "a@example.com"},
            "Topic does not exist",
        ),
        ("AWS::SNS::TopicPolicy", {"Topics": [GONE], "PolicyDocument": NOBODY}, "Topic does not exist"),
        (
            "AWS::SQS::QueuePolicy",
            {"Queues": ["https://sqs.us-east-1.amazonaws.com/111122223333/gone"], "PolicyDocument": NOBODY},
            "The specified queue does not exist.",
        ),
        (
            "AWS::S3::BucketPolicy",
            {"Bucket": "gone-and-never-was", "PolicyDocument": NOBODY},
            "The specified bucket does not exist",
        ),
        (
            "AWS::ApiGateway::Method",
            {"RestApiId": "gone", "ResourceId": "gone", "HttpMethod": "GET", "AuthorizationType": "NONE"},
            "Invalid Resource identifier specified",
        ),
        ("AWS::ApiGateway::Stage", {"RestApiId": "gone", "StageName": "v1"}, "Invalid API identifier specified"),
    ],
)
def test_a_resource_of_something_that_does_not_exist_fails_its_stack(
    stack: Stack, type_name: str, properties: dict[str, Any], message: str
) -> None:
    assert stack.create({"Orphan": {"Type": type_name, "Properties": properties}}) == "ROLLBACK_COMPLETE"
    assert message in stack.reasons()


def test_what_a_service_refuses_is_passed_on_in_its_words(stack: Stack) -> None:
    name = stack.name.replace("-", "_")
    database = {
        "Type": "AWS::Glue::Database",
        "Properties": {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": {"Name": name}},
    }
    assert stack.create({"One": database, "Two": {**database, "DependsOn": "One"}}) == "ROLLBACK_COMPLETE"
    assert f"Database {name} already exists (Service: Glue; Error Code: AlreadyExistsException)" in stack.reasons()


# --- Fn::GetAtt, conditions, cross-stack references ---------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["Nope", "Name"])
def test_fn_getatt_of_what_the_schema_lacks_fails_the_stack(stack: Stack, attribute: str) -> None:
    outputs = {"Out": {"Value": {"Fn::GetAtt": ["Group", attribute]}}}
    assert stack.create({"Group": {"Type": "AWS::Logs::LogGroup"}}, Outputs=outputs) == "ROLLBACK_COMPLETE"
    assert f"Requested attribute {attribute} does not exist in schema for AWS::Logs::LogGroup" in stack.reasons()


def test_conditions_read_pseudo_parameters_lists_and_maps(local_aws: LocalAws, stack: Stack) -> None:
    conditions = {
        "Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
        "Elsewhere": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
        "Empty": {"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "Policies"}]}]},
        "Mapped": {"Fn::Equals": [{"Fn::FindInMap": ["Stages", {"Ref": "AWS::Region"}, "name"]}, "home"]},
        "All": {"Fn::And": [{"Condition": "Here"}, {"Fn::Not": [{"Condition": "Elsewhere"}]}]},
    }
    resources = {name: {"Type": "AWS::SQS::Queue", "Condition": name} for name in conditions}
    assert (
        stack.create(
            resources,
            Conditions=conditions,
            Parameters={"Policies": {"Type": "CommaDelimitedList", "Default": ""}},
            Mappings={"Stages": {"us-east-1": {"name": "home"}}},
        )
        == "CREATE_COMPLETE"
    ), stack.reasons()
    made = local_aws.client("cloudformation").describe_stack_resources(StackName=stack.name)["StackResources"]
    assert {resource["LogicalResourceId"] for resource in made} == {"Here", "Empty", "Mapped", "All"}


def test_a_weak_reference_reads_the_other_stacks_output(local_aws: LocalAws, stack: Stack) -> None:
    # The form that aws-cdk-lib writes under @aws-cdk/core:defaultCrossStackReferences = "weak".
    producer = Stack(local_aws)
    producer.create({"Topic": {"Type": "AWS::SNS::Topic"}}, Outputs={"TopicArn": {"Value": {"Ref": "Topic"}}})
    reference = {"Fn::GetStackOutput": {"StackName": producer.name, "Region": "us-east-1", "OutputName": "TopicArn"}}
    resources = {"Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": reference}}}
    outputs = {"Value": {"Value": {"Fn::GetAtt": ["Parameter", "Value"]}}}
    assert stack.create(resources, Outputs=outputs) == "CREATE_COMPLETE", stack.reasons()
    assert stack.outputs()["Value"] == producer.physical_id("Topic")
    assert producer.delete() == "DELETE_COMPLETE"  # weak: a producer may go while consumers stand


# --- Custom resources -----------------------------------------------------------------------------------------------

ANSWERING = """
import json, urllib.request
def handler(event, context):
    answer = {k: event[k] for k in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": "made-it"}
    answer["Data"] = {"Said": event["ResourceProperties"]["Say"]}
    request = urllib.request.Request(event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request)
"""
BROKEN = {
    "at import": "import a_module_that_nobody_has\ndef handler(event, context): pass\n",
    "in the handler": "def handler(event, context):\n    raise RuntimeError('no luck')\n",
    "without a word": "import os\ndef handler(event, context):\n    os._exit(3)\n",
}


def custom(code: str) -> Resources:
    return {
        "Handler": function(code, Timeout=20),
        "Thing": {
            "Type": "Custom::Thing",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Handler", "Arn"]}, "Say": "hello"},
        },
    }


def test_a_custom_resource_answers_with_its_handlers_data(stack: Stack) -> None:
    outputs = {"Said": {"Value": {"Fn::GetAtt": ["Thing", "Said"]}}}
    assert stack.create(custom(ANSWERING), Outputs=outputs) == "CREATE_COMPLETE", stack.reasons()
    assert stack.physical_id("Thing") == "made-it"
    assert stack.outputs() == {"Said": "hello"}


@pytest.mark.parametrize("death", BROKEN)
def test_a_custom_resource_whose_handler_dies_fails_instead_of_waiting_for_an_hour(stack: Stack, death: str) -> None:
    assert stack.create(custom(BROKEN[death])) == "ROLLBACK_COMPLETE"
    assert "The handler of the custom resource ended before it answered" in stack.reasons()


# --- Deletion -------------------------------------------------------------------------------------------------------


def test_what_a_template_retains_outlives_its_stack(local_aws: LocalAws, stack: Stack) -> None:
    resources = {
        "Kept": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain"},
        "Gone": {"Type": "AWS::Logs::LogGroup"},
    }
    stack.create(resources)
    ids = {name: stack.physical_id(name) for name in resources}
    assert stack.delete() == "DELETE_COMPLETE"
    groups = local_aws.client("logs").describe_log_groups(logGroupNamePrefix=stack.name)["logGroups"]
    assert [group["logGroupName"] for group in groups] == [ids["Kept"]]
    skipped = [e["LogicalResourceId"] for e in stack.events() if e["ResourceStatus"] == "DELETE_SKIPPED"]
    assert skipped == ["Kept"]
    (entry,) = (entry for entry in report(local_aws) if entry["physical_id"] == ids["Kept"])
    assert entry["status"] == "CREATE_COMPLETE"


def test_a_deleted_key_waits_for_its_deletion(local_aws: LocalAws, stack: Stack) -> None:
    properties = {"KeyPolicy": KEY_POLICY, "PendingWindowInDays": 7}
    stack.create({"Key": {"Type": "AWS::KMS::Key", "Properties": properties}})
    key = stack.physical_id("Key")
    stack.delete()
    metadata = local_aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["KeyState"] == "PendingDeletion"
    assert "DeletionDate" in metadata


def test_resources_are_deleted_after_what_depends_on_them(stack: Stack) -> None:
    stack.create(
        {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}},
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": KEY_POLICY}},
            "Alarmed": {"Type": "AWS::SQS::Queue", "DependsOn": "Topic"},
        }
    )
    stack.delete()
    deleted = [
        event["LogicalResourceId"]
        for event in stack.events()
        if event["ResourceStatus"] == "DELETE_COMPLETE" and event["LogicalResourceId"] != stack.name
    ]
    assert deleted == ["Alarmed", "Topic", "Key"]


def test_a_table_under_deletion_protection_keeps_its_stack(local_aws: LocalAws, stack: Stack) -> None:
    properties = {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
    }
    stack.create({"Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties}})
    assert stack.delete() == "DELETE_FAILED"
    assert "currently protected against deletion" in stack.reasons()
    local_aws.client("dynamodb").update_table(TableName=stack.physical_id("Table"), DeletionProtectionEnabled=False)
    assert stack.delete() == "DELETE_COMPLETE"


# --- The report -----------------------------------------------------------------------------------------------------


def test_the_report_follows_failures_and_deletions(local_aws: LocalAws, stack: Stack) -> None:
    resources = {
        "Fine": {"Type": "AWS::SQS::Queue"},
        "Wrong": {"Type": "AWS::SNS::Topic", "Properties": {"Nope": 1}, "DependsOn": "Fine"},
    }
    stack.create(resources)
    statuses = {entry["logical_id"]: entry["status"] for entry in report(local_aws) if entry["stack"] == stack.name}
    assert statuses == {"Fine": "DELETE_COMPLETE", "Wrong": "CREATE_FAILED"}


def test_a_type_that_is_only_recorded_is_validated_named_and_answers_fn_getatt(
    local_aws: LocalAws, stack: Stack
) -> None:
    rule = {
        "Type": "AWS::CloudWatch::InsightRule",
        "Properties": {"RuleName": "talkers", "RuleState": "ENABLED", "RuleBody": "{}"},
    }
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["Rule", "Arn"]}}}
    assert stack.create({"Rule": rule}, Outputs=outputs) == "CREATE_COMPLETE", stack.reasons()
    assert stack.outputs()["Arn"] == stack.physical_id("Rule")
    (entry,) = (entry for entry in report(local_aws) if entry["stack"] == stack.name)
    assert (entry["emulation"], entry["reason"]) == ("recorded", recorded_types()["AWS::CloudWatch::InsightRule"])

    wrong = Stack(local_aws)
    assert wrong.create({"Rule": {**rule, "Properties": {"RuleName": "talkers"}}}) == "ROLLBACK_COMPLETE"
    assert "required key [RuleBody] not found" in wrong.reasons()


@pytest.mark.parametrize(
    ("before", "after", "replacement"),
    [
        ({"EventPattern": {"source": ["a"]}}, {"EventPattern": {"source": ["b"]}}, "False"),
        ({"EventPattern": {"source": ["a"]}}, {"EventPattern": {"source": ["a"]}, "Name": "renamed"}, "True"),
    ],
)
def test_a_change_set_says_what_replaces_a_resource(
    local_aws: LocalAws, stack: Stack, before: dict[str, Any], after: dict[str, Any], replacement: str
) -> None:
    api = local_aws.client("cloudformation")
    stack.create({"Rule": {"Type": "AWS::Events::Rule", "Properties": before}})
    template = json.dumps({"Resources": {"Rule": {"Type": "AWS::Events::Rule", "Properties": after}}})
    made = api.create_change_set(StackName=stack.name, ChangeSetName="changes", TemplateBody=template)
    (change,) = api.describe_change_set(ChangeSetName=made["Id"])["Changes"]
    assert change["ResourceChange"]["Replacement"] == replacement
    old = stack.physical_id("Rule")
    api.execute_change_set(ChangeSetName=made["Id"])
    assert stack.settled() == "UPDATE_COMPLETE", stack.reasons()
    names = {rule["Name"] for rule in local_aws.client("events").list_rules()["Rules"]}
    assert stack.physical_id("Rule") in names
    assert (old in names) is (replacement == "False")


@pytest.mark.parametrize("type_name", recorded_types())
def test_every_recorded_type_is_one_that_cloudformation_has(type_name: str) -> None:
    schema = resource_schema(type_name, "us-east-1")
    assert schema is not None
    assert schema.type_name == type_name
    assert recorded_types()[type_name]
