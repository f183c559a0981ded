"""The rules, where their alerts go, and the policies that let them: each as AWS documents it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Annotations, Match
from tests.detection.alerts_kit import pattern, rule, target_of
from tests.synth import ACCOUNT, REGION, Json, bare_stack, only, plain, properties, resources, statements, template_of

from raytrail.alerting import AlertChannel
from raytrail.detection import AlertTarget, ApiCallAlerts, Suppression
from raytrail.detection._described import PATHS, QUERY_PATHS, alert_template, page_template, text_template
from raytrail.errors import InvalidProps
from raytrail.sigma import Call, Vantage, catalog

EVENTS = {"Service": "events.amazonaws.com"}
RULES = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/*"
ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
TWO = rule("two_ways", patterns=(pattern("iam.amazonaws.com", "A"), pattern("iam.amazonaws.com", "B")))


@pytest.fixture
def channel(stack: Stack) -> AlertChannel:
    return AlertChannel(stack, "Channel", display_name="raytrail alerts")


@pytest.fixture
def alerts(stack: Stack, channel: AlertChannel) -> ApiCallAlerts:
    return ApiCallAlerts(stack, "Alerts", channel=channel, rules=[rule(), TWO])


@pytest.fixture
def made(alerts: ApiCallAlerts, template: Callable[[], Json]) -> Json:
    return template()


def rules(template: Json) -> list[Json]:
    return [plain(each) for each in properties(template, "AWS::Events::Rule")]


def id_of(template: Json, type: str, part: str = "") -> str:
    (found,) = [id for id in resources(template, type) if part in id]
    return found


def allowed(template: Json, type: str, holder: str) -> list[Json]:
    """What the policies of a type that name a resource allow."""
    found = [plain(each) for each in properties(template, type) if holder in json.dumps(each)]
    return [each for policy in found for each in statements(policy["PolicyDocument"]) if each["Effect"] == "Allow"]


def test_each_pattern_of_a_rule_is_a_rule_of_eventbridge_under_the_rules_id(made, alerts):
    assert list(alerts.rules) == ["KeyMade", "TwoWays", "TwoWays2"]
    assert [each["EventPattern"] for each in rules(made)] == [*rule().patterns, *TWO.patterns]
    # To what an id says CloudFormation's names add eight characters.
    assert [id[:-8] for id in resources(made, "AWS::Events::Rule")] == [f"Alerts{id}" for id in alerts.rules]
    assert rules(made)[0]["Description"] == "A long-lived key was made [high] T1098.001"


def test_a_null_in_a_pattern_is_not_lost_on_its_way_into_the_template(stack, channel, template):
    pattern = {"detail": {"errorCode": [None, {"exists": False}], "eventName": ["CreateUser"]}}
    ApiCallAlerts(stack, "Alerts", channel=channel, rules=[replace(rule(), patterns=(pattern,))])
    (made,) = rules(template())
    assert json.loads(made["EventPattern"]) == pattern


def test_a_template_says_which_detection_each_rule_is_of(made):
    found = [each["Metadata"]["raytrail:detections"] for each in resources(made, "AWS::Events::Rule").values()]
    one = {"level": "high", "techniques": ["T1098.001"]}
    assert found == [[{"name": name, **one}] for name in ("key_made", "two_ways", "two_ways")]


def test_each_event_goes_to_the_pager_as_an_alert_and_whole_to_the_log_group(made):
    queue = id_of(made, "AWS::SQS::Queue", "PagerQueue")
    group = id_of(made, "AWS::Logs::LogGroup", "AlertsLogGroup")
    dead = {"Arn": f"<{id_of(made, 'AWS::SQS::Queue', 'Undelivered')}.Arn>"}
    for each, said in zip(rules(made), (rule(), TWO, TWO), strict=True):
        assert each["Targets"] == [
            {
                "Id": "Pager",
                "Arn": f"<{queue}.Arn>",
                "DeadLetterConfig": dead,
                "InputTransformer": {"InputTemplate": page_template(said)},
            },
            # Without the ":*" that the log group's Arn attribute ends in: EventBridge refuses that.
            {
                "Id": "Log",
                "Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:<{group}>",
                "DeadLetterConfig": dead,
            },
        ]


def test_no_target_has_a_role_where_eventbridge_takes_a_resource_policy(made):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html."""
    assert not any("RoleArn" in each for rule in rules(made) for each in rule["Targets"])


