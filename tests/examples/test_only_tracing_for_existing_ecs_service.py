"""Only tracing, for a service of ECS whose task definition is somebody else's, beside their groups and rules."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest
from tests.examples.used_account import Assembly, Deployment, answer, example
from tests.synth import Json

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

MADE = example("only_tracing_for_existing_ecs_service")
CLUSTER, SERVICE = MADE["CLUSTER"], MADE["SERVICE"]
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}'
)
EXECUTION_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"


class Theirs:
    """What was there: a cluster with a service that runs the seventh task definition, roles, a group and a rule."""

    def __init__(self, aws: LocalAws) -> None:
        self.ecs, self.iam, self.xray, self.logs = (aws.client(name) for name in ("ecs", "iam", "xray", "logs"))
        self.roles = {name: self._make_role(name) for name in (MADE["TASK_ROLE"], MADE["EXECUTION_ROLE"])}
        self.iam.attach_role_policy(RoleName=MADE["EXECUTION_ROLE"], PolicyArn=EXECUTION_POLICY)
        self.logs.create_log_group(logGroupName=MADE["LOG_GROUP"])
        self.ecs.create_cluster(clusterName=CLUSTER)
        while self._register().rpartition(":")[2] != MADE["TASK_DEFINITION"].rpartition(":")[2]:
            pass
        self.ecs.create_service(
            cluster=CLUSTER, serviceName=SERVICE, taskDefinition=MADE["TASK_DEFINITION"], desiredCount=1
        )
        self.group = self.xray.create_group(GroupName="payments", FilterExpression='service("payments")')["Group"]
        for rule in MADE["RULES_OF_OTHERS"]:
            self.xray.create_sampling_rule(
                SamplingRule={
                    "RuleName": rule.name,
                    "Priority": rule.priority,
                    "FixedRate": rule.rate,
                    "ReservoirSize": rule.reservoir_per_second,
                    "ServiceName": rule.service_name,
                    **dict.fromkeys(("ServiceType", "Host", "HTTPMethod", "URLPath", "ResourceARN"), "*"),
                    "Version": 1,
                }
            )

    def describe(self) -> Json:
        """All of it, as AWS's APIs tell it."""
        return {
            "service": self.runs(),
            "definitions": self._revisions(),
            "definition": answer(self.ecs.describe_task_definition(taskDefinition=MADE["TASK_DEFINITION"])),
            "roles": {name: self._policies(name) for name in self.roles},
            "groups": {each["GroupName"]: each for each in self.xray.get_groups()["Groups"]},
            "rules": {each["SamplingRule"]["RuleName"]: each for each in self._rules()},
            "log group": self.logs.describe_log_groups(logGroupNamePrefix=MADE["LOG_GROUP"])["logGroups"],
        }

    def runs(self) -> str:
        """The task definition that the service runs."""
        [service] = self.ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
        return str(service["taskDefinition"])

    def leave(self) -> None:
        """Take it away, for the other tests of the session."""
        self.ecs.delete_service(cluster=CLUSTER, service=SERVICE, force=True)
        self.ecs.delete_cluster(cluster=CLUSTER)
        for arn in self._revisions():
            self.ecs.deregister_task_definition(taskDefinition=arn)
        self.iam.detach_role_policy(RoleName=MADE["EXECUTION_ROLE"], PolicyArn=EXECUTION_POLICY)
        for name in self.roles:
            self.iam.delete_role(RoleName=name)
        self.xray.delete_group(GroupName="payments")
        for rule in MADE["RULES_OF_OTHERS"]:
            self.xray.delete_sampling_rule(RuleName=rule.name)
        self.logs.delete_log_group(logGroupName=MADE["LOG_GROUP"])

    def _make_role(self, name: str) -> str:
        return str(self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"])

    def _register(self) -> str:
        options = {"awslogs-group": MADE["LOG_GROUP"], "awslogs-region": "us-east-1", "awslogs-stream-prefix": "app"}
        made = self.ecs.register_task_definition(
            family=SERVICE,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            taskRoleArn=self.roles[MADE["TASK_ROLE"]],
            executionRoleArn=self.roles[MADE["EXECUTION_ROLE"]],
            containerDefinitions=[
                {
                    "name": "app",
                    "image": MADE["IMAGE"],
                    "essential": True,
                    "command": ["python", "/app/main.py"],
                    "portMappings": [{"containerPort": 8080}],
                    "logConfiguration": {"logDriver": "awslogs", "options": options},
                }
            ],
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def _revisions(self) -> list[str]:
        found = self.ecs.list_task_definitions(familyPrefix=SERVICE, status="ACTIVE")["taskDefinitionArns"]
        # The embedded AWS takes the family for a beginning.
        return [arn for arn in found if f"/{SERVICE}:" in arn]

    def _policies(self, role: str) -> Json:
        return {
            "role": self.iam.get_role(RoleName=role)["Role"],
            "attached": self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"],
            "inline": self.iam.list_role_policies(RoleName=role)["PolicyNames"],
        }

    def _rules(self) -> list[Json]:
        return list(self.xray.get_sampling_rules()["SamplingRuleRecords"])


@pytest.fixture(scope="module")
def tracing(local_aws: LocalAws, assembly: Assembly, before: Json) -> Iterator[Deployment]:
    with Deployment(local_aws, assembly, "orders") as made:
        yield made


def test_the_groups_and_the_rules_stand_beside_those_of_others(tracing, theirs, before):
    now = theirs.describe()
    ours = {
        "groups": {f"{SERVICE}-faults", f"{SERVICE}-slow"},
        "rules": {SERVICE, f"{SERVICE}-health"},
    }
    for what, names in ours.items():
        assert set(now[what]) == {*before[what], *names}
        assert {name: now[what][name] for name in before[what]} == before[what]


def test_nothing_of_the_service_changes_but_a_policy_of_the_tasks_role(tracing, theirs, before):
    now = theirs.describe()
    for what in ("service", "definitions", "definition", "log group"):
        assert now[what] == before[what], what
    execution, task = (now["roles"][MADE[name]] for name in ("EXECUTION_ROLE", "TASK_ROLE"))
    assert execution == before["roles"][MADE["EXECUTION_ROLE"]]
    (added,) = task["inline"]
    policy = theirs.iam.get_role_policy(RoleName=MADE["TASK_ROLE"], PolicyName=added)["PolicyDocument"]
    assert "xray:PutTraceSegments" in json.dumps(policy)
    assert {**task, "inline": []} == before["roles"][MADE["TASK_ROLE"]]


def test_the_owner_starts_the_traced_task_definition_and_takes_it_back(tracing, theirs, before):
    run(theirs, tracing.outputs["Start"])
    assert theirs.runs() == tracing.outputs["TaskDefinition"]
    made = theirs.ecs.describe_task_definition(taskDefinition=theirs.runs())["taskDefinition"]
    mine, original = (
        {each["name"]: each for each in one["containerDefinitions"]}
        for one in (made, before["definition"]["taskDefinition"])
    )
    assert set(mine) == {"app", "ecs-cwagent", "init"}
    for kept in ("image", "command"):
        assert mine["app"][kept] == original["app"][kept]
    assert mine["app"]["logConfiguration"] == original["app"]["logConfiguration"]
    assert (made["taskRoleArn"], made["executionRoleArn"]) == tuple(theirs.roles.values())
    environment = {each["name"]: each["value"] for each in mine["app"]["environment"]}
    assert environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "http://localhost:4318/v1/traces"
    run(theirs, tracing.outputs["Stop"])
    assert theirs.runs() == before["service"]


def test_what_was_there_is_as_it_was_when_the_stack_is_gone(tracing, theirs, before):
    tracing.delete()
    assert theirs.describe() == before


def run(theirs: Theirs, command: str) -> None:
    """Do what a command of the output says, by the API that it calls."""
    words = shlex.split(command)
    assert words[:3] == ["aws", "ecs", "update-service"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    theirs.ecs.update_service(
        cluster=given.pop("--cluster"), service=given.pop("--service"), taskDefinition=given.pop("--task-definition")
    )
    assert not given
