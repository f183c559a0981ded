"""The whole kit in another Region, beside what an account has there: IAM's events come from us-east-1."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from tests.examples.used_account import Assembly, Deployment, answer, example, message
from tests.synth import Json, resources

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

MADE = example("whole_kit_in_another_region")
HOME, NAME, GLOBAL_REGION = MADE["HOME"], MADE["NAME"], "us-east-1"


class Theirs:
    """What was there: rules on both buses, a group, a sampling rule and a log group in the home Region."""

    def __init__(self, aws: LocalAws) -> None:
        self.name = f"theirs-{uuid.uuid4().hex[:8]}"
        self.xray, self.logs = (aws.client(name, region=HOME) for name in ("xray", "logs"))
        self.events = {region: aws.client("events", region=region) for region in (HOME, GLOBAL_REGION)}
        for events in self.events.values():
            events.put_rule(Name=self.name, EventPattern='{"source": ["aws.health"]}')
        self.xray.create_group(GroupName=self.name, FilterExpression="fault")
        self.logs.create_log_group(logGroupName=f"/aws/events/{self.name}")

    def describe(self) -> Json:
        """All of it, as AWS's APIs tell it."""
        return {
            "rules": {region: answer(events.describe_rule(Name=self.name)) for region, events in self.events.items()},
            "group": answer(self.xray.get_group(GroupName=self.name)),
            "log group": self.logs.describe_log_groups(logGroupNamePrefix=f"/aws/events/{self.name}")["logGroups"],
        }

    def leave(self) -> None:
        """Take it away, for the other tests of the session."""
        for events in self.events.values():
            events.delete_rule(Name=self.name)
        self.xray.delete_group(GroupName=self.name)
        self.logs.delete_log_group(logGroupName=f"/aws/events/{self.name}")


@pytest.fixture(scope="module")
def kit(local_aws: LocalAws, assembly: Assembly, before: Json) -> Iterator[tuple[Deployment, Deployment]]:
    with (
        Deployment(local_aws, assembly, NAME, region=HOME) as home,
        Deployment(local_aws, assembly, f"{NAME}-global-events", region=GLOBAL_REGION) as forwarder,
    ):
        yield home, forwarder


def test_the_forwarder_alone_is_in_us_east_1(kit):
    home, forwarder = kit
    types = {each["Type"] for each in forwarder.template["Resources"].values()}
    assert types == {
        "AWS::Events::Rule",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
    }
    for type in ("AWS::CloudTrail::Trail", "AWS::Athena::WorkGroup", "AWS::XRay::Group", "AWS::CloudWatch::Dashboard"):
        assert resources(home.template, type), type


def test_what_somebody_does_in_iam_is_told_at_home(kit, local_aws):
    home, _ = kit
    iam = local_aws.client("iam", region=GLOBAL_REGION)
    user = f"forwarded-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    inbox = home.outputs["AlertInboxUrl"]
    page = message(home.client("sqs"), inbox, lambda page: page.get("detection") == "access_key_created")
    assert page["region"] == GLOBAL_REGION
    iam.delete_access_key(UserName=user, AccessKeyId=key)
    iam.delete_user(UserName=user)


def test_what_was_there_is_as_it_was_with_the_kit_and_after_it(kit, theirs, before):
    assert theirs.describe() == before
    for stack in reversed(kit):
        stack.delete()
    assert theirs.describe() == before
