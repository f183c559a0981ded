"""A dashboard and alarms for a REST API that you have: API Gateway, a Lambda function, a DynamoDB table.

    cdk deploy --app "python dashboards_for_my_api.py"

The API may belong to another app: names are all that its metrics need.
"""

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.dashboards import OperationsDashboard, ServiceAlarms, ServiceMetrics

CHECKOUT = ServiceMetrics(api_name="checkout", function_name="checkout-handler", table_name="checkout-carts")


class CheckoutDashboardStack(Stack):
    """How the checkout is doing, and a message when it does badly."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        channel = AlertChannel(self, "Channel", display_name="Checkout", emails=["oncall@example.com"])
        alarms = ServiceAlarms(self, "Alarms", metrics=CHECKOUT, channel=channel, slow_percentile_ms=800)
        OperationsDashboard(
            self,
            "Dashboard",
            name="checkout",
            metrics=CHECKOUT,
            log_group=logs.LogGroup.from_log_group_name(self, "Logs", f"/aws/lambda/{CHECKOUT.function_name}"),
            alarms=[alarms.unhealthy, alarms.faults, alarms.slow],
        )


if __name__ == "__main__":
    app = App()
    CheckoutDashboardStack(app, "checkout-dashboard", env=Environment(region="us-east-1"))
    app.synth()
