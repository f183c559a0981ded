"""Events of global services, brought to a home Region elsewhere."""

from __future__ import annotations

import pytest
from tests.synth import ACCOUNT, bare_stack, only, plain, resources, statements, template_of

from raytrail.detection import GLOBAL_REGION, GlobalEventForwarder
from raytrail.errors import InvalidProps

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


def test_an_app_elsewhere_has_a_stack_in_us_east_1(synth):
    assert "raytrail-global-events" in synth(region="eu-west-1")
    assert "raytrail-global-events" not in synth()


def test_an_app_elsewhere_without_detection_forwards_nothing(synth):
    assert "raytrail-global-events" not in synth(region="eu-west-1", detection={"enabled": False})
