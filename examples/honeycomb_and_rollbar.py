"""Send a function's traces to X-Ray and Honeycomb, its metrics to CloudWatch and Honeycomb, and its errors to Rollbar.

    aws secretsmanager create-secret --name honeycomb --secret-string "$HONEYCOMB_API_KEY"
    aws secretsmanager create-secret --name rollbar --secret-string "$ROLLBAR_ACCESS_TOKEN"
    cdk deploy --app "python honeycomb_and_rollbar.py"

The keys are in Secrets Manager alone: the function reads them when it first needs them, and may read nothing else.
The function's code knows of none of this; what it needs is the package rollbar, here in a layer of your own.
"""

from aws_cdk import App, Duration, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.findings import acknowledge
from raytrail.instrumentation import CloudWatchMetrics, Honeycomb, Rollbar, XRay, instrument_lambda

# The names of the secrets.
HONEYCOMB, ROLLBAR = "honeycomb", "rollbar"
# pip install rollbar --target python, zipped, and published as a layer.
ROLLBAR_LAYER = "arn:aws:lambda:us-east-1:111122223333:layer:rollbar:1"
CODE = """
import sqlite3

from opentelemetry import metrics

orders = metrics.get_meter("shop").create_counter("orders.placed")
prices = sqlite3.connect(":memory:")
prices.execute("create table price (item text primary key, cents integer)")
prices.execute("insert into price values ('tea', 350)")


def handler(event, context):
    row = prices.cursor().execute("select cents from price where item = ?", (event["item"],)).fetchone()
    if row is None:
        raise LookupError(f"no price for {event['item']}")
    orders.add(1, {"item": event["item"]})
    return {"cents": row[0]}
"""


class ShopStack(Stack):
    """A function of your own, seen by the partners that you use."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        instrument_lambda(
            self._make_your_function(),
            service_name="shop",
            environment="prod",
            exporters=[XRay(), CloudWatchMetrics(namespace="Shop"), Honeycomb(api_key_secret=HONEYCOMB)],
            errors=Rollbar(access_token_secret=ROLLBAR, environment="prod"),
            instrumentations=["sqlite3"],
        )

    def _make_your_function(self) -> lambda_.Function:
        log_group = logs.LogGroup(self, "Logs", retention=logs.RetentionDays.ONE_MONTH)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE),
            layers=[lambda_.LayerVersion.from_layer_version_arn(self, "Rollbar", ROLLBAR_LAYER)],
            timeout=Duration.seconds(15),
            memory_size=512,
            log_group=log_group,
            role=role,
        )
        acknowledge(function, {"AwsSolutions-L1": "Python 3.13 is the newest that AWS documents for the ADOT layer"})
        return function


if __name__ == "__main__":
    app = App()
    ShopStack(app, "shop", env=Environment(region="us-east-1"))
    app.synth()
