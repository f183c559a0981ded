"""Alarms, and the topics that they are sent to, that reach nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from raytrail.checks._deliveries import ALARMS, RULE, SUBSCRIPTION, TOPIC, TRAIL, deliveries, names_of
from raytrail.checks._model import Check, Floors, Seen
from raytrail.checks._names import could_mean_any, meant
from raytrail.checks._policies import allows, policies_of
from raytrail.checks._templates import App, Resource
from raytrail.checks._values import Unknown, flat, listed, literal, shown
from raytrail.replay import DISABLED, InvalidPattern, compile_pattern

_ONLY_SHOW = (
    "AWS::CloudWatch::AlarmMuteRule",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
)
"""Name an alarm without doing anything when it rings."""
_OF_METRICS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::LogAlarm")
"""Look at metrics and logs, at no other alarm: what has the name of one there is its own name, or a metric's."""
_CHANGE = {"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change"}
"""What each event of an alarm says of itself."""
_DO_NOT_LISTEN = (
    *ALARMS,
    *_ONLY_SHOW,
    RULE,
    TRAIL,
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::Budgets::Budget",
    "AWS::KMS::Key",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::S3::Bucket",
    "AWS::SNS::TopicInlinePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueueInlinePolicy",
    "AWS::SQS::QueuePolicy",
)
"""Name a topic to publish to it, or to say who may: that a queue would let it in does not subscribe the queue."""


def _reach_nobody(app: App, floors: Floors) -> Iterator[Seen]:
    alarms = app.of_type(*ALARMS)
    if not alarms or _a_rule_hears_alarms(app):
        return
    for alarm in alarms:
        problem, where = _why_nobody(alarm)
        if problem and not _is_used(app, alarm):
            yield Seen(alarm, problem, where)


def _why_nobody(alarm: Resource) -> tuple[str, str]:
    """What is wrong with an alarm's actions, and where; empty: nothing that is known."""
    actions = alarm.get("AlarmActions")
    if isinstance(actions, Unknown) or isinstance(alarm.get("ActionsEnabled"), Unknown):
        return "", ""
    if not listed(actions):
        others = " and ".join(state for state in ("OKActions", "InsufficientDataActions") if alarm.get(state))
        return f"AlarmActions is empty{f', only {others} is set' if others else ''}", "Properties.AlarmActions"
    if alarm.get("ActionsEnabled") in (False, "false"):
        return "ActionsEnabled is false", "Properties.ActionsEnabled"
    return "", ""


def _is_used(app: App, alarm: Resource) -> bool:
    """Whether something else looks at an alarm: a composite, a deployment that it stops, another app."""
    if any(each.type not in _ONLY_SHOW for each in app.referrers(alarm)) or app.leaves_the_app(alarm):
        return True
    name = alarm.get("AlarmName")
    if not isinstance(name, str):
        return False
    # Not as a part of another name.
    named = re.compile(rf"(?<![\w-]){re.escape(json.dumps(name)[1:-1])}(?![\w-])")
    return any(
        each is not alarm
        and each.type not in (*_ONLY_SHOW, *_OF_METRICS)
        and named.search(json.dumps(each.properties, default=shown))
        for template in app.templates
        for each in template.resources.values()
    )


def _a_rule_hears_alarms(app: App) -> bool:
    """Whether a rule takes the events of alarms, which tell every change of state."""
    return any(
        rule.get("Targets") and rule.get("State") != DISABLED and _may_hear_alarms(rule) for rule in app.of_type(RULE)
    )


def _may_hear_alarms(rule: Resource) -> bool:
    """Whether a rule takes an event by what it says of itself; what else the rule asks is taken to hold."""
    pattern = rule.get("EventPattern")
    if isinstance(pattern, str):
        try:
            pattern = json.loads(pattern)
        except ValueError:
            return False
    if not isinstance(pattern, dict):
        # A rule without a pattern has a schedule; any other is not known.
        return pattern is not None
    asked = {field: pattern[field] for field in _CHANGE if field in pattern}
    if "$or" in pattern or not literal(asked):
        return True
    if not asked:
        # It forwards all events of an account, say, but not by a bus to which no alarm comes.
        bus = rule.get("EventBusName")
        return "detail" not in pattern and (
            bus is None or isinstance(bus, Unknown) or str(flat(bus)).rsplit("/", 1)[-1] == "default"
        )
    try:
        return compile_pattern(asked).matches(_CHANGE)
    except InvalidPattern:
        return False


def _heard_by_nobody(app: App, floors: Floors) -> Iterator[Seen]:
    senders: dict[Resource, list[Resource]] = {}
    for delivery in deliveries(app):
        if delivery.target.type == TOPIC and delivery.sender.type != TRAIL:
            senders.setdefault(delivery.target, []).append(delivery.sender)
    if not senders:
        return
    subscribed = [subscription.get("TopicArn") for subscription in app.of_type(SUBSCRIPTION)]
    if any(map(could_mean_any, subscribed)):
        return
    heard = {meant(app, each, TOPIC) for each in subscribed}
    for topic, sending in senders.items():
        if topic not in heard and not topic.get("Subscription") and not _may_be_heard(app, topic):
            yield Seen(topic, f"{names_of(sending)} sends to it, and no subscription of the app is to it")


def _may_be_heard(app: App, topic: Resource) -> bool:
    """Whether somebody may listen whom the app does not show."""
    policies = policies_of(app, topic)
    if policies is None or app.leaves_the_app(topic):
        return True
    listeners = [each for each in app.referrers(topic) if each.type not in (*_DO_NOT_LISTEN, SUBSCRIPTION)]
    asked = any(allows(policy.get("PolicyDocument"), "sns:Subscribe") for policy in policies)
    return bool(listeners) or asked


ALARM_REACHES_NOBODY = Check(
    name="AlarmReachesNobody",
    level="error",
    title="the alarm does nothing when it rings",
    why="Its state changes, and nobody is told: it is seen by who happens to look at the console.",
    fix="add an alarm action, such as AlertChannel.topic of raytrail.alerting, or put it into a composite alarm that "
    "has one",
    trusts="An alarm that a composite alarm, a deployment, a health check or any other resource but a dashboard, a "
    "mute rule or an IAM policy names; every alarm of an app that has an EventBridge rule which takes the events of "
    "alarms; one that is exported; actions that are a parameter.",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Acting_Alarm_Changes.html",
    nag=("CloudWatchAlarmAction",),
    look=_reach_nobody,
)

TOPIC_REACHES_NOBODY = Check(
    name="TopicReachesNobody",
    level="warning",
    title="nobody subscribed to the topic that alerts go to",
    why="SNS takes each message and drops it: a topic without subscriptions keeps nothing.",
    fix="subscribe an address, a function or a queue in the app, as AlertChannel of raytrail.alerting does; "
    "acknowledge it where people subscribe by hand",
    trusts="A topic of another app; one that is exported, that a resource other than its senders and policies names "
    "(a chat configuration, say), or whose policy lets somebody subscribe; every topic of an app with a subscription "
    "to a topic that is a parameter, or that a custom resource names. A subscription that was made by hand cannot be "
    "seen: hence a warning.",
    source="https://docs.aws.amazon.com/sns/latest/dg/sns-create-subscribe-endpoint-to-topic.html",
    look=_heard_by_nobody,
)
