from __future__ import annotations

import json

import pytest
from tests.checks.twins import a, found, ref, seen

from raytrail.checks._catalogue import check_app
from raytrail.checks._model import Floors
from raytrail.checks._templates import App, Template
from raytrail.detection._model import SIGN_IN
from raytrail.replay import rules_of_catalogue
from raytrail.sigma import catalog

RULE, READS = "Events::Rule", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
API_CALL = "AWS API Call via CloudTrail"


def pattern(source, *names, **detail):
    asked = {"eventSource": [f"{source}.amazonaws.com"], **({"eventName": list(names)} if names else {}), **detail}
    return {"source": [f"aws.{source}"], "detail-type": [API_CALL], "detail": asked}


def rule(pattern, **more):
    return {"Rule": a(RULE, EventPattern=pattern, **more)}


def dead(resources, **how):
    return found("RuleNeverMatches", resources, **how)


def far(resources, **how):
    return found("RuleInWrongRegion", resources, **how)


def loses(resources, **how):
    return found("RuleLosesEvents", resources, **how)


def test_calls_that_only_read_come_to_rules_that_ask_for_them():
    reads = pattern("ec2", "DescribeInstances", "GetConsoleOutput")
    assert READS in seen("RuleNeverMatches", rule(reads))
    assert dead(rule(reads, State="ENABLED")) == ["Rule"]
    assert dead(rule(reads, State=READS)) == []
    assert dead(rule(reads, State=ref("State"))) == []
    assert dead(rule(pattern("ec2", "DescribeInstances", "RunInstances"))) == []


@pytest.mark.parametrize(
    "asked",
    [
        pattern("ec2", {"prefix": "Describe"}),
        {"source": ["aws.sts"], "detail-type": [API_CALL], "detail": {"eventName": ["AssumeRole"]}},
        pattern("ec2", "RunInstances", readOnly=[True]),
        pattern("secretsmanager", "GetSecretValue"),
    ],
)
def test_a_read_may_be_told_by_its_verb_its_name_or_the_pattern(asked):
    assert dead(rule(asked)) == ["Rule"]


@pytest.mark.parametrize(
    "asked",
    [
        pattern("ec2"),
        pattern("ec2", {"anything-but": ["DescribeInstances"]}),
        # Data events, which come to every rule.
        pattern("s3", "GetObject"),
        # AWS does not say of it what it is.
        pattern("sts", "GetSessionToken"),
        {"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"]},
        {"source": ["aws.ec2"], "$or": [pattern("ec2", "DescribeInstances"), pattern("ec2", "RunInstances")]},
        pattern("ec2", ref("Call")),
    ],
)
def test_what_may_write_or_is_not_known_is_left_alone(asked):
    assert dead(rule(asked)) == []


def test_lambda_records_some_calls_with_a_date():
    assert "UpdateFunctionCode20150331v2" in seen("RuleNeverMatches", rule(pattern("lambda", "UpdateFunctionCode")))
    assert dead(rule(pattern("lambda", "UpdateFunctionCode20150331v2"))) == []
    assert dead(rule(pattern("lambda", {"prefix": "UpdateFunctionCode"}))) == []


@pytest.mark.parametrize("misspelt", ["AWS API call via CloudTrail", "AWS API Call Via CloudTrail"])
def test_a_detail_type_is_spelled_as_aws_does(misspelt):
    asked = {**pattern("ec2", "RunInstances"), "detail-type": [misspelt]}
    assert misspelt in seen("RuleNeverMatches", rule(asked))


def test_both_spellings_of_a_sign_in_are_known():
    assert dead(rule({"source": ["aws.signin"], "detail-type": list(SIGN_IN)})) == []


@pytest.mark.parametrize(
    "asked", [{"source": "aws.ec2"}, {"source": []}, {"detail": {"count": [{"numeric": ["above", 1]}]}}]
)
def test_a_pattern_is_one_that_eventbridge_takes(asked):
    assert "does not take the pattern" in seen("RuleNeverMatches", rule(asked))


def test_a_pattern_may_be_written_as_text():
    assert dead(rule(json.dumps(pattern("ec2", "DescribeInstances")))) == ["Rule"]
    assert dead(rule("{")) == []


@pytest.mark.parametrize("detail", [["GetObject"], "text", 7, None])
def test_a_pattern_whose_detail_is_no_object_is_no_reason_to_break_down(detail):
    pattern = {"source": ["aws.iam"], "detail-type": ["AWS API Call via CloudTrail"], "detail": detail}
    assert found("RuleInWrongRegion", {"Rule": a("Events::Rule", EventPattern=pattern)}, region="us-east-1") == []


def test_rules_that_are_off_or_on_another_bus_are_left_alone():
    reads = pattern("ec2", "DescribeInstances")
    assert dead(rule(reads, State="DISABLED")) == []
    assert dead(rule(reads, EventBusName="orders")) == []
    assert dead(rule(reads, EventBusName="default")) == ["Rule"]


def test_events_of_global_services_appear_in_one_region():
    created = rule(pattern("iam", "CreateUser"))
    assert far(created) == ["Rule"]
    assert far(created, region="us-east-1") == []
    assert far(created, region=None) == []
    assert far(created, region="cn-north-1") == []
    assert far(rule(pattern("ec2", "RunInstances"))) == []
    assert "us-west-2" in seen("RuleInWrongRegion", rule(pattern("globalaccelerator", "CreateAccelerator")))


def app_with_forwarder(state, *names):
    bus = {"Fn::Sub": "arn:aws:events:eu-west-1:${AWS::AccountId}:event-bus/default"}
    forwarder = a(RULE, EventPattern={"source": ["aws.iam"]}, State=state, Targets=[{"Id": "Home", "Arn": bus}])
    here = a(RULE, EventPattern=pattern("iam", *names), State=READS)
    return App(
        [
            Template({"Resources": {"Here": here}}, region="eu-west-1"),
            Template({"Resources": {"Forwarder": forwarder}}, region="us-east-1"),
        ]
    )


@pytest.mark.parametrize(
    ("state", "name", "expected"),
    [("ENABLED", "CreateUser", []), ("ENABLED", "ListUsers", ["Here"]), (READS, "ListUsers", [])],
)
def test_a_forwarder_of_the_app_brings_them(state, name, expected):
    found = check_app(app_with_forwarder(state, name), Floors())
    assert [each.logical_id for each in found if each.id == "Raytrail::RuleInWrongRegion"] == expected


def test_what_cannot_be_delivered_goes_to_a_queue():
    target = {"Id": "Chat", "Arn": "arn:aws:sns:eu-west-1:444455556666:chat"}
    kept = {**target, "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-west-1:444455556666:lost"}}
    asked = pattern("ec2", "RunInstances")
    assert loses(rule(asked, Targets=[target])) == ["Rule"]
    assert loses(rule(asked, Targets=[kept])) == []
    assert seen("RuleLosesEvents", rule(asked, Targets=[kept, {**target, "Id": "Mail"}])).endswith("target Mail")
    assert loses(rule(asked, Targets=ref("Targets"))) == []
    assert loses(rule({"source": ["shop.orders"]}, Targets=[target])) == []


def test_no_pattern_of_the_catalogue_is_called_dead_in_the_region_of_global_services():
    rules = {
        f"Rule{number}": a(RULE, EventPattern=each.pattern, State=each.state)
        for number, each in enumerate(rules_of_catalogue(catalog()))
    }
    assert len(rules) > 50
    assert dead(rules, region="us-east-1") == []
    assert far(rules, region="us-east-1") == []
