"""Be told, by mail, when somebody calls certain APIs; nothing else of the kit.

    cdk deploy --app "python only_alerts.py"

The rules see what a trail of the account logs: in an account without one, no call reaches them. The two detections
below are of IAM and CloudTrail; events of global services, as IAM, appear in us-east-1 alone.
"""

from aws_cdk import App, Environment, Stack
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.detection import ApiCallAlerts
from raytrail.sigma import catalog_rule


class AlertsStack(Stack):
    """A topic with somebody who listens, and the rules that publish to it."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        channel = AlertChannel(self, "Channel", display_name="API calls", emails=["oncall@example.com"])
        wanted = [catalog_rule("trail_tampering"), catalog_rule("admin_policy_attached")]
        alerts = ApiCallAlerts(self, "Alerts", channel=channel, rules=wanted)
        alerts.on_api_call("dynamodb:DeleteTable", title="A table was deleted", techniques=("T1485",))


if __name__ == "__main__":
    app = App()
    AlertsStack(app, "api-call-alerts", env=Environment(region="us-east-1"))
    app.synth()
