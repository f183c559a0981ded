"""What a team needs of X-Ray beside its functions: groups with an alarm, sampling with its price, a key, and readers.

    cdk deploy --app "python traces_for_a_team.py"

Before the deployment it prints what the sampling rules record of the traffic below, and what that costs.
"""

import sys

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.findings import acknowledge
from raytrail.tracing import (
    Load,
    SamplingRule,
    SamplingRules,
    TraceEncryption,
    TraceGroup,
    grant_read,
    grant_write,
    http,
    response_time,
    service,
    simulate_sampling,
)

SERVICE = "checkout"
RULES = [
    SamplingRule.for_debugging(name="debug", url_path="/debug*", service_name=f"{SERVICE}*"),
    SamplingRule.of_health_checks(name="health-checks", url_path="/health*", service_name=f"{SERVICE}*"),
    SamplingRule(name="payments", priority=1000, rate=0.5, reservoir_per_second=5, url_path="/payments*"),
    SamplingRule(name="the-rest", priority=9000, rate=0.02, reservoir_per_second=1, service_name=f"{SERVICE}*"),
]
TRAFFIC = [
    Load(per_second=3, service_name=f"{SERVICE}/v1", http_method="POST", url_path="/payments"),
    Load(per_second=80, service_name=f"{SERVICE}/v1", url_path="/carts"),
    Load(per_second=2, service_name=f"{SERVICE}/v1", url_path="/health"),
    Load(per_second=1, service_name="nightly-report", service_type="AWS::Lambda::Function"),
]


class TeamTracesStack(Stack):
    """The traces of one team's service: who is told of them, how many there are, and who may read them."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        channel = AlertChannel(self, "Channel", display_name="checkout traces")

        failed = TraceGroup(
            self,
            "Failed",
            name=f"{SERVICE}-failed",
            filter_expression=service(SERVICE).fault & http.url.contains("/payments"),
            insights=True,
            notifications=True,
        )
        failed.add_alarm(topic=channel.topic)
        failed.on_insight("Insights", target=targets.SnsTopic(channel.topic), states=["ACTIVE"])
        TraceGroup(self, "Slow", name=f"{SERVICE}-slow", filter_expression=service(SERVICE) & (response_time > 2))

        SamplingRules(self, "Sampling", rules=RULES)
        encryption = TraceEncryption(self, "Encryption")

        developers = iam.Role(self, "Developers", assumed_by=iam.AccountRootPrincipal())
        grant_read(developers)
        encryption.grant_decrypt(developers)
        agents = iam.Role(self, "Agents", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        grant_write(agents)
        for role in (developers, agents):
            acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": "X-Ray's actions on traces know no resource but *"})


if __name__ == "__main__":
    print(simulate_sampling(RULES, TRAFFIC), file=sys.stderr)
    app = App()
    TeamTracesStack(app, "team-traces", env=Environment(region="us-east-1"))
    app.synth()
