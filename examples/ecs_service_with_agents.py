"""Put AWS's CloudWatch agent and OpenTelemetry beside a service on Fargate, and its log where its traces lead.

    aws secretsmanager create-secret --name honeycomb --secret-string "$HONEYCOMB_API_KEY"
    cdk deploy --app "python ecs_service_with_agents.py"

The shop has the agent that AWS recommends, an init container that instruments it without a change of its image, and
FireLens for its output. Its search sends to Honeycomb too, so it has AWS's OpenTelemetry collector. Its old cart, which
uses an X-Ray SDK, runs on EC2 with the legacy daemon.
"""

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.findings import acknowledge
from raytrail.instrumentation import (
    AutoInstrumentation,
    CloudWatchAgentContainer,
    CloudWatchMetrics,
    CollectorContainer,
    FireLens,
    Honeycomb,
    XRay,
    XRayDaemonContainer,
    instrument_ecs,
)

# Your network, whose private subnets reach AWS's services and Honeycomb.
VPC, PRIVATE_SUBNETS = "vpc-0123456789abcdef0", ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
# The name of the secret.
HONEYCOMB = "honeycomb"


class ShopStack(Stack):
    """Three services of your own, each with the agent that fits it."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=VPC,
            availability_zones=["us-east-1a", "us-east-1b"],
            private_subnet_ids=PRIVATE_SUBNETS,
        )
        cluster = ecs.Cluster(self, "Cluster", vpc=vpc, container_insights_v2=ecs.ContainerInsights.ENABLED)

        shop_logs = logs.LogGroup(self, "ShopLogs", retention=logs.RetentionDays.ONE_MONTH)
        firelens = FireLens(log_group=shop_logs)
        shop = self._make_your_task("Shop", logging=firelens.log_driver)
        instrument_ecs(
            shop,
            service_name="shop",
            environment="prod",
            agent=CloudWatchAgentContainer(application_signals=True),
            auto=AutoInstrumentation(language="python", app_path="/app"),
            firelens=firelens,
        )

        search = self._make_your_task(
            "Search",
            logging=ecs.LogDrivers.aws_logs(stream_prefix="search", log_retention=logs.RetentionDays.ONE_MONTH),
        )
        instrument_ecs(
            search,
            service_name="search",
            environment="prod",
            agent=CollectorContainer(
                exporters=[XRay(), CloudWatchMetrics(namespace="Shop"), Honeycomb(api_key_secret=HONEYCOMB)]
            ),
        )
        for task in (shop, search):
            ecs.FargateService(
                self,
                f"{task.node.id}Service",
                cluster=cluster,
                task_definition=task,
                min_healthy_percent=100,
                circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            )

        cart = ecs.Ec2TaskDefinition(self, "Cart", network_mode=ecs.NetworkMode.BRIDGE)
        cart.add_container(
            "App",
            image=ecs.ContainerImage.from_registry("public.ecr.aws/docker/library/python:3.13-slim"),
            memory_limit_mib=256,
            logging=ecs.LogDrivers.aws_logs(stream_prefix="cart", log_retention=logs.RetentionDays.ONE_MONTH),
        )
        instrument_ecs(cart, service_name="cart", agent=XRayDaemonContainer())

        for made in (shop, search, cart):
            acknowledge(made, {"AwsSolutions-ECS2": "the variables are addresses and names; keys are ECS secrets"})

    def _make_your_task(self, id: str, *, logging: ecs.LogDriver) -> ecs.FargateTaskDefinition:
        task = ecs.FargateTaskDefinition(self, id, cpu=512, memory_limit_mib=1024)
        task.add_container(
            "App",
            image=ecs.ContainerImage.from_registry("public.ecr.aws/docker/library/python:3.13-slim"),
            command=["python", "/app/main.py"],
            logging=logging,
            port_mappings=[ecs.PortMapping(container_port=8080)],
        )
        return task


if __name__ == "__main__":
    app = App()
    ShopStack(app, "shop", env=Environment(region="us-east-1"))
    app.synth()
