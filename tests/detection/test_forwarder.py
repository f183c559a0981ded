"""Events of global services, brought to a home Region elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.synth import ACCOUNT, bare_stack, only, plain, properties, resources, statements, template_of

from raytrail.alerting import AlertChannel
from raytrail.detection import GLOBAL_REGION, GlobalEventForwarder
from raytrail.errors import InvalidProps
from raytrail.sigma import GLOBAL_SOURCES, Call

HOME_BUS = f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/default"


@pytest.fixture
def made(context):
    stack = bare_stack(context, region=GLOBAL_REGION)
    GlobalEventForwarder(stack, "Forwarder", home_region="eu-west-1")
    return template_of(stack)


def test_the_events_go_to_the_default_bus_of_the_home_region(made):
    (role,) = resources(made, "AWS::IAM::Role")
    assert plain(only(made, "AWS::Events::Rule"))["Targets"] == [
        {
            "Id": "HomeBus",
            "Arn": HOME_BUS,
            "RoleArn": f"<{role}.Arn>",
            "DeadLetterConfig": {"Arn": f"<{next(iter(resources(made, 'AWS::SQS::Queue')))}.Arn>"},
        }
    ]


def test_eventbridge_may_send_what_it_could_not_forward_to_the_dead_letter_queue(made):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html."""
    found = plain(statements(only(made, "AWS::SQS::QueuePolicy")["PolicyDocument"]))
    (allowed,) = [statement for statement in found if statement["Effect"] == "Allow"]
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    assert allowed["Condition"] == {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{GLOBAL_REGION}:{ACCOUNT}:rule/*"}}


def test_eventbridge_may_put_events_on_that_bus_and_nothing_else(made):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html."""
    assert plain(statements(only(made, "AWS::IAM::Policy")["PolicyDocument"])) == [
        {"Effect": "Allow", "Action": "events:PutEvents", "Resource": HOME_BUS}
    ]
    assert statements(only(made, "AWS::IAM::Role")["AssumeRolePolicyDocument"]) == [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "events.amazonaws.com"}}
    ]


def test_a_home_in_us_east_1_needs_no_forwarding_and_is_refused(stack):
    with pytest.raises(InvalidProps, match="home_region 'us-east-1' has the events of global services already"):
        GlobalEventForwarder(stack, "Forwarder", home_region=GLOBAL_REGION)


def test_calls_that_only_read_stay_in_us_east_1_unless_they_are_asked_for(context):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html."""
    assert made_with(context)["State"] == "ENABLED"
    assert made_with(context, read_only=True)["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def test_somebody_in_us_east_1_is_told_when_the_hop_fails(context):
    stack = bare_stack(context, region=GLOBAL_REGION)
    channel = AlertChannel(stack, "Channel", display_name="Forwarding", emails=["ops@example.com"])
    forwarder = GlobalEventForwarder(stack, "Forwarder", home_region="eu-west-1", channel=channel)
    template = template_of(stack)
    topic = {"Ref": stack.get_logical_id(channel.topic.node.default_child)}
    (queue_alarm, lost_alarm) = sorted(
        properties(template, "AWS::CloudWatch::Alarm"), key=lambda each: "Metrics" in each
    )
    assert queue_alarm["Dimensions"] == [
        {
            "Name": "QueueName",
            "Value": {"Fn::GetAtt": [stack.get_logical_id(forwarder.undelivered.node.default_child), "QueueName"]},
        }
    ]
    assert "InvocationsFailedToBeSentToDlq" in lost_alarm["Metrics"][0]["Expression"]
    assert queue_alarm["AlarmActions"] == lost_alarm["AlarmActions"] == [topic]


def test_without_a_channel_there_is_no_alarm(context):
    stack = bare_stack(context, region=GLOBAL_REGION)
    forwarder = GlobalEventForwarder(stack, "Forwarder", home_region="eu-west-1")
    assert forwarder.undelivered_alarm is forwarder.lost_alarm is None
    assert properties(template_of(stack), "AWS::CloudWatch::Alarm") == []


def made_with(context, **options: Any) -> dict[str, Any]:
    stack = bare_stack(context, region=GLOBAL_REGION)
    GlobalEventForwarder(stack, "Forwarder", home_region="eu-west-1", **options)
    return only(template_of(stack), "AWS::Events::Rule")


IAM, ORGANIZATIONS = "iam.amazonaws.com", "organizations.amazonaws.com"
LISTENED_TO = [
    Call(IAM, "CreateUser"),
    Call(IAM, "CreateUser"),
    Call(IAM, "Put*Policy"),
    Call(ORGANIZATIONS, "*"),
    Call("ec2.amazonaws.com", "RunInstances"),
    Call("globalaccelerator.amazonaws.com", "DeleteAccelerator"),
]
BY_CLOUDTRAIL = {"detail-type": [{"suffix": " via CloudTrail"}]}
SIGN_INS = {"detail-type": ["AWS Console Signin via CloudTrail", "AWS Console Sign In via CloudTrail"]}


def test_what_the_rules_at_home_listen_to_is_forwarded_by_name_and_nothing_else(context):
    assert made_with(context, calls=LISTENED_TO)["EventPattern"] == {
        "source": [{"prefix": "aws."}],
        "$or": [
            SIGN_INS,
            {**BY_CLOUDTRAIL, "detail": {"eventSource": [ORGANIZATIONS]}},
            {**BY_CLOUDTRAIL, "detail": {"eventSource": [IAM], "eventName": ["CreateUser", {"prefix": "Put"}]}},
        ],
    }


def test_a_rule_that_listens_to_every_source_has_every_global_service_forwarded(context):
    everything = made_with(context)["EventPattern"]
    assert made_with(context, calls=[Call("*", "*")])["EventPattern"] == everything
    (_, services) = everything["$or"]
    assert set(services["detail"]["eventSource"]) == {
        source for source, region in GLOBAL_SOURCES.items() if region == GLOBAL_REGION
    }


def test_rules_about_no_global_service_have_sign_ins_alone_forwarded(context):
    for calls in ([], [Call("ec2.amazonaws.com", "*")]):
        assert made_with(context, calls=calls)["EventPattern"] == {"source": [{"prefix": "aws."}], **SIGN_INS}


def test_more_names_than_a_pattern_holds_are_forwarded_with_the_rest_of_their_service(context):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html."""
    many = [Call(IAM, f"CreateSomethingOfALongName{number}") for number in range(100)]
    pattern = made_with(context, calls=[*many, Call(ORGANIZATIONS, "LeaveOrganization")])["EventPattern"]
    assert len(json.dumps(pattern, separators=(",", ":"))) <= 2048
    assert [each["detail"] for each in pattern["$or"][1:]] == [
        {"eventSource": [IAM]},
        {"eventSource": [ORGANIZATIONS], "eventName": ["LeaveOrganization"]},
    ]


@pytest.fixture(scope="module")
def forwards(local_aws) -> Callable[[Any, str, str, str], bool]:
    """Whether a pattern takes an event, by ``events:TestEventPattern`` of ministack, which nothing here extends."""
    client = local_aws.client("events")

    def forwards(pattern: Any, kind: str, source: str, name: str) -> bool:
        event = {
            **{"id": "1", "account": ACCOUNT, "time": "2026-10-01T12:00:00Z", "region": GLOBAL_REGION, "resources": []},
            "source": f"aws.{source.partition('.')[0]}",
            "detail-type": f"AWS {kind} via CloudTrail",
            "detail": {"eventSource": source, "eventName": name},
        }
        answer = client.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
        return bool(answer["Result"])

    return forwards


@pytest.mark.local
@pytest.mark.parametrize(
    ("kind", "source", "name", "taken"),
    [
        ("API Call", IAM, "CreateUser", True),
        ("API Call", IAM, "PutUserPolicy", True),
        ("API Call", IAM, "DeleteUser", False),
        ("API Call", ORGANIZATIONS, "LeaveOrganization", True),
        ("Service Event", ORGANIZATIONS, "CreateAccountResult", True),
        ("API Call", "ec2.amazonaws.com", "RunInstances", False),
        ("Console Signin", "signin.amazonaws.com", "ConsoleLogin", True),
        ("Console Sign In", "signin.amazonaws.com", "ConsoleLogin", True),
    ],
)
def test_an_event_is_forwarded_if_some_rule_listens_to_it(context, forwards, kind, source, name, taken):
    pattern = made_with(context, calls=LISTENED_TO)["EventPattern"]
    assert forwards(pattern, kind, source, name) is taken


def test_an_app_elsewhere_has_a_stack_in_us_east_1(synth):
    assert "raytrail-global-events" in synth(region="eu-west-1")
    assert "raytrail-global-events" not in synth()


def test_an_app_elsewhere_without_detection_forwards_nothing(synth):
    assert "raytrail-global-events" not in synth(region="eu-west-1", detection={"enabled": False})
