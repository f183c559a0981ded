"""The resources of scheduled detections: what the lake is asked, when, and with which rights."""

from __future__ import annotations

import json
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack, Validations
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks
from tests.detection.alerts_kit import rule
from tests.synth import ACCOUNT, REGION, Json, only, plain, properties, resources, template_of

from raytrail.alerting import AlertChannel
from raytrail.audit import AuditLake
from raytrail.detection import ApiCallAlerts
from raytrail.detection._scheduled import ScheduledDetections, reader_role, unseen
from raytrail.detection.handlers import scheduled as handlers
from raytrail.errors import InvalidProps
from raytrail.sigma import Correlation, catalog

PACKAGE = "raytrail/detection/handlers/scheduled"
PART = rule("key_part", patterns=(), predicate="eventname = 'CreateAccessKey'", own=False)
MANY = rule(
    "many_keys",
    patterns=(),
    correlation=Correlation(type="event_count", rules=("key_part",), group_by=(), timespan_seconds=600, count=3),
)
SINGLE = rule("odd_key", patterns=(), predicate="useragent LIKE '%odd%'")


def scheduled(stack: Stack, **given: Any) -> ScheduledDetections:
    channel = AlertChannel(stack, "Channel", display_name="alerts")
    alerts = ApiCallAlerts(stack, "Alerts", channel=channel, rules=[])
    wanted = {"rules": [MANY, SINGLE], "among": [PART], "regions": [REGION], **given}
    wanted["lake"] = given.get("lake") or lake_in(stack)
    return ScheduledDetections(stack, "Scheduled", pager=alerts.pager, channel=channel, **wanted)


def lake_in(stack: Stack) -> AuditLake:
    return AuditLake(
        stack,
        "Lake",
        name="my-lake",
        bucket=s3.Bucket.from_bucket_name(stack, "Files", "files-of-a-trail"),
        regions=[REGION],
        start_date=date(2026, 1, 1),
        queries=[],
    )


def code_of(stack: Stack, template: Json) -> dict[str, bytes]:
    app = stack.node.root
    assert isinstance(app, App)
    (function,) = [
        each for id, each in resources(template, "AWS::Lambda::Function").items() if id.startswith("Scheduled")
    ]
    folder = Path(app.outdir) / f"asset.{function['Properties']['Code']['S3Key'].removesuffix('.zip')}"
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def questions_of(stack: Stack) -> Json:
    questions: Json = json.loads(code_of(stack, template_of(stack))[f"{PACKAGE}/questions.json"])
    return questions


def test_the_function_holds_its_code_and_its_questions_and_nothing_else(stack: Stack) -> None:
    scheduled(stack)
    code = code_of(stack, template_of(stack))
    names = [f"{PACKAGE}/{name}" for name in ("alert.py", "index.py", "questions.json", "windows.py")]
    assert sorted(code) == [*names, "raytrail/sigma/window.py"]


def test_the_function_needs_nothing_that_it_does_not_hold() -> None:
    window = Path(handlers.__path__[0]).parents[2] / "sigma" / "window.py"
    imported = {
        name
        for file in [*Path(handlers.__path__[0]).rglob("*.py"), window]
        for name in re.findall(r"^(?:from|import) (\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    others = {name for name in imported if name.split(".")[0] not in {*sys.stdlib_module_names, "boto3", "botocore"}}
    beside = {f"raytrail.detection.handlers.scheduled.{name}" for name in ("alert", "windows")}
    assert others == {*beside, "raytrail.sigma.window"}


def test_the_questions_are_the_statements_of_the_rules_and_what_is_said_of_them(stack: Stack) -> None:
    made = scheduled(stack)
    questions = questions_of(stack)
    assert [each["sql"] for each in questions["statements"]] == [each.sql for each in made.statements]
    assert [each["before_seconds"] for each in questions["statements"]] == [0, 1200]
    assert questions["detections"].keys() == {"many_keys", "odd_key"}
    assert questions["detections"]["many_keys"]["title"] == MANY.title
    assert {len(each.columns) for each in made.statements} == {len(questions["columns"])}
    assert all(
        "account IN ('${accounts}')" in each.sql and f"region IN ('{REGION}')" in each.sql for each in made.statements
    )


def test_the_schedule_gives_the_function_its_time_and_fails_into_the_queue(stack: Stack) -> None:
    scheduled(stack, period_minutes=15)
    template = template_of(stack)
    schedule = only(template, "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "rate(15 minutes)"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert json.loads(schedule["Target"]["Input"]) == {"time": "<aws.scheduler.scheduled-time>"}
    (queue,) = [id for id in resources(template, "AWS::SQS::Queue") if id.startswith("ScheduledUndelivered")]
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [queue, "Arn"]}}
    (function,) = [
        each["Properties"]
        for id, each in resources(template, "AWS::Lambda::Function").items()
        if id.startswith("Scheduled")
    ]
    assert function["DeadLetterConfig"] == {"TargetArn": {"Fn::GetAtt": [queue, "Arn"]}}
    assert function["Environment"]["Variables"]["PERIOD_MINUTES"] == "15"
    assert function["Environment"]["Variables"]["LAG_MINUTES"] == "30"
    assert function["Environment"]["Variables"]["ACCOUNTS"] == ACCOUNT


def test_the_function_keeps_its_windows_beside_the_pagers_entries_and_touches_none_of_those(stack: Stack) -> None:
    made = scheduled(stack)
    template = template_of(stack)
    (table,) = resources(template, "AWS::DynamoDB::Table")
    (function,) = [
        each["Properties"]["Environment"]["Variables"]
        for id, each in resources(template, "AWS::Lambda::Function").items()
        if id.startswith("Scheduled")
    ]
    assert (function["TABLE_NAME"], function["SCHEDULE"]) == ({"Ref": table}, made.node.path)
    (rights,) = [
        plain(each["Properties"]["PolicyDocument"])
        for id, each in resources(template, "AWS::IAM::Policy").items()
        if id.startswith("ScheduledRights")
    ]
    (of_the_table,) = [each for each in rights["Statement"] if "dynamodb" in json.dumps(each["Action"])]
    assert of_the_table == {
        "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
        "Effect": "Allow",
        "Resource": f"<{table}.Arn>",
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [made.node.path]}},
    }


