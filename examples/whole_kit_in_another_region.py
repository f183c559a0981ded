"""The whole kit in a Region other than us-east-1, made of the constructs alone.

    cdk bootstrap aws://111122223333/eu-central-1 aws://111122223333/us-east-1
    cdk deploy --all --app "python whole_kit_in_another_region.py"

Everything is in the home Region. Events of global services (IAM, Organizations, Route 53, CloudFront) and of sign-ins
appear in us-east-1, so a second, small stack there forwards them, and the rules at home hear them too.
"""

from datetime import date

from aws_cdk import App, CfnOutput, Environment, Stack
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.audit import AuditLake, AuditMetrics, AuditTrail, InsightAlert, Insights, ManagementEvents
from raytrail.dashboards import AuditAlarms, SecurityDashboard
from raytrail.detection import GLOBAL_REGION, ApiCallAlerts, GlobalEventForwarder, ScheduledDetections, vantage_of
from raytrail.logs import LogQuery, SavedLogQueries
from raytrail.tracing import SamplingRule, SamplingRules, TraceGroup, error, fault, response_time

ACCOUNT, HOME = "111122223333", "eu-central-1"
NAME = "acme"
# The Regions whose calls the lake shows: each that is in use.
REGIONS = [HOME, GLOBAL_REGION, "eu-west-1"]
EVENTS, INSIGHTS = [ManagementEvents()], Insights()


class HomeStack(Stack):
    """Traces, the trail and the lake, the detections, and how all of it is shown.

    Attributes:
        alerts: The rules, whose calls the other stack forwards.
    """

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        for what, expression in {"faults": fault, "errors": error, "slow": response_time > 1}.items():
            TraceGroup(self, what.title(), name=f"{NAME}-{what}", filter_expression=expression)
        SamplingRules(
            self,
            "Sampling",
            rules=[
                SamplingRule.of_health_checks(name=f"{NAME}-health", url_path="*/health*"),
                SamplingRule(name=f"{NAME}-default", priority=9000, rate=0.05, reservoir_per_second=1),
            ],
        )

        trail = AuditTrail(self, "Trail", name=NAME, events=EVENTS, insights=INSIGHTS)
        lake = AuditLake(self, "Lake", name=NAME, trail=trail, regions=REGIONS, start_date=date(2026, 1, 1))
        metrics = AuditMetrics(self, "Metrics", log_group=trail.log_group, namespace=f"{NAME}/Audit")
        refused = LogQuery(
            name="Refused calls", text='filter errorCode like "AccessDenied" | stats count(*) by eventName'
        )
        SavedLogQueries(self, "Queries", folder=NAME, log_groups=[trail.log_group], queries=[refused])

        channel = AlertChannel(self, "Channel", display_name=f"{NAME} alerts", emails=["oncall@example.com"])
        seen = vantage_of(EVENTS, insights=INSIGHTS, region=HOME, forwarded="write")
        self.alerts = ApiCallAlerts(self, "Alerts", channel=channel, vantage=seen, log_group_name=f"/aws/events/{NAME}")
        InsightAlert(self, "InsightAlert", topic=channel.topic, dead_letters=self.alerts.undelivered)
        ScheduledDetections(
            self,
            "Scheduled",
            lake=lake,
            pager=self.alerts.pager,
            channel=channel,
            regions=REGIONS,
            # EventBridge tells of the home Region at once; the lake has the others.
            told=list(self.alerts.detections.values()),
        )

        AuditAlarms(self, "AuditAlarms", metrics=metrics, channel=channel)
        SecurityDashboard(
            self,
            "Security",
            name=f"{NAME}-security",
            pager_log=self.alerts.pager.log_group,
            alert_log=self.alerts.log_group,
            audit=metrics,
        )
        CfnOutput(self, "AlertInboxUrl", value=channel.inbox.queue_url)


class GlobalEventsStack(Stack):
    """In us-east-1: brings home what global services do."""

    def __init__(self, scope: Construct, id: str, *, env: Environment, alerts: ApiCallAlerts) -> None:
        super().__init__(scope, id, env=env)
        calls = [call for rule in alerts.detections.values() for call in rule.calls]
        GlobalEventForwarder(self, "Forwarder", home_region=HOME, calls=calls)


def compose(app: App) -> None:
    """Both stacks."""
    home = HomeStack(app, NAME, env=Environment(account=ACCOUNT, region=HOME))
    there = Environment(account=ACCOUNT, region=GLOBAL_REGION)
    GlobalEventsStack(app, f"{NAME}-global-events", env=there, alerts=home.alerts)


if __name__ == "__main__":
    app = App()
    compose(app)
    app.synth()