def test_eventbridge_may_write_to_the_log_group_as_aws_documents(made):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions.

    The page allows all groups under /aws/events/; this is one of them.
    """
    group = id_of(made, "AWS::Logs::LogGroup", "AlertsLogGroup")
    policy = json.loads(plain(only(made, "AWS::Logs::ResourcePolicy")["PolicyDocument"]))
    assert statements(policy) == [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["delivery.logs.amazonaws.com", "events.amazonaws.com"]},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:<{group}>:*",
        }
    ]


def test_rules_wait_for_the_policy_that_lets_them_log(made):
    policy = id_of(made, "AWS::Logs::ResourcePolicy")
    assert all(policy in each["DependsOn"] for each in resources(made, "AWS::Events::Rule").values())


def test_the_log_group_is_where_eventbridge_may_write_and_forgets(made):
    group = made["Resources"][id_of(made, "AWS::Logs::LogGroup", "AlertsLogGroup")]["Properties"]
    assert group["LogGroupName"].startswith("/aws/events/")
    assert group["RetentionInDays"] == 365


def test_a_log_group_elsewhere_is_refused(stack, channel):
    with pytest.raises(InvalidProps, match="log_group_name 'alerts' begins with /aws/events/"):
        ApiCallAlerts(stack, "Alerts", channel=channel, rules=[], log_group_name="alerts")


@pytest.mark.parametrize("part", ["Undelivered", "PagerQueue"])
def test_a_queue_takes_events_of_this_accounts_rules_as_aws_documents(made, part):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions.

    The same for the dead-letter queue: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    queue = id_of(made, "AWS::SQS::Queue", part)
    assert allowed(made, "AWS::SQS::QueuePolicy", queue) == [
        {
            "Effect": "Allow",
            "Principal": EVENTS,
            "Action": "sqs:SendMessage",
            "Resource": f"<{queue}.Arn>",
            "Condition": {"ArnLike": {"aws:SourceArn": RULES}},
        }
    ]


@pytest.mark.parametrize(("part", "days"), [("Undelivered", 14), ("PagerQueue", 4)])
def test_a_queue_is_encrypted_with_the_channels_key_and_keeps(made, part, days):
    queue = made["Resources"][id_of(made, "AWS::SQS::Queue", part)]["Properties"]
    assert queue["KmsMasterKeyId"] == {"Fn::GetAtt": [id_of(made, "AWS::KMS::Key"), "Arn"]}
    assert queue["MessageRetentionPeriod"] == days * 86_400


def test_the_key_lets_eventbridge_in_once(made):
    policy = plain(only(made, "AWS::KMS::Key")["KeyPolicy"])
    assert [each["Action"] for each in policy["Statement"] if each["Principal"] == EVENTS] == [
        ["kms:Decrypt", "kms:GenerateDataKey*"]
    ]


def alarm(template: Json, part: str) -> Json:
    found: Json = plain(template["Resources"][id_of(template, "AWS::CloudWatch::Alarm", part)]["Properties"])
    return found


def test_one_undelivered_alert_is_an_alarm_to_the_same_topic(made):
    found, queue = alarm(made, "UndeliveredAlarm"), id_of(made, "AWS::SQS::Queue", "Undelivered")
    assert found["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert found["Dimensions"] == [{"Name": "QueueName", "Value": f"<{queue}.QueueName>"}]
    assert (found["Threshold"], found["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    assert found["AlarmActions"] == [f"<{id_of(made, 'AWS::SNS::Topic')}>"]


def test_an_event_that_not_even_the_dead_letter_queue_took_is_an_alarm(made):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html: the metric is of each rule apart."""
    found = alarm(made, "LostAlarm")
    (query,) = found["Metrics"]
    assert query["Expression"] == ('SELECT SUM(InvocationsFailedToBeSentToDlq) FROM SCHEMA("AWS/Events", RuleName)')
    assert (query["Period"], found["Threshold"], found["TreatMissingData"]) == (60, 1, "notBreaching")
    assert found["AlarmActions"] == [f"<{id_of(made, 'AWS::SNS::Topic')}>"]