def test_the_schedule_may_start_this_function_and_no_other(stack: Stack) -> None:
    scheduled(stack)
    template = template_of(stack)
    (policy,) = [
        plain(each["Properties"]["PolicyDocument"])
        for id, each in resources(template, "AWS::IAM::Policy").items()
        if id.startswith("ScheduledScheduleRole")
    ]
    started = [each for each in policy["Statement"] if each["Action"] == "lambda:InvokeFunction"]
    assert len(started) == 1
    assert "*" not in json.dumps(started)


def test_failures_are_told_to_the_channel(stack: Stack) -> None:
    scheduled(stack)
    alarms = [
        each
        for id, each in resources(template_of(stack), "AWS::CloudWatch::Alarm").items()
        if id.startswith("Scheduled")
    ]
    assert {each["Properties"]["MetricName"] for each in alarms} == {"Errors", "ApproximateNumberOfMessagesVisible"}
    assert all(each["Properties"]["AlarmActions"] for each in alarms)


def test_an_account_that_is_known_at_deployment_only_reaches_the_function(context: Json) -> None:
    app = App(context={key: value for key, value in context.items() if key != "raytrail"})
    stack = Stack(app, "Anywhere")
    scheduled(stack)
    variables = [each["Environment"]["Variables"] for each in properties(template_of(stack), "AWS::Lambda::Function")]
    assert {"Ref": "AWS::AccountId"} in [each.get("ACCOUNTS") for each in variables]


def test_by_default_what_alerts_and_eventbridge_cannot_express_is_asked(stack: Stack) -> None:
    made = scheduled(stack, rules=None, among=None)
    wanted = {each.name for each in catalog() if each.alerts and not each.patterns}
    assert wanted
    assert set(made.detections) == wanted
    assert {name for each in made.statements for name in each.rules} == wanted


def test_what_eventbridge_tells_in_its_region_is_asked_of_the_others(stack: Stack) -> None:
    made = scheduled(
        stack, rules=[SINGLE], told=[rule("key_made", predicate="eventname = 'A'")], regions=[REGION, "eu-west-1"]
    )
    here, elsewhere = made.statements
    assert "region IN ('us-east-1', 'eu-west-1')" in here.sql
    assert "region IN ('eu-west-1')" in elsewhere.sql
    assert (here.rules, elsewhere.rules) == (("odd_key",), ("key_made",))
    assert set(questions_of(stack)["detections"]) == {"odd_key", "key_made"}


def test_where_there_is_no_other_region_nothing_is_asked_of_one(stack: Stack) -> None:
    made = scheduled(stack, rules=[SINGLE], told=[rule("key_made", predicate="eventname = 'A'")])
    assert [each.rules for each in made.statements] == [("odd_key",)]


def test_hunting_rules_and_what_eventbridge_expresses_are_not_asked() -> None:
    assert unseen([rule(), rule("low", patterns=(), predicate="true", level="low"), SINGLE, PART]) == [SINGLE]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"period_minutes": 4}, "period_minutes is 5 to 1440, got 4"),
        ({"lag_minutes": -1}, "lag_minutes is 0 to 1440, got -1"),
        ({"regions": []}, "regions must name at least one Region"),
        ({"rules": []}, "rules are none that the lake is asked for"),
        ({"rules": [rule("x", athena_reason="it has keywords")]}, "'x' cannot be asked of the lake: it has keywords"),
        ({"among": []}, "the correlation 'many_keys' needs the rule 'key_part'"),
    ],
)
def test_what_is_not_allowed_is_refused(stack: Stack, given: Json, message: str) -> None:
    with pytest.raises(InvalidProps, match=message):
        scheduled(stack, **given)


@pytest.mark.parametrize("apart", [False, True], ids=["with its lake", "in another stack"])
def test_cdk_nag_finds_nothing(context: Json, apart: bool) -> None:
    app = App(context={key: value for key, value in context.items() if key != "raytrail"})
    place = Environment(account=ACCOUNT, region=REGION)
    stack = Stack(app, "Checked", env=place)
    lakes = Stack(app, "Lakes", env=place) if apart else stack
    lake = lake_in(lakes)
    role = reader_role(lakes, "Reader", lake=lake) if apart else None
    scheduled(stack, lake=lake, role=role)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
