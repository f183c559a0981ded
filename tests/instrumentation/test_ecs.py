"""Agents on ECS, held against the task definitions that AWS's pages print (tests/instrumentation/printed)."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml
from aws_cdk import App, Environment, Stack, Validations
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs
from tests.instrumentation.ecs_kit import (
    PRINTED,
    actions,
    as_in_a_template,
    containers,
    fargate,
    image,
    on_ec2,
)
from tests.synth import only, properties

from raytrail.findings import acknowledge
from raytrail.instrumentation import (
    AutoInstrumentation,
    CloudWatchAgentContainer,
    CloudWatchMetrics,
    CollectorConfig,
    CollectorContainer,
    EcsAgentService,
    FireLens,
    Honeycomb,
    Otlp,
    Prometheus,
    SecretField,
    XRay,
    XRayDaemonContainer,
    instrument_ecs,
)

SIGNALS = CloudWatchAgentContainer(application_signals=True)
POLICIES = {name: set(each["actions"]) for name, each in PRINTED["managed_policies"].items()}
# What an application gets beyond AWS's example: the address of the sampler, which is Java's default.
BEYOND = {"java": {"OTEL_TRACES_SAMPLER_ARG": "endpoint=http://localhost:2000"}}


@pytest.mark.parametrize("language", PRINTED["sidecar"]["languages"])
def test_the_recommended_sidecar_is_what_aws_prints_for_each_language(stack, template, language):
    expected = PRINTED["sidecar"]["languages"][language]
    auto = AutoInstrumentation(language=language, app_path="$APP_PATH" if language == "python" else None)
    instrument_ecs(fargate(stack), service_name="$SVC_NAME", agent=SIGNALS, auto=auto)
    found = containers(template())
    app, init, agent = found["app"], found["init"], found["ecs-cwagent"]

    variables = expected["application"].pop("environment", None) or BEYOND
    assert json.loads(agent["Environment"]["CW_CONFIG_CONTENT"]) == PRINTED["sidecar"]["configuration"]
    assert app["Environment"] == {
        **{name: value.replace("$SVC_NAME", "%24SVC_NAME") for name, value in variables.items()},
        **BEYOND.get(language, {}),
    }
    assert app["MountPoints"] == as_in_a_template(expected["application"]["mountPoints"])
    assert {"ContainerName": "init", "Condition": "SUCCESS"} in app["DependsOn"]
    wanted = as_in_a_template(expected["init"])
    # AWS's page names the folder of .NET without the slash, which is right where the image begins at its root.
    wanted["Command"] = [
        part.replace("autoinstrumentation/.", "/autoinstrumentation/.").replace("//", "/") for part in wanted["Command"]
    ]
    assert {key: init[key] for key in wanted} == wanted
    assert agent.items() >= as_in_a_template(PRINTED["sidecar"]["agent"]).items()
    assert only(template(), "AWS::ECS::TaskDefinition")["Volumes"] == [{"Name": expected["volume"]}]


@pytest.mark.parametrize("mode", ["bridge", "awsvpc"])
def test_the_daemon_is_what_aws_prints_for_each_network(stack, template, mode):
    expected = as_in_a_template(PRINTED["xray_daemon"][mode])
    task = on_ec2(stack) if mode == "bridge" else fargate(stack)
    instrument_ecs(task, service_name="shop", agent=XRayDaemonContainer())
    found = containers(template())
    assert found["xray-daemon"].items() >= expected["Daemon"].items()
    assert "HealthCheck" not in found["xray-daemon"]
    tracing_name = {"AWS_XRAY_TRACING_NAME": "shop"}
    assert found["app"]["Environment"] == {**expected["Application"]["Environment"], **tracing_name}
    assert found["app"].get("Links") == expected["Application"].get("Links")


def test_the_legacy_daemon_is_marked_as_such(stack, template):
    instrument_ecs(fargate(stack), service_name="shop", agent=XRayDaemonContainer())
    [said] = [each.data for each in stack.node.find_child("Task").node.metadata if "info" in each.type]
    assert "maintenance since 2026-02-25" in said


def test_the_collector_is_essential_and_the_application_waits_for_its_health(stack, template):
    instrument_ecs(fargate(stack), service_name="shop", agent=CollectorContainer())
    found = containers(template())
    agent, app = found["aws-otel-collector"], found["app"]
    assert agent.items() >= as_in_a_template(PRINTED["collector"]["agent"]).items()
    assert agent["HealthCheck"]["Command"] == ["CMD", "/healthcheck"]
    assert app["DependsOn"] == [{"ContainerName": "aws-otel-collector", "Condition": "HEALTHY"}]
    assert "Secrets" not in agent
    config = json.loads(agent["Environment"]["AOT_CONFIG_CONTENT"])
    assert config["receivers"]["awsxray"]["endpoint"] == "localhost:2000"
    assert config["service"]["pipelines"]["traces"]["exporters"] == ["awsxray"]


def test_an_application_that_can_do_without_its_agent_does_not_wait_for_its_health(stack, template):
    instrument_ecs(fargate(stack), service_name="shop", agent=CollectorContainer(essential=False))
    found = containers(template())
    assert found["app"]["DependsOn"] == [{"ContainerName": "aws-otel-collector", "Condition": "START"}]
    assert found["aws-otel-collector"]["Essential"] is False


EXPORTERS = [
    XRay(),
    CloudWatchMetrics(namespace="Shop"),
    Prometheus.managed(workspace_id="ws-0123", region="eu-west-1"),
    Honeycomb(api_key_secret=SecretField(secret="honeycomb", field="key")),
    Otlp(endpoint="https://otlp.example.com", headers={"x-team": "a$b"}, header_secrets={"x-key": "partner"}),
]


def test_keys_of_exporters_are_secrets_of_ecs_and_never_in_clear(stack, template):
    instrument_ecs(fargate(stack), service_name="shop", agent=CollectorContainer(exporters=EXPORTERS))
    agent = containers(template())["aws-otel-collector"]
    config = json.loads(agent["Environment"]["AOT_CONFIG_CONTENT"])
    secrets = {each["Name"]: each["ValueFrom"] for each in agent["Secrets"]}
    prefix = "arn:aws:secretsmanager:us-east-1:111122223333:secret:"
    assert set(secrets.values()) == {f"{prefix}honeycomb:key::", f"{prefix}partner"}
    named = [
        value.removeprefix("${env:").removesuffix("}")
        for exporter in config["exporters"].values()
        for value in exporter.get("headers", {}).values()
        if value.startswith("${env:")
    ]
    assert sorted(named) == sorted(secrets)
    assert config["exporters"]["otlphttp/2"]["headers"]["x-team"] == "a$$b"
    pipelines = config["service"]["pipelines"]
    assert pipelines["traces"]["exporters"] == ["awsxray", "otlphttp/0", "otlphttp/2"]
    assert pipelines["metrics"]["exporters"] == ["awsemf", "prometheusremotewrite", "otlphttp/1", "otlphttp/2"]


def test_the_collectors_exporters_have_the_fields_that_the_other_check_of_a_collector_knows(stack, template):
    instrument_ecs(fargate(stack), service_name="shop", agent=CollectorContainer(exporters=EXPORTERS))
    text = containers(template())["aws-otel-collector"]["Environment"]["AOT_CONFIG_CONTENT"]
    config = json.loads(text.replace("${env:", "$(").replace('"x-key"', '"x-k"'))
    pipelines = config["service"]["pipelines"]
    for pipeline in pipelines.values():
        pipeline["receivers"] = ["otlp"]
        del pipeline["processors"]
    del config["extensions"]["health_check"], config["receivers"]["awsxray"], config["processors"]
    for each in config["exporters"].values():
        each.get("headers", {}).pop("x-honeycomb-team", None)
    config["service"]["extensions"].remove("health_check")
    assert CollectorConfig(value=config).value["exporters"].keys() == config["exporters"].keys()


def test_the_task_may_do_what_aws_documents_and_no_more(stack, template):
    instrument_ecs(fargate(stack), service_name="shop", agent=CollectorContainer(exporters=EXPORTERS))
    task = actions(template(), "TaskTaskRole")
    assert task.pop("*") == POLICIES["AWSXRayDaemonWriteAccess"]
    assert task.pop("arn:aws:aps:eu-west-1:111122223333:workspace/ws-0123") == {"aps:RemoteWrite"}
    [(log_group, named)] = task.items()
    assert log_group.startswith("<TaskInstrumentationMetrics")
    assert named < set(PRINTED["collector"]["task_role"]["actions"])
    execution = actions(template(), "TaskExecutionRole")
    [secrets] = [key for key, value in execution.items() if value == {"secretsmanager:GetSecretValue"}]
    prefix = "arn:aws:secretsmanager:us-east-1:111122223333:secret:"
    assert json.loads(secrets) == [f"{prefix}honeycomb-??????", f"{prefix}partner-??????"]
    [rest] = [value for key, value in execution.items() if key != secrets]
    assert rest < POLICIES["AmazonECSTaskExecutionRolePolicy"]


def test_a_secret_with_a_key_of_its_own_lets_the_execution_role_decrypt(stack, template):
    from aws_cdk import aws_kms as kms

    secret = secretsmanager.Secret(stack, "Secret", encryption_key=kms.Key(stack, "Key"))
    agent = CollectorContainer(exporters=[XRay(), Honeycomb(api_key_secret=secret, signals=["traces"])])
    instrument_ecs(fargate(stack), service_name="shop", agent=agent)
    execution = actions(template(), "TaskExecutionRole")
    assert [key[:4] for key, value in execution.items() if value == {"kms:Decrypt"}] == ["<Key"]
    assert [key[:7] for key, value in execution.items() if value == {"secretsmanager:GetSecretValue"}] == ["<Secret"]


@pytest.mark.parametrize("agent", [CloudWatchAgentContainer(), SIGNALS], ids=["traces", "application signals"])
def test_the_cloudwatch_agent_may_do_less_than_its_managed_policy(stack, template, agent):
    instrument_ecs(fargate(stack), service_name="shop", agent=agent)
    task = actions(template(), "TaskTaskRole")
    assert task["*"] == POLICIES["AWSXRayDaemonWriteAccess"]
    assert set().union(*task.values()) < POLICIES["CloudWatchAgentServerPolicy"]
    assert len(task) == (2 if agent.application_signals else 1)


def test_the_agent_takes_otlp_and_segments_without_application_signals(stack, template):
    instrument_ecs(fargate(stack), service_name="shop", auto=AutoInstrumentation(language="python"))
    found = containers(template())
    traces = json.loads(found["ecs-cwagent"]["Environment"]["CW_CONFIG_CONTENT"])["traces"]["traces_collected"]
    assert traces["otlp"]["http_endpoint"] == "127.0.0.1:4318"
    assert found["app"]["Environment"]["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "http://localhost:4318/v1/traces"
    assert found["app"]["Environment"]["OTEL_AWS_APPLICATION_SIGNALS_ENABLED"] == "false"


def test_an_application_that_instruments_itself_is_told_nothing_that_its_sdk_may_not_know(stack, template):
    instrument_ecs(fargate(stack), service_name="shop", environment="prod")
    variables = containers(template())["app"]["Environment"]
    assert not {"OTEL_TRACES_SAMPLER", "OTEL_PROPAGATORS"} & variables.keys()
    assert variables["OTEL_RESOURCE_ATTRIBUTES"] == "deployment.environment=prod,service.name=shop"


def test_grpc_has_a_port_of_its_own_and_no_path(stack, template):
    instrument_ecs(fargate(stack), service_name="shop", agent=CollectorContainer(), protocol="grpc")
    variables = containers(template())["app"]["Environment"]
    assert variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "http://localhost:4317"
    assert variables["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc"


def test_in_bridge_mode_the_collector_is_linked_and_listens_to_others(stack, template):
    instrument_ecs(on_ec2(stack), service_name="shop", agent=CollectorContainer())
    found = containers(template())
    assert found["app"]["Links"] == ["aws-otel-collector"]
    assert (
        found["app"]["Environment"].items()
        >= {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://aws-otel-collector:4318/v1/traces",
            "AWS_XRAY_DAEMON_ADDRESS": "aws-otel-collector:2000",
        }.items()
    )
    receivers = json.loads(found["aws-otel-collector"]["Environment"]["AOT_CONFIG_CONTENT"])["receivers"]
    assert receivers["otlp"]["protocols"]["http"]["endpoint"] == "0.0.0.0:4318"
    assert {mapping["HostPort"] for mapping in found["aws-otel-collector"]["PortMappings"]} == {0}


def test_what_a_container_has_stays_and_what_holds_many_things_is_joined(stack, template):
    has = {
        "PYTHONPATH": "/app:/lib",
        "OTEL_RESOURCE_ATTRIBUTES": "team=blue",
        "OTEL_TRACES_SAMPLER": "always_on",
        "COLOUR": "red",
    }
    task = fargate(stack, container={"environment": has})
    instrument_ecs(task, service_name="shop", auto=AutoInstrumentation(language="python"))
    variables = containers(template())["app"]["Environment"]
    folder = "/otel-auto-instrumentation-python"
    assert variables["PYTHONPATH"] == (
        f"{folder}/opentelemetry/instrumentation/auto_instrumentation:/app:/lib:{folder}"
    )
    assert variables["OTEL_RESOURCE_ATTRIBUTES"] == "team=blue,service.name=shop"
    assert (variables["OTEL_TRACES_SAMPLER"], variables["COLOUR"]) == ("always_on", "red")


@pytest.mark.parametrize(
    ("has", "argument"),
    [
        ({"OTEL_TRACES_SAMPLER": "traceidratio"}, None),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}, "0.1"),
        ({"OTEL_TRACES_SAMPLER": "xray"}, "endpoint=http://localhost:2000"),
        ({"OTEL_TRACES_SAMPLER": ""}, "endpoint=http://localhost:2000"),
    ],
)
def test_a_sampler_that_is_there_keeps_its_own_argument(stack, template, has, argument):
    task = fargate(stack, container={"environment": has})
    instrument_ecs(task, service_name="shop", auto=AutoInstrumentation(language="python"))
    variables = containers(template())["app"]["Environment"]
    assert variables["OTEL_TRACES_SAMPLER"] == (has["OTEL_TRACES_SAMPLER"] or "xray")
    assert variables.get("OTEL_TRACES_SAMPLER_ARG") == argument


@pytest.mark.parametrize(("sampler", "argument"), [("xray", "endpoint=http://10.0.0.7:2000"), ("always_on", "")])
def test_the_lines_of_a_start_script_set_the_argument_of_our_sampler_alone(stack, sampler, argument):
    auto = AutoInstrumentation(language="python")
    made = instrument_ecs(on_ec2(stack, "AWS_VPC"), service_name="shop", placement="instance", auto=auto)
    script = "\n".join(["set -eu", *made.start_instructions[2:], 'echo "${OTEL_TRACES_SAMPLER_ARG:-}"'])
    environment = {"HOST": "10.0.0.7", "OTEL_TRACES_SAMPLER": sampler}
    run = subprocess.run(["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == argument


def test_only_the_containers_that_are_named_are_instrumented(stack, template):
    task = fargate(stack)
    worker = task.add_container("Worker", container_name="worker", image=image(), essential=False)
    instrument_ecs(task, service_name="shop", containers=[worker])
    found = containers(template())
    assert "OTEL_RESOURCE_ATTRIBUTES" in found["worker"]["Environment"]
    assert found["app"]["Environment"] == {}
    assert "DependsOn" not in found["app"]


def test_asking_for_the_same_twice_adds_nothing_and_returns_the_same(stack, template):
    def ask(task):
        return instrument_ecs(
            task,
            service_name="shop",
            agent=CollectorContainer(exporters=[XRay(), Honeycomb(api_key_secret="honeycomb")]),
            auto=AutoInstrumentation(language="java"),
        )

    task = fargate(stack)
    first = ask(task)
    again = ask(task)
    # Two objects of Python may stand for one construct.
    assert [each.node.path for each in (again.agent, again.init)] == [
        each.node.path for each in (first.agent, first.init)
    ]
    assert list(containers(template())) == ["app", "aws-otel-collector", "init"]


def test_firelens_sends_the_output_to_the_log_group_that_the_spans_name(stack, template):
    firelens = FireLens(log_group=logs.LogGroup(stack, "Output"))
    task = fargate(stack, container={"logging": firelens.log_driver})
    made = instrument_ecs(task, service_name="shop", auto=AutoInstrumentation(language="python"), firelens=firelens)
    found = containers(template())
    assert made.log_router is not None
    router, app = found["log_router"], found["app"]
    expected = as_in_a_template(PRINTED["firelens"])
    options = {"enable-ecs-log-metadata": "true"}
    assert router["FirelensConfiguration"] == {**expected["Router"].pop("FirelensConfiguration"), "Options": options}
    assert router.items() >= expected["Router"].items()
    assert app["LogConfiguration"]["LogDriver"] == expected["Application"]["LogConfiguration"]["LogDriver"]
    group = app["LogConfiguration"]["Options"]["log_group_name"]
    assert group.startswith("<Output")
    assert app["Environment"]["OTEL_RESOURCE_ATTRIBUTES"] == f"aws.log.group.names={group},service.name=shop"
    assert app["Environment"]["OTEL_PYTHON_LOG_CORRELATION"] == "true"
    assert actions(template(), "TaskTaskRole")[f"{group[:-1]}.Arn>"] == {"logs:CreateLogStream", "logs:PutLogEvents"}


def ec2_cluster(stack):
    from aws_cdk import aws_ec2 as ec2

    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["us-east-1a"])
    return ecs.Cluster.from_cluster_attributes(
        stack, "Cluster", cluster_name="shop", vpc=vpc, has_ec2_capacity=True, security_groups=[]
    )


def test_an_agent_of_its_own_runs_once_on_each_instance_as_aws_prints_it(stack, template):
    made = EcsAgentService(stack, "Agent", cluster=ec2_cluster(stack), agent=SIGNALS)
    service = only(template(), "AWS::ECS::Service")
    assert (service["SchedulingStrategy"], service["LaunchType"]) == ("DAEMON", "EC2")
    assert service["DeploymentConfiguration"].items() >= {"MinimumHealthyPercent": 0, "MaximumPercent": 100}.items()
    expected = as_in_a_template(PRINTED["daemon_service"])
    task = only(template(), "AWS::ECS::TaskDefinition")
    assert task.items() >= expected["Task"].items()
    container = containers(template(), "Agent")["ecs-cwagent"]
    # TCP is what ECS takes where the page says nothing.
    ports = [{**each, "Protocol": "tcp"} for each in expected["Agent"].pop("PortMappings")]
    assert container["PortMappings"] == ports
    assert container.items() >= expected["Agent"].items()
    assert made.container.container_name == "ecs-cwagent"


@pytest.mark.parametrize("agent", [CloudWatchAgentContainer(), CollectorContainer(), XRayDaemonContainer()])
def test_each_agent_of_its_own_takes_its_ports_on_the_instance(stack, template, agent):
    EcsAgentService(stack, "Agent", cluster=ec2_cluster(stack), agent=agent)
    mapped = containers(template(), "Agent")[agent.container_name]["PortMappings"]
    assert {(each["HostPort"], each["Protocol"]) for each in mapped} == {tuple(port) for port in agent.ports}
    assert "127.0.0.1" not in json.dumps(mapped)


def test_a_task_in_host_mode_finds_the_agent_of_its_instance(stack, template):
    made = instrument_ecs(on_ec2(stack, "HOST"), service_name="shop", placement="instance")
    app = containers(template())["app"]
    assert app["Environment"]["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "http://localhost:4318/v1/traces"
    assert (made.agent, made.start_instructions) == (None, ())
    assert list(containers(template())) == ["app"]


@pytest.mark.parametrize("mode", ["BRIDGE", "AWS_VPC"])
def test_where_only_the_instance_knows_its_address_lines_ask_it(stack, template, mode):
    task = on_ec2(stack, mode)
    made = instrument_ecs(task, service_name="shop", placement="instance", agent=XRayDaemonContainer())
    assert "AWS_XRAY_DAEMON_ADDRESS" not in containers(template())["app"]["Environment"]
    assert made.start_instructions[-1] == 'export AWS_XRAY_DAEMON_ADDRESS="$HOST:2000"'
    assert "meta-data/local-ipv4" in made.start_instructions[1]
    again = instrument_ecs(task, service_name="shop", placement="instance", agent=XRayDaemonContainer())
    assert again == made


def test_an_address_that_is_known_is_used(stack, template):
    instrument_ecs(on_ec2(stack), service_name="shop", placement="instance", instance_address="agent.internal")
    variables = containers(template())["app"]["Environment"]
    assert variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "http://agent.internal:4318/v1/traces"


def test_cdk_nag_and_cfn_lint_have_nothing_to_say_of_any_agent(context, tmp_path, root):
    flags = {key: value for key, value in context.items() if key != "raytrail"}
    app = App(context=flags, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack = Stack(app, "Test", env=Environment(account="111122223333", region="us-east-1"))
    agents = {"A": CloudWatchAgentContainer(), "B": SIGNALS, "C": CollectorContainer(exporters=EXPORTERS)}
    for id, agent in {**agents, "D": XRayDaemonContainer()}.items():
        task = fargate(stack, id, container={"logging": ecs.LogDrivers.aws_logs(stream_prefix="app")})
        instrument_ecs(task, service_name="shop", agent=agent)
        acknowledge(task, {"AwsSolutions-ECS2": "addresses and names"})
    for id, agent in {**agents, "D": XRayDaemonContainer()}.items():
        if id != "C":
            cluster = stack.node.try_find_child("Cluster") or ec2_cluster(stack)
            EcsAgentService(stack, f"Own{id}", cluster=cluster, agent=agent)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    ignored = yaml.safe_load((root / ".cfnlintrc").read_text())
    findings = lint_file(tmp_path / "Test.template.json", config=ManualArgs(**ignored))
    assert [f"{finding.rule.id} {finding.message}" for finding in findings] == []


def test_every_container_that_is_added_logs_and_has_a_limit_of_memory(stack, template):
    firelens = FireLens(log_group=logs.LogGroup(stack, "Output"))
    task = fargate(stack, container={"logging": firelens.log_driver})
    instrument_ecs(task, service_name="shop", auto=AutoInstrumentation(language="nodejs"), firelens=firelens)
    added = {name: each for name, each in containers(template()).items() if name != "app"}
    assert set(added) == {"ecs-cwagent", "init", "log_router"}
    assert all(each["Memory"] and each["LogConfiguration"]["LogDriver"] == "awslogs" for each in added.values())
    retentions = [each["RetentionInDays"] for each in properties(template(), "AWS::Logs::LogGroup")]
    assert 30 in retentions
