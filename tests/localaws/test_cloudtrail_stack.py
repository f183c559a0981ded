"""AWS::CloudTrail::Trail in stacks."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

ACCOUNT = "111122223333"


class Stack:
    """A stack with a bucket, its policy and a trail."""

    def __init__(self, aws: LocalAws) -> None:
        self.tag = uuid.uuid4().hex[:8]
        self.name = f"trail-stack-{self.tag}"
        self.client = aws.client("cloudformation")
        self.trails = aws.client("cloudtrail")

    def template(self, *, lets_in: bool = True, **properties: Any) -> str:
        principal = {"Service": "cloudtrail.amazonaws.com"}
        bucket = {"Fn::GetAtt": ["Bucket", "Arn"]}
        statements: list[Any] = [
            {"Effect": "Allow", "Principal": principal, "Action": "s3:GetBucketAcl", "Resource": bucket}
        ]
        if lets_in:
            objects = {"Fn::Sub": f"${{Bucket.Arn}}/AWSLogs/{ACCOUNT}/*"}
            statements.append(
                {"Effect": "Allow", "Principal": principal, "Action": "s3:PutObject", "Resource": objects}
            )
        trail = {"S3BucketName": {"Ref": "Bucket"}, "IsLogging": True, **properties}
        return json.dumps(
            {
                "Resources": {
                    "Bucket": {"Type": "AWS::S3::Bucket"},
                    "Policy": {
                        "Type": "AWS::S3::BucketPolicy",
                        "Properties": {
                            "Bucket": {"Ref": "Bucket"},
                            "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
                        },
                    },
                    "Trail": {"Type": "AWS::CloudTrail::Trail", "DependsOn": "Policy", "Properties": trail},
                },
                "Outputs": {
                    "Name": {"Value": {"Ref": "Trail"}},
                    "Arn": {"Value": {"Fn::GetAtt": ["Trail", "Arn"]}},
                },
            }
        )

    def create(self, **template: Any) -> dict[str, str]:
        self.client.create_stack(StackName=self.name, TemplateBody=self.template(**template))
        self._wait("stack_create_complete")
        return self.outputs()

    def update(self, **template: Any) -> dict[str, str]:
        self.client.update_stack(StackName=self.name, TemplateBody=self.template(**template))
        self._wait("stack_update_complete")
        return self.outputs()

    def delete(self) -> None:
        self.client.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def outputs(self) -> dict[str, str]:
        [stack] = self.client.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def reasons(self) -> str:
        events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        return " | ".join(event.get("ResourceStatusReason", "") for event in events)

    def _wait(self, name: str) -> None:
        self.client.get_waiter(name).wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


@pytest.fixture
def stack(local_aws: LocalAws) -> Iterator[Stack]:
    made = Stack(local_aws)
    yield made
    for trail in made.trails.list_trails()["Trails"]:
        if made.tag in trail["Name"]:
            made.trails.delete_trail(Name=trail["Name"])


def test_every_property_of_a_trail_reaches_the_api(stack: Stack) -> None:
    advanced = [
        {"Name": "all", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
        {
            "Name": "objects",
            "FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Data"]},
                {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
            ],
        },
    ]
    outputs = stack.create(
        TrailName=f"named-{stack.tag}",
        IsMultiRegionTrail=True,
        EnableLogFileValidation=True,
        AdvancedEventSelectors=advanced,
        InsightSelectors=[{"InsightType": "ApiCallRateInsight"}],
        Tags=[{"Key": "team", "Value": "audit"}],
    )
    arn = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/named-{stack.tag}"
    assert outputs == {"Name": f"named-{stack.tag}", "Arn": arn}
    trail = stack.trails.get_trail(Name=arn)["Trail"]
    assert trail["IsMultiRegionTrail"] is True
    assert trail["LogFileValidationEnabled"] is True
    assert trail["HasInsightSelectors"] is True
    assert trail["HasCustomEventSelectors"] is True
    assert stack.trails.get_event_selectors(TrailName=arn)["AdvancedEventSelectors"] == advanced
    insights = stack.trails.get_insight_selectors(TrailName=arn)["InsightSelectors"]
    assert insights == [{"InsightType": "ApiCallRateInsight"}]
    [tags] = stack.trails.list_tags(ResourceIdList=[arn])["ResourceTagList"]
    assert {"Key": "team", "Value": "audit"} in tags["TagsList"]
    assert stack.trails.get_trail_status(Name=arn)["IsLogging"] is True


def test_a_trail_without_a_name_gets_one_of_the_stack(stack: Stack) -> None:
    outputs = stack.create()
    assert outputs["Name"].startswith(f"{stack.name}-Trail-")


def test_an_update_changes_in_place_and_a_new_name_replaces(stack: Stack) -> None:
    stack.create(TrailName=f"one-{stack.tag}", IsMultiRegionTrail=True, Tags=[{"Key": "a", "Value": "1"}])
    outputs = stack.update(TrailName=f"one-{stack.tag}", IsLogging=False, Tags=[{"Key": "b", "Value": "2"}])
    trail = stack.trails.get_trail(Name=outputs["Name"])["Trail"]
    assert trail["IsMultiRegionTrail"] is False
    assert stack.trails.get_trail_status(Name=outputs["Name"])["IsLogging"] is False
    [tags] = stack.trails.list_tags(ResourceIdList=[outputs["Arn"]])["ResourceTagList"]
    keys = {tag["Key"] for tag in tags["TagsList"]}
    assert "b" in keys
    assert "a" not in keys
    stack.update(TrailName=f"two-{stack.tag}")
    names = [trail["Name"] for trail in stack.trails.list_trails()["Trails"] if stack.tag in trail["Name"]]
    assert names == [f"two-{stack.tag}"]


def test_deleting_the_stack_deletes_the_trail(stack: Stack) -> None:
    name = stack.create(IsLogging=False)["Name"]
    stack.delete()
    assert name not in [trail["Name"] for trail in stack.trails.list_trails()["Trails"]]


def test_a_bucket_policy_that_is_too_narrow_fails_the_stack_as_on_aws(stack: Stack) -> None:
    with pytest.raises(WaiterError):
        stack.create(lets_in=False)
    assert "Incorrect S3 bucket policy is detected for bucket" in stack.reasons()
    assert not [trail for trail in stack.trails.list_trails()["Trails"] if stack.tag in trail["Name"]]