def test_a_pager_that_fails_or_is_late_is_an_alarm(made):
    function, queue = id_of(made, "AWS::Lambda::Function"), id_of(made, "AWS::SQS::Queue", "PagerQueue")
    errors, late = alarm(made, "PagerErrorsAlarm"), alarm(made, "PagerLateAlarm")
    assert (errors["Namespace"], errors["MetricName"], errors["Threshold"]) == ("AWS/Lambda", "Errors", 1)
    assert errors["Dimensions"] == [{"Name": "FunctionName", "Value": f"<{function}>"}]
    assert (late["MetricName"], late["Threshold"]) == ("ApproximateAgeOfOldestMessage", 900)
    assert late["Dimensions"] == [{"Name": "QueueName", "Value": f"<{queue}.QueueName>"}]


# Rules.


def test_any_other_call_is_one_line(alerts, template):
    resource = alerts.on_api_call("s3:DeleteBucket")
    assert alerts.rules["S3DeleteBucket"] is resource
    added = rules(template())[-1]
    assert (added["State"], added["Description"]) == ("ENABLED", "s3:DeleteBucket was called [medium]")


def test_a_call_that_only_reads_is_asked_for(alerts, template):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html: or none is seen."""
    alerts.on_api_call("secretsmanager:GetSecretValue", title="A secret was read", level="high")
    alerts.on_api_call("s3:DeleteBucket")
    states = {each["Description"]: each["State"] for each in rules(template())}
    assert [title for title, state in states.items() if state == ALL_EVENTS] == ["A secret was read [high]"]


@pytest.mark.parametrize(("read_only", "state"), [(True, ALL_EVENTS), (False, "ENABLED")])
def test_whether_a_call_reads_can_be_said(alerts, template, read_only, state):
    alerts.on_api_call("mine:Ponder", read_only=read_only)
    assert rules(template())[-1]["State"] == state


def test_a_rule_is_given_once(alerts):
    with pytest.raises(InvalidProps, match="detection 'key_made' has a rule already; give each detection once"):
        alerts.add_rule(rule())


def test_a_rule_that_eventbridge_cannot_express_is_refused_with_its_reason(alerts):
    with pytest.raises(InvalidProps, match="'sequence' cannot run on EventBridge: it has no regular expressions"):
        alerts.add_rule(rule("sequence", patterns=(), eventbridge_reason="it has no regular expressions"))


def test_two_sets_of_alerts_live_in_one_app(stack, channel, template):
    for team in ("One", "Two"):
        ApiCallAlerts(stack, team, channel=channel, log_group_name=f"/aws/events/{team}", rules=[rule()])
    assert len(rules(template())) == 2


def test_by_default_the_alerts_of_the_catalogue_are_told_and_what_is_for_hunting_is_not(stack, channel):
    alerts = ApiCallAlerts(stack, "Alerts", channel=channel)
    wanted = {each.name for each in catalog() if each.alerts and each.patterns}
    assert set(alerts.detections) == wanted
    assert {each.level for each in alerts.detections.values()} <= {"medium", "high", "critical"}


def test_detections_of_the_catalogue_can_be_left_out_by_name(stack, channel):
    alerts = ApiCallAlerts(stack, "Alerts", channel=channel, without=["root_use", "trail_tampering"])
    wanted = {each.name for each in catalog() if each.alerts and each.patterns}
    assert set(alerts.detections) == wanted - {"root_use", "trail_tampering"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"without": ["root_uses"]}, "the catalogue has no rule 'root_uses'; did you mean 'root_use'?"),
        ({"without": ["root_use"], "rules": [rule()]}, "without is for the rules of the catalogue"),
    ],
)
def test_what_is_left_out_is_of_the_catalogue(stack, channel, given, said):
    with pytest.raises(InvalidProps, match=re.escape(said)):
        ApiCallAlerts(stack, "Alerts", channel=channel, **given)


@pytest.mark.parametrize(
    "id", ["TrailTampering", "RootUse", "SignInWithoutMfa", "AccessKeyCreated", "AdminPolicyAttached"]
)
def test_the_ids_of_rules_that_there_have_always_been_stay(stack, channel, id):
    assert id in ApiCallAlerts(stack, "Alerts", channel=channel).rules


# What can fire.

OBJECT_READ = rule(
    "object_read",
    calls=(Call("s3.amazonaws.com", "GetObject"),),
    patterns=(pattern("s3.amazonaws.com", "GetObject"),),
)
NO_DATA = Vantage(management="all", data=frozenset())


def test_a_chosen_rule_that_can_never_fire_is_an_error_that_names_the_setting(stack, channel):
    ApiCallAlerts(stack, "Alerts", channel=channel, rules=[OBJECT_READ], vantage=NO_DATA)
    with pytest.raises(RuntimeError, match=r"rule 'object_read' can never fire: .*DataEvents\.of\('AWS::S3::Object'"):
        template_of(stack)


def test_what_is_not_known_of_the_trail_is_not_guessed(stack, channel, template):
    ApiCallAlerts(stack, "Alerts", channel=channel, rules=[OBJECT_READ])
    assert len(rules(template())) == 1


def test_the_region_is_that_of_the_stack(context):
    stack = bare_stack(context, region="eu-west-1")
    channel = AlertChannel(stack, "Channel", display_name="raytrail alerts")
    ApiCallAlerts(stack, "Alerts", channel=channel, rules=[rule()], vantage=Vantage(forwarded="none"))
    with pytest.raises(RuntimeError, match=r"rule 'key_made' can never fire: .*GlobalEventForwarder"):
        template_of(stack)


def test_a_stack_that_does_not_know_its_region_holds_no_rule_dead(context):
    stack = bare_stack(context, region=None)
    channel = AlertChannel(stack, "Channel", display_name="raytrail alerts")
    alerts = ApiCallAlerts(stack, "Alerts", channel=channel, rules=[rule()], vantage=Vantage(forwarded="none"))
    assert alerts.problems() == []


def test_rules_of_the_catalogue_that_cannot_fire_are_left_out_and_named(stack, channel, monkeypatch):
    monkeypatch.setattr("raytrail.detection._alerts.catalog", lambda: (rule(), OBJECT_READ))
    alerts = ApiCallAlerts(stack, "Alerts", channel=channel, vantage=NO_DATA)
    assert list(alerts.detections) == ["key_made"]
    said = "rule object_read cannot fire here and is left out: .*AWS::S3::Object.*"
    Annotations.from_stack(stack).has_info("*", Match.string_like_regexp(said))


def test_more_rules_than_a_bus_takes_are_an_error(stack, channel):
    few = [replace(rule(f"rule_{number:02}"), patterns=TWO.patterns) for number in range(3)]
    ApiCallAlerts(stack, "Alerts", channel=channel, rules=few, most_rules=5)
    with pytest.raises(RuntimeError, match="6 rules are more than the 5 that a bus takes in us-east-1"):
        template_of(stack)


def test_a_suppression_of_a_detection_that_there_is_not_is_an_error(stack, channel):
    given = {"account": ACCOUNT, "until": date(2999, 1, 1), "reason": "known"}
    known = [Suppression(detection=name, **given) for name in ("key_made", "trail_tampering", "kay_made")]
    ApiCallAlerts(stack, "Alerts", channel=channel, rules=[rule()], suppressions=known)
    with pytest.raises(RuntimeError, match="the suppression 'known' is of detection 'kay_made', and there is none"):
        template_of(stack)


# Targets.


@pytest.fixture
def key(stack: Stack) -> kms.Key:
    return kms.Key(stack, "Mine")


def test_a_queue_gets_every_alert_and_lets_rules_in(alerts, stack, key, template):
    queue = sqs.Queue(stack, "Tickets", encryption=sqs.QueueEncryption.KMS, encryption_master_key=key)
    alerts.add_target(AlertTarget.queue(queue))
    alerts.on_api_call("s3:DeleteBucket")
    made = template()
    id, encrypted = id_of(made, "AWS::SQS::Queue", "Tickets"), id_of(made, "AWS::KMS::Key", "Mine")
    for each in rules(made):
        found = target_of(each, "Queue3")
        assert found["Arn"] == f"<{id}.Arn>"
        assert '"query": "raytrail query actor_hour actor=<actor>' in found["InputTransformer"]["InputTemplate"]
        assert found["InputTransformer"]["InputPathsMap"] == QUERY_PATHS
        assert found["DeadLetterConfig"] == target_of(each, "Pager")["DeadLetterConfig"]
    (let_in,) = allowed(made, "AWS::SQS::QueuePolicy", id)
    assert (let_in["Principal"], let_in["Action"]) == (EVENTS, "sqs:SendMessage")
    assert let_in["Condition"] == {"ArnLike": {"aws:SourceArn": RULES}}
    policy = plain(made["Resources"][encrypted]["Properties"]["KeyPolicy"])
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html#eb-sqs-encrypted
    documented = {"Principal": EVENTS, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Effect": "Allow"}
    assert {**documented, "Resource": "*"} in statements(policy)


def test_a_topic_gets_text_and_lets_eventbridge_publish_without_a_condition(alerts, stack, key, template):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions."""
    alerts.add_target(AlertTarget.topic(sns.Topic(stack, "Chat", master_key=key)))
    made = template()
    id = id_of(made, "AWS::SNS::Topic", "Chat")
    found = target_of(rules(made)[0], "Topic3")
    assert found["InputTransformer"] == {"InputTemplate": text_template(rule()), "InputPathsMap": PATHS}
    assert allowed(made, "AWS::SNS::TopicPolicy", id) == [
        {"Effect": "Allow", "Principal": EVENTS, "Action": "sns:Publish", "Resource": f"<{id}>"}
    ]


