"""Who sends to whom in an app: alarms and rules to topics, queues and functions, and topics to who subscribed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from raytrail.checks._names import meant
from raytrail.checks._templates import App, Resource
from raytrail.checks._values import Value, dig, listed

ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::LogAlarm")
ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
RULE, SUBSCRIPTION, TRAIL = "AWS::Events::Rule", "AWS::SNS::Subscription", "AWS::CloudTrail::Trail"
TOPIC, QUEUE, FUNCTION = "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Lambda::Function"

EVENTS, CLOUDWATCH, SNS = "events.amazonaws.com", "cloudwatch.amazonaws.com", "sns.amazonaws.com"
ALARMS_TO_LAMBDA = "lambda.alarms.cloudwatch.amazonaws.com"
CLOUDTRAIL = "cloudtrail.amazonaws.com"


class Delivery(NamedTuple):
    """One way on which messages are to go."""

    sender: Resource
    service: str
    """As which principal it is sent."""
    target: Resource
    by_role: bool = False
    """Whether a role sends it, whose policies say what it may."""


@lru_cache(maxsize=1)
def deliveries(app: App) -> tuple[Delivery, ...]:
    """Every delivery of an app whose target is a topic, a queue or a function of the app."""
    return (*_of_alarms(app), *_of_rules(app), *_of_subscriptions(app), *_of_trails(app))


def names_of(resources: Iterable[Resource]) -> str:
    """The first by name, and how many there are besides."""
    labels = list(dict.fromkeys(resource.label for resource in resources))
    others = len(labels) - 1
    return labels[0] + (f" and {others} {'other' if others == 1 else 'others'}" if others else "")


def _of_alarms(app: App) -> Iterator[Delivery]:
    for alarm in app.of_type(*ALARMS):
        for state in ACTIONS:
            for action in listed(alarm.get(state)):
                if target := meant(app, action, TOPIC):
                    yield Delivery(alarm, CLOUDWATCH, target)
                elif target := meant(app, action, FUNCTION):
                    yield Delivery(alarm, ALARMS_TO_LAMBDA, target)


def _of_rules(app: App) -> Iterator[Delivery]:
    for rule in app.of_type(RULE):
        for target in listed(rule.get("Targets")):
            if found := meant(app, dig(target, "Arn"), TOPIC, QUEUE, FUNCTION):
                by_role = dig(target, "RoleArn") is not None or rule.get("RoleArn") is not None
                yield Delivery(rule, EVENTS, found, by_role)
            if dead_letters := meant(app, dig(target, "DeadLetterConfig", "Arn"), QUEUE):
                yield Delivery(rule, EVENTS, dead_letters)


def _of_subscriptions(app: App) -> Iterator[Delivery]:
    for subscription in app.of_type(SUBSCRIPTION):
        ends: list[Value] = []
        if subscription.get("Protocol") in ("sqs", "lambda"):
            ends.append(subscription.get("Endpoint"))
        ends.append(subscription.get("RedrivePolicy", "deadLetterTargetArn"))
        for end in ends:
            if target := meant(app, end, QUEUE, FUNCTION):
                yield Delivery(subscription, SNS, target)


def _of_trails(app: App) -> Iterator[Delivery]:
    for trail in app.of_type(TRAIL):
        if topic := meant(app, trail.get("SnsTopicName"), TOPIC):
            yield Delivery(trail, CLOUDTRAIL, topic)
