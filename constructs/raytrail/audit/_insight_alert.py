"""Somebody is told when CloudTrail Insights sees an unusual rate of calls or of errors."""

from __future__ import annotations

import json

from aws_cdk import Stack, Token
from aws_cdk import aws_events as events
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from raytrail.errors import InvalidProps

PATTERN = {
    # Anybody may put an event of any type on the bus, but not from a source that begins with aws.
    "source": [{"prefix": "aws."}],
    "detail-type": ["AWS Insight via CloudTrail"],
    # Of what is unusual there is an event for its start and one for its end.
    "detail": {"insightDetails": {"state": ["Start"]}},
}
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html names the type, and
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-trails.html the fields."""

_DETAILS = "$.detail.insightDetails"
_STATISTICS = f"{_DETAILS}.insightContext.statistics"
_PATHS = {
    "call": f"{_DETAILS}.eventName",
    "service": f"{_DETAILS}.eventSource",
    "kind": f"{_DETAILS}.insightType",
    # Only where the rate of errors is unusual.
    "error": f"{_DETAILS}.errorCode",
    "rate": f"{_STATISTICS}.insight.average",
    "usual": f"{_STATISTICS}.baseline.average",
    "region": "$.detail.awsRegion",
    "time": "$.detail.eventTime",
    "account": "$.account",
    "event": "$.detail.sharedEventID",
}
# JSON for machines, with a summary for people first, as the alerts on API calls are.
_MESSAGE = {
    "summary": (
        "Unusual activity (<kind>): <call> of <service> in <region>, <rate> a minute where <usual> is usual; "
        "error: <error>"
    ),
    "detection": "InsightEvent",
    "level": "medium",
    "insight": "<kind>",
    "call": "<call>",
    "service": "<service>",
    "rate_per_minute": "<rate>",
    "usual_rate_per_minute": "<usual>",
    "region": "<region>",
    "account": "<account>",
    "time": "<time>",
    "error": "<error>",
    "event_id": "<event>",
    # The saved query of the lake that shows whose calls these were.
    "query": "raytrail query calls_by_actor, with --from and --to the day of <time>",
}


class InsightAlert(Construct):
    """A rule on the default event bus that tells a topic of each start of unusual activity.

    It hears of it in its own Region: Insights events appear in the Region of the unusual calls, of global services in
    us-east-1 (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-insights-events-with-cloudtrail.html).
    CloudTrail sends them only where a trail of the account has Insights (`AuditTrail`'s ``insights``).

    Args:
        topic: Who is told; its policy is to let EventBridge publish without conditions, as that of an
            `raytrail.alerting.AlertChannel` does.
        dead_letters: Where an alert goes that could not be delivered; its policy is to let EventBridge's rules in.
            Default: it is lost after a day of attempts.

    Attributes:
        rule: The rule's L1.

    Raises:
        InvalidProps: The topic is of another account, to which a rule delivers by a role alone
            (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-cross-account.html).
    """

    def __init__(self, scope: Construct, id: str, *, topic: sns.ITopic, dead_letters: sqs.IQueue | None = None) -> None:
        super().__init__(scope, id)
        theirs, ours = topic.env.account, Stack.of(self).account
        if not Token.is_unresolved(theirs) and not Token.is_unresolved(ours) and theirs != ours:
            raise InvalidProps(
                f"topic {topic.node.path} is of account {theirs}, and rules of {ours} deliver there by a role alone; "
                "give a topic of their own account, and send on from there"
            )
        rule = events.CfnRule
        self.rule: events.CfnRule = rule(
            self,
            "Resource",
            description="CloudTrail Insights saw an unusual rate of calls or of errors [medium]",
            event_pattern=PATTERN,
            state="ENABLED",
            targets=[
                rule.TargetProperty(
                    id="Channel",
                    arn=topic.topic_arn,
                    dead_letter_config=rule.DeadLetterConfigProperty(arn=dead_letters.queue_arn)
                    if dead_letters
                    else None,
                    input_transformer=rule.InputTransformerProperty(
                        input_paths_map=_PATHS, input_template=json.dumps(_MESSAGE)
                    ),
                )
            ],
        )
