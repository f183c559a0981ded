"""EventBridge rules over API calls, and their alerts."""

from __future__ import annotations

from aws_cdk import CfnOutput
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.detection import DETECTIONS, GLOBAL_REGION, ApiCallAlerts, Detection, GlobalEventForwarder
from raytrail.errors import InvalidSettings
from raytrail.settings import Settings
from stacks._kit import KitStack, log_retention


class DetectionStack(KitStack):
    """Somebody is told about suspicious API calls.

    Attributes:
        channel: Who is told.
        alerts: The rules.
    """

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        super().__init__(scope, "detection", settings=settings, description="Alerts on suspicious API calls")
        self.channel = AlertChannel(
            self, "Channel", display_name=f"{settings.name} alerts", emails=settings.detection.emails
        )
        self.alerts = ApiCallAlerts(
            self,
            "Alerts",
            channel=self.channel,
            detections=DETECTIONS,
            log_group_name=f"/aws/events/{settings.name}-alerts",
            log_retention=log_retention(settings.detection.log_retention_days),
        )
        for call in settings.detection.api_calls:
            if Detection.of_api_call(call).id in self.alerts.rules:
                raise InvalidSettings(f"detection.api_calls: {call!r} is told already, by a rule of the kit; remove it")
            self.alerts.on_api_call(call)
        CfnOutput(self, "AlertTopicArn", value=self.channel.topic.topic_arn)
        CfnOutput(self, "AlertInboxUrl", value=self.channel.inbox.queue_url)
        CfnOutput(self, "AlertLogGroup", value=self.alerts.log_group.log_group_name)
        CfnOutput(self, "UndeliveredUrl", value=self.alerts.undelivered.queue_url)


class GlobalEventsStack(KitStack):
    """In us-east-1: brings events of global services to a home Region elsewhere."""

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        super().__init__(
            scope,
            "global-events",
            settings=settings,
            description=f"Brings events of global services to {settings.region}",
            region=GLOBAL_REGION,
        )
        GlobalEventForwarder(self, "Forwarder", home_region=settings.region)
