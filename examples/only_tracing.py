"""Trace a Lambda function that you have with OpenTelemetry, and say which of its requests X-Ray records.

    cdk deploy --app "python only_tracing.py"

The function's code stays as it is: the layer's start script instruments it, boto3 included.
"""

from aws_cdk import App, Duration, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.findings import acknowledge
from raytrail.instrumentation import instrument_lambda
from raytrail.tracing import SamplingRule, SamplingRules, TraceGroup

SERVICE = "regions"
CODE = """
import boto3

ec2 = boto3.client("ec2")


def handler(event, context):
    return [region["RegionName"] for region in ec2.describe_regions()["Regions"]]
"""


class TracingStack(Stack):
    """A function of your own, its traces in a group, and the rules that sample them."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        instrument_lambda(self._make_your_function(), service_name=SERVICE)
        TraceGroup(self, "Service", name=SERVICE, filter_expression=f'service("{SERVICE}")')
        TraceGroup(self, "Slow", name=f"{SERVICE}-slow", filter_expression="responsetime > 1")
        SamplingRules(
            self,
            "Sampling",
            rules=[
                SamplingRule.for_debugging(name="debug", url_path="/debug*"),
                SamplingRule.of_health_checks(name="health-checks", url_path="/health*"),
                SamplingRule(name="one-in-ten", priority=9000, rate=0.1, reservoir_per_second=1),
            ],
        )

    def _make_your_function(self) -> lambda_.Function:
        log_group = logs.LogGroup(self, "Logs", retention=logs.RetentionDays.ONE_MONTH)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        role.add_to_policy(iam.PolicyStatement(actions=["ec2:DescribeRegions"], resources=["*"]))
        log_group.grant_write(role)
        function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE),
            timeout=Duration.seconds(15),
            memory_size=512,
            log_group=log_group,
            role=role,
        )
        acknowledge(function, {"AwsSolutions-L1": "Python 3.13 is the newest that AWS documents for the ADOT layer"})
        return function


if __name__ == "__main__":
    app = App()
    TracingStack(app, "tracing", env=Environment(region="us-east-1"))
    app.synth()