def test_a_function_gets_every_alert_and_its_errors_are_an_alarm(alerts, stack, template):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-lambda-permissions."""
    function = lambda_.Function(
        stack,
        "Responder",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
        handler="index.handler",
        runtime=lambda_.Runtime.PYTHON_3_14,
    )
    alerts.add_target(AlertTarget.function(function))
    made = template()
    id = id_of(made, "AWS::Lambda::Function", "Responder")
    told = {"InputTemplate": alert_template(rule()), "InputPathsMap": QUERY_PATHS}
    assert target_of(rules(made)[0], "Function3")["InputTransformer"] == told
    # Without SourceAccount, which EventBridge does not send.
    assert plain(only(made, "AWS::Lambda::Permission")) == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": f"<{id}.Arn>",
        "Principal": "events.amazonaws.com",
        "SourceArn": RULES,
    }
    assert alarm(made, "Function3ErrorsAlarm")["Dimensions"] == [{"Name": "FunctionName", "Value": f"<{id}>"}]


def test_a_second_log_group_gets_whole_events_under_the_same_policy(alerts, stack, template):
    group = logs.LogGroup(stack, "Archive", log_group_name="/aws/events/archive")
    alerts.add_target(AlertTarget.log_group(group))
    made = template()
    assert "InputTransformer" not in target_of(rules(made)[0], "Log3")
    policy = json.loads(plain(only(made, "AWS::Logs::ResourcePolicy")["PolicyDocument"]))
    ids = [id_of(made, "AWS::Logs::LogGroup", part) for part in ("AlertsLogGroup", "Archive")]
    (statement,) = statements(policy)
    assert statement["Resource"] == [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:<{id}>:*" for id in ids]


def test_a_rule_has_five_targets_and_no_more(alerts, stack):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html: five, and AWS does not raise it."""
    targets = [AlertTarget.queue(sqs.Queue(stack, f"Queue{number}")) for number in range(4)]
    for each in targets[:3]:
        alerts.add_target(each)
    with pytest.raises(InvalidProps, match="a rule of EventBridge has at most 5 targets, of which the pager and"):
        alerts.add_target(targets[3])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda stack: AlertTarget.queue(sqs.Queue(stack, "Q", fifo=True)), "is FIFO; alerts have no order"),
        (
            lambda stack: AlertTarget.queue(sqs.Queue(stack, "Q", encryption=sqs.QueueEncryption.UNENCRYPTED)),
            "is not encrypted",
        ),
        (
            lambda stack: AlertTarget.queue(sqs.Queue(stack, "Q", encryption=sqs.QueueEncryption.KMS_MANAGED)),
            "is encrypted with a key that AWS manages",
        ),
        (lambda stack: AlertTarget.topic(sns.Topic(stack, "T", fifo=True)), "is FIFO; alerts have no order"),
        (
            lambda stack: AlertTarget.topic(
                sns.Topic(stack, "T", master_key=kms.Alias.from_alias_name(stack, "K", "alias/aws/sns"))
            ),
            "is encrypted with a key that AWS manages",
        ),
        (
            lambda stack: AlertTarget.log_group(logs.LogGroup(stack, "L", log_group_name="/mine")),
            "has a name that begins with /aws/events/, got",
        ),
    ],
)
def test_a_target_that_eventbridge_cannot_deliver_to_is_refused(stack, make: Callable[[Stack], Any], said):
    with pytest.raises(InvalidProps, match=said):
        make(stack)


def test_a_queue_of_another_app_is_told_to_let_eventbridge_in(alerts, stack):
    theirs = sqs.Queue.from_queue_arn(stack, "Theirs", f"arn:aws:sqs:{REGION}:{ACCOUNT}:theirs")
    alerts.add_target(AlertTarget.queue(theirs))
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp(".*:theirs is not of this app: its own.*"))
