"""Events of global services, brought from us-east-1 to the home Region."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from raytrail.detection._catalog import GLOBAL_SOURCES
from raytrail.detection._model import API_CALL, SIGN_IN
from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge

GLOBAL_REGION = "us-east-1"


class GlobalEventForwarder(Construct):
    """Sends the events of global services, and sign-ins, from us-east-1 to the default bus of the home Region.

    Belongs in a stack in us-east-1. It forwards what changes something: calls that only read stay in us-east-1, so a
    detection of such a call belongs in a stack there. EventBridge carries an event over one such hop and no further
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html).

    Args:
        home_region: The Region whose rules shall see the events.

    Attributes:
        rule: The rule's L1.
        role: The role by which EventBridge puts events on the home bus.
        undelivered: The dead-letter queue: what could not be forwarded, and why.

    Raises:
        InvalidProps: The home Region is us-east-1, which needs no forwarding.
    """

    def __init__(self, scope: Construct, id: str, *, home_region: str) -> None:
        super().__init__(scope, id)
        if home_region == GLOBAL_REGION:
            raise InvalidProps(f"home_region {home_region!r} has the events of global services already")
        stack = Stack.of(self)
        bus = stack.format_arn(service="events", region=home_region, resource="event-bus", resource_name="default")
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("events.amazonaws.com"))
        self.role.add_to_policy(iam.PolicyStatement(actions=["events:PutEvents"], resources=[bus]))
        self.undelivered = self._make_dead_letter_queue()
        self.rule = events.CfnRule(
            self,
            "Rule",
            description=f"Brings events of global services, and sign-ins, to {home_region}",
            event_pattern={
                "source": [{"prefix": "aws."}],
                "$or": [
                    {"detail-type": [API_CALL], "detail": {"eventSource": list(GLOBAL_SOURCES)}},
                    {"detail-type": list(SIGN_IN)},
                ],
            },
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="HomeBus",
                    arn=bus,
                    role_arn=self.role.role_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self.undelivered.queue_arn),
                )
            ],
        )
        self.rule.node.add_dependency(self.role)

    def _make_dead_letter_queue(self) -> sqs.Queue:
        # Encrypted with a key of SQS's own, which asks for no policy: what is in it is in the trail too.
        queue = sqs.Queue(
            self,
            "Undelivered",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        rules = Stack.of(self).format_arn(service="events", resource="rule", resource_name="*")
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowRules",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={"ArnLike": {"aws:SourceArn": rules}},
            )
        )
        acknowledge(queue, {"AwsSolutions-SQS3": "this is the dead-letter queue"})
        return queue
