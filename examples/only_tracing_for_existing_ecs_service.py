"""Trace a service of ECS that somebody else's stack owns: an agent beside it, its traces in groups, its sampling.

    cdk deploy --app "python only_tracing_for_existing_ecs_service.py"

A stack cannot change the task definition of another one, nor the service that runs it. If the owner uses the CDK, one
call of instrument_ecs in their app is the whole change, and the groups and rules below are all that you need. If not,
this is the way: the stack makes a task definition of its own, of the same image, roles and log group, with AWS's agent
and OpenTelemetry beside it. The owner lets the service run it, by the command of the output Start, and takes it back
by that of Stop. Their next deployment takes it back too, until it names this one. Take it back before you delete the
stack: ECS starts no new service from a task definition that is gone.

The task's role gets a policy of this stack with what the agent needs, which goes when the stack goes.
"""

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.findings import acknowledge
from raytrail.instrumentation import AutoInstrumentation, instrument_ecs
from raytrail.tracing import SamplingRule, SamplingRules, TraceGroup, fault, response_time, service

# What is there, as `aws ecs describe-services` and `aws ecs describe-task-definition` tell it.
CLUSTER, SERVICE, TASK_DEFINITION = "prod", "orders", "orders:7"
IMAGE = "public.ecr.aws/docker/library/python:3.13-slim"
TASK_ROLE, EXECUTION_ROLE, LOG_GROUP = "orders-task", "orders-execution", "/prod/orders"
# The sampling rules of others, as `aws xray get-sampling-rules` lists them: ours are held against them.
RULES_OF_OTHERS = [SamplingRule(name="payments", priority=500, rate=0.5, reservoir_per_second=5, service_name="pay*")]


class OrdersTracingStack(Stack):
    """A traced variant of somebody's task definition, and what X-Ray makes of its traces."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        log_group = logs.LogGroup.from_log_group_name(self, "Logs", LOG_GROUP)
        traced = self._make_task_definition(log_group)
        instrument_ecs(
            traced,
            service_name=SERVICE,
            environment="prod",
            auto=AutoInstrumentation(language="python", app_path="/app"),
            log_groups=[log_group],
            agent_log_group=log_group,
        )
        TraceGroup(self, "Faults", name=f"{SERVICE}-faults", filter_expression=service(SERVICE) & fault)
        TraceGroup(self, "Slow", name=f"{SERVICE}-slow", filter_expression=service(SERVICE) & (response_time > 1))
        SamplingRules(
            self,
            "Sampling",
            existing=RULES_OF_OTHERS,
            rules=[
                SamplingRule.of_health_checks(
                    name=f"{SERVICE}-health", url_path="/health*", service_name=f"{SERVICE}*"
                ),
                SamplingRule(name=SERVICE, priority=9000, rate=0.1, reservoir_per_second=1, service_name=f"{SERVICE}*"),
            ],
        )
        update = f"aws ecs update-service --cluster {CLUSTER} --service {SERVICE} --task-definition"
        CfnOutput(self, "TaskDefinition", value=traced.task_definition_arn)
        CfnOutput(self, "Start", value=f"{update} {traced.task_definition_arn}")
        CfnOutput(self, "Stop", value=f"{update} {TASK_DEFINITION}")

    def _make_task_definition(self, log_group: logs.ILogGroup) -> ecs.FargateTaskDefinition:
        """What theirs says, in a family of its own: whoever asks for the newest of theirs does not get this one."""
        task_role = iam.Role.from_role_name(self, "TaskRole", TASK_ROLE)
        # AmazonECSTaskExecutionRolePolicy lets it write to log groups already, so that it needs no policy of ours.
        execution_role = iam.Role.from_role_name(self, "ExecutionRole", EXECUTION_ROLE, mutable=False)
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=f"{SERVICE}-traced",
            # Theirs, and 256 MiB for the agent.
            cpu=512,
            memory_limit_mib=1024,
            task_role=task_role,
            execution_role=execution_role,
        )
        task.add_container(
            "App",
            container_name="app",
            image=ecs.ContainerImage.from_registry(IMAGE),
            command=["python", "/app/main.py"],
            logging=ecs.LogDrivers.aws_logs(stream_prefix="app", log_group=log_group),
            port_mappings=[ecs.PortMapping(container_port=8080)],
        )
        acknowledge(task, {"AwsSolutions-ECS2": "the variables are addresses and names, no keys"})
        return task


if __name__ == "__main__":
    app = App()
    OrdersTracingStack(app, "orders-tracing", env=Environment(region="us-east-1"))
    app.synth()
