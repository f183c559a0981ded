"""Templates held against CloudFormation's schemas, and what each property becomes, read back through public APIs."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest

from raytrail.localaws._cloudformation import recorded_types
from raytrail.localaws._cloudformation._schemas import resource_schema
from raytrail.localaws._cloudformation._validation import violations

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

Resources = dict[str, dict[str, Any]]

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}


def function(code: str = "def handler(event, context):\n    return {}\n", **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"ZipFile": code},
            "Handler": "index.handler",
            "Runtime": "python3.12",
            "Role": "arn:aws:iam::111122223333:role/somebody",
            **properties,
        },
    }


class Stack:
    """One stack, driven and read through CloudFormation's public API."""

    def __init__(self, aws: LocalAws) -> None:
        self._api = aws.client("cloudformation")
        self.name = f"stack-{uuid.uuid4().hex[:8]}"

    def create(self, resources: Resources, **sections: Any) -> str:
        body = json.dumps({"Resources": resources, **sections})
        self._api.create_stack(StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        return self.settled()

    def update(self, resources: Resources, **sections: Any) -> str:
        body = json.dumps({"Resources": resources, **sections})
        self._api.update_stack(StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        return self.settled()

    def delete(self) -> str:
        self._id = self._describe()["StackId"]
        self._api.delete_stack(StackName=self.name)
        return self.settled()

    def outputs(self) -> dict[str, str]:
        return {o["OutputKey"]: o["OutputValue"] for o in self._describe().get("Outputs", [])}

    def physical_id(self, logical_id: str) -> str:
        found = self._api.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def events(self) -> list[dict[str, Any]]:
        """Oldest first."""
        name = getattr(self, "_id", self.name)
        return list(reversed(self._api.describe_stack_events(StackName=name)["StackEvents"]))

    def reasons(self) -> str:
        return "\n".join(event.get("ResourceStatusReason", "") for event in self.events())

    def settled(self) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                status = str(self._describe()["StackStatus"])
            except botocore.exceptions.ClientError:
                return "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"stack {self.name} did not settle")

    def _describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self._api.describe_stacks(StackName=self.name)["Stacks"][0]
        return found


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


# --- Ref, Fn::GetAtt, conditions, cross-stack references ------------------------------------------------------------

KIT: Resources = {
    "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "orders"}},
    "Account": {"Type": "AWS::ApiGateway::Account", "Properties": {}},
    "Resource": {
        "Type": "AWS::ApiGateway::Resource",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
            "PathPart": "orders",
        },
    },
    "Validator": {
        "Type": "AWS::ApiGateway::RequestValidator",
        "Properties": {"RestApiId": {"Ref": "Api"}, "ValidateRequestBody": True},
    },
    "Method": {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "ResourceId": {"Ref": "Resource"},
            "HttpMethod": "POST",
            "AuthorizationType": "NONE",
            "RequestValidatorId": {"Ref": "Validator"},
            "RequestModels": {"application/json": {"Ref": "Model"}},
            "Integration": {
                "Type": "AWS_PROXY",
                "IntegrationHttpMethod": "POST",
                "Uri": {
                    "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
                    "${Function.Arn}/invocations"
                },
            },
        },
    },
    "Model": {
        "Type": "AWS::ApiGateway::Model",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "ContentType": "application/json",
            "Name": "Order",
            "Schema": {"type": "object", "required": ["item"], "properties": {"item": {"type": "string"}}},
        },
    },
    "Deployment": {
        "Type": "AWS::ApiGateway::Deployment",
        "Properties": {"RestApiId": {"Ref": "Api"}},
        "DependsOn": "Method",
    },
    "Stage": {
        "Type": "AWS::ApiGateway::Stage",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "DeploymentId": {"Ref": "Deployment"},
            "StageName": "v1",
            "TracingEnabled": True,
            "AccessLogSetting": {"DestinationArn": {"Fn::GetAtt": ["Group", "Arn"]}, "Format": "$context.requestId"},
            "MethodSettings": [
                {"ResourcePath": "/*", "HttpMethod": "*", "MetricsEnabled": True, "LoggingLevel": "INFO"}
            ],
        },
    },
    "Plan": {
        "Type": "AWS::ApiGateway::UsagePlan",
        "Properties": {"Throttle": {"RateLimit": 5, "BurstLimit": 2}},
    },
    "Function": function(
        "import json\ndef handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps('ok')}\n",
        TracingConfig={"Mode": "Active"},
        MemorySize=256,
        Timeout=10,
        Architectures=["arm64"],
        ReservedConcurrentExecutions=7,
        DeadLetterConfig={"TargetArn": {"Fn::GetAtt": ["Dlq", "Arn"]}},
        LoggingConfig={"LogFormat": "JSON", "LogGroup": {"Ref": "Group"}},
        Layers=["arn:aws:lambda:us-east-1:615299751070:layer:AWSOpenTelemetryDistroPython:20"],
    ),
    "Permission": {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": "Function"},
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
        },
    },
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": TRUST,
            "PermissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess",
            "MaxSessionDuration": 7200,
        },
    },
    "Policy": {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "inline",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}],
            },
            "Roles": [{"Ref": "Role"}],
        },
    },
    "ManagedPolicy": {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}],
            },
        },
    },
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "SSESpecification": {
                "SSEEnabled": True,
                "SSEType": "KMS",
                "KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
            },
            "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
            "TableClass": "STANDARD_INFREQUENT_ACCESS",
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
        },
    },
    "GlobalTable": {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            "Replicas": [
                {
                    "Region": "us-east-1",
                    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                    "SSESpecification": {"KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}},
                    "Tags": [{"Key": "owner", "Value": "orders"}],
                }
            ],
        },
    },
    "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
    "Filter": {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {
            "LogGroupName": {"Ref": "Group"},
            "FilterPattern": "ERROR",
            "MetricTransformations": [{"MetricName": "Errors", "MetricNamespace": "Orders", "MetricValue": "1"}],
        },
    },
    "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}},
    "BucketPolicy": {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": "Bucket"},
            "PolicyDocument": {"Version": "2012-10-17", "Statement": []},
        },
    },
    "Key": {
        "Type": "AWS::KMS::Key",
        "Properties": {"KeyPolicy": KEY_POLICY, "EnableKeyRotation": True, "RotationPeriodInDays": 180},
    },
    "Alias": {
        "Type": "AWS::KMS::Alias",
        "Properties": {"AliasName": "alias/kit-under-test", "TargetKeyId": {"Ref": "Key"}},
    },
    "Topic": {
        "Type": "AWS::SNS::Topic",
        "Properties": {"KmsMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}, "TracingConfig": "Active"},
    },
    "TopicPolicy": {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {
            "Topics": [{"Ref": "Topic"}],
            "PolicyDocument": {"Version": "2012-10-17", "Id": "ours", "Statement": []},
        },
    },
    "Subscription": {
        "Type": "AWS::SNS::Subscription",
        "Properties": {
            "TopicArn": {"Ref": "Topic"},
            "Protocol": "sqs",
            "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
            "RawMessageDelivery": True,
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dlq", "Arn"]}},
        },
    },
    "Dlq": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": {"Ref": "Alias"}}},
    "Queue": {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "SqsManagedSseEnabled": True,
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dlq", "Arn"]}, "maxReceiveCount": 3},
        },
    },
    "QueuePolicy": {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "Queue"}],
            "PolicyDocument": {"Version": "2012-10-17", "Id": "ours", "Statement": []},
        },
    },
    "Rule": {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventPattern": {"source": ["aws.iam"], "detail-type": ["AWS API Call via CloudTrail"]},
            "State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
            "Targets": [
                {
                    "Id": "topic",
                    "Arn": {"Ref": "Topic"},
                    "InputTransformer": {"InputPathsMap": {"n": "$.detail.eventName"}, "InputTemplate": '"<n>"'},
                    "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Dlq", "Arn"]}},
                    "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 3},
                },
                {
                    "Id": "queue",
                    "Arn": {"Fn::GetAtt": ["Queue", "Arn"]},
                    "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                },
            ],
        },
    },
    "WorkGroup": {
        "Type": "AWS::Athena::WorkGroup",
        "Properties": {
            "Name": "kit-under-test",
            "RecursiveDeleteOption": True,
            "WorkGroupConfiguration": {
                "EnforceWorkGroupConfiguration": True,
                "BytesScannedCutoffPerQuery": 10_000_000_000,
                "ResultConfiguration": {
                    "OutputLocation": {"Fn::Sub": "s3://${Bucket}/results/"},
                    "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
                },
            },
        },
    },
    "Database": {
        "Type": "AWS::Glue::Database",
        "Properties": {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": {"Name": "kit_under_test"}},
    },
    "GlueTable": {
        "Type": "AWS::Glue::Table",
        "Properties": {
            "CatalogId": {"Ref": "AWS::AccountId"},
            "DatabaseName": {"Ref": "Database"},
            "TableInput": {
                "Name": "records",
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"projection.enabled": "true"},
                "PartitionKeys": [{"Name": "day", "Type": "string"}],
                "StorageDescriptor": {"Columns": [{"Name": "eventname", "Type": "string"}]},
            },
        },
    },
    "Dashboard": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": '{"widgets": []}'}},
    "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "there"}},
    "Metadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:x"}},
}


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


# --- Properties, read back ------------------------------------------------------------------------------------------


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


def report(aws: LocalAws) -> list[dict[str, str]]:
    request = botocore.awsrequest.AWSRequest(method="GET", url=f"{aws.endpoint}/")
    credentials = botocore.credentials.Credentials(aws.config.account_id, "local")
    botocore.auth.SigV4Auth(credentials, "raytrail-resources", aws.config.region).add_auth(request)
    sent = urllib.request.Request(request.url, headers=dict(request.headers.items()))
    with urllib.request.urlopen(sent, timeout=10) as answer:
        entries: list[dict[str, str]] = json.load(answer)
    return entries


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
