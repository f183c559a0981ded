"""What cannot work on ECS is refused, with the reason."""

from __future__ import annotations

import pytest
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Annotations, Match
from tests.instrumentation.ecs_kit import containers, fargate, image, on_ec2
from tests.synth import template_of

from raytrail.errors import InvalidProps
from raytrail.instrumentation import (
    AutoInstrumentation,
    CloudWatchAgentContainer,
    CollectorContainer,
    EcsAgentService,
    FireLens,
    Honeycomb,
    XRayDaemonContainer,
    instrument_ecs,
)

SIGNALS = CloudWatchAgentContainer(application_signals=True)


def refuses(words, task, **asked):
    with pytest.raises(InvalidProps, match=words):
        instrument_ecs(task, service_name="shop", **asked)


def test_an_imported_task_definition_cannot_be_added_to(stack):
    arn = "arn:aws:ecs:us-east-1:111122223333:task-definition/shop:1"
    refuses("imported", ecs.TaskDefinition.from_task_definition_arn(stack, "Imported", arn))


@pytest.mark.parametrize("auto", [None, AutoInstrumentation(language="python")])
def test_a_task_of_windows_has_no_agent_of_linux(stack, auto):
    platform = ecs.RuntimePlatform(
        cpu_architecture=ecs.CpuArchitecture.X86_64,
        operating_system_family=ecs.OperatingSystemFamily.WINDOWS_SERVER_2022_CORE,
    )
    refuses("task of Windows", fargate(stack, cpu=1024, runtime_platform=platform), auto=auto)


def test_ecs_anywhere_is_not_documented(stack):
    task = ecs.ExternalTaskDefinition(stack, "Task")
    task.add_container("App", image=image(), memory_limit_mib=64)
    refuses("ECS Anywhere", task, agent=CollectorContainer())


def test_a_task_without_network_reaches_no_agent(stack):
    refuses("no container reaches another", on_ec2(stack, "NONE"))


def test_sidecars_in_host_mode_would_take_the_same_ports(stack):
    refuses("two tasks on one instance would take the same ports", on_ec2(stack, "HOST"))


def test_the_cloudwatch_agent_is_a_sidecar_in_awsvpc_alone(stack):
    refuses("awsvpc alone", on_ec2(stack, "BRIDGE"))


def test_fargate_has_no_instance_to_run_an_agent_on(stack):
    refuses("no instances of yours", fargate(stack), placement="instance")


def test_a_sidecar_takes_no_address(stack):
    refuses("address of its own", fargate(stack), instance_address="10.0.0.1")


def test_the_cdk_refuses_a_link_in_awsvpc_and_none_is_made(stack, template):
    task = fargate(stack)
    instrument_ecs(task, service_name="shop", agent=XRayDaemonContainer())
    agent = task.find_container("xray-daemon")
    with pytest.raises(RuntimeError, match="network mode Bridge"):
        task.default_container.add_link(agent)
    assert "Links" not in str(template())


@pytest.mark.parametrize(
    ("port", "protocol", "agent"),
    [
        (2000, ecs.Protocol.UDP, XRayDaemonContainer()),
        (4318, ecs.Protocol.TCP, CollectorContainer()),
        (13133, ecs.Protocol.TCP, CollectorContainer()),
        (4316, ecs.Protocol.TCP, CloudWatchAgentContainer(application_signals=True)),
    ],
    ids=["daemon", "collector", "collector's health", "cloudwatch agent"],
)
def test_two_containers_may_not_take_one_port_of_one_network(stack, port, protocol, agent):
    mapping = ecs.PortMapping(container_port=port, protocol=protocol)
    refuses(f"both take port {port}/", fargate(stack, container={"port_mappings": [mapping]}), agent=agent)


def test_the_same_number_for_udp_and_tcp_is_two_ports(stack):
    mapping = ecs.PortMapping(container_port=4318, protocol=ecs.Protocol.UDP)
    instrument_ecs(
        fargate(stack, container={"port_mappings": [mapping]}), service_name="shop", agent=CollectorContainer()
    )


def test_in_bridge_mode_each_container_has_ports_of_its_own(stack):
    mapping = ecs.PortMapping(container_port=4318)
    instrument_ecs(on_ec2(stack, port_mappings=[mapping]), service_name="shop", agent=CollectorContainer())


def test_two_essential_containers_of_one_port_are_refused_beside_any_agent(stack):
    mapping = ecs.PortMapping(container_port=8080)
    task = fargate(stack, container={"port_mappings": [mapping]})
    task.add_container("Other", container_name="other", image=image(), port_mappings=[mapping])
    refuses("'app' and 'other' .* both take port 8080/tcp", task, agent=XRayDaemonContainer())


DAEMON = "public.ecr.aws/xray/aws-xray-daemon:3.5.0"
UDP = ecs.PortMapping(container_port=2000, protocol=ecs.Protocol.UDP)


def add_daemon(task, mappings, source=DAEMON, **changes):
    image = ecs.ContainerImage.from_registry(source)
    asked = {"memory_limit_mib": 256, "port_mappings": mappings, **changes}
    task.add_container("Daemon", container_name="daemon", image=image, **asked)


@pytest.mark.parametrize("mappings", [[UDP], []], ids=["mapped", "not mapped"])
def test_x_rays_daemon_takes_the_port_by_tcp_too(stack, mappings):
    task = fargate(stack)
    add_daemon(task, mappings)
    refuses("'ecs-cwagent' and 'daemon' .* both take port 2000/tcp", task, agent=SIGNALS)


@pytest.mark.parametrize("source", ["amazon/aws-xray-daemon", "xray-daemon@sha256:1a", "me:5000/xray-daemon:3"])
def test_x_rays_daemon_is_known_by_the_end_of_its_images_name(stack, source):
    task = fargate(stack)
    add_daemon(task, [], source)
    refuses("both take port 2000/udp", task)


@pytest.mark.parametrize(
    "source",
    [
        "public.ecr.aws/docker/library/python:3.13-slim",
        "acme/xray-daemon-dashboard:1",
        "xray-daemon/dashboard",
        "acme/no-xray-daemon",
    ],
)
def test_another_container_takes_the_ports_that_it_maps_alone(stack, source):
    task = fargate(stack)
    add_daemon(task, [UDP], source)
    instrument_ecs(task, service_name="shop", agent=SIGNALS)


@pytest.mark.parametrize("how", ["command", "entry_point"])
def test_a_daemon_whose_command_may_say_another_port_takes_those_that_it_maps_alone(stack, how):
    task = fargate(stack)
    add_daemon(task, [], **{how: ["xray", "-b", "127.0.0.1:3000", "-t", "127.0.0.1:3000"]})
    instrument_ecs(task, service_name="shop")


def test_in_bridge_mode_the_daemon_has_a_network_of_its_own(stack):
    task = on_ec2(stack)
    add_daemon(task, [UDP])
    instrument_ecs(task, service_name="shop", agent=CollectorContainer())


def test_a_container_that_comes_later_is_looked_at_when_the_app_is_synthesised(stack):
    task = fargate(stack)
    instrument_ecs(task, service_name="shop", agent=CollectorContainer())
    mapping = ecs.PortMapping(container_port=4317)
    task.add_container("Other", container_name="other", image=image(), port_mappings=[mapping])
    with pytest.raises(RuntimeError, match="both take port 4317/tcp"):
        template_of(stack)


def test_another_agent_for_the_same_task_is_refused(stack):
    task = fargate(stack)
    instrument_ecs(task, service_name="shop")
    refuses("instrumented already", task, agent=CollectorContainer())


def test_a_task_without_containers_has_nothing_to_instrument(stack):
    refuses("no container to instrument", ecs.FargateTaskDefinition(stack, "Empty"))


def test_a_container_of_another_task_is_not_instrumented_here(stack):
    other = fargate(stack, "Other")
    refuses("is none of", fargate(stack), containers=[other.default_container])


def test_the_name_of_an_agents_container_may_not_be_taken(stack):
    refuses("'ecs-cwagent' already", fargate(stack, container={"container_name": "ecs-cwagent"}))


def test_the_daemon_takes_no_opentelemetry(stack):
    auto = AutoInstrumentation(language="python")
    refuses("brings OpenTelemetry", fargate(stack), agent=XRayDaemonContainer(), auto=auto)


@pytest.mark.parametrize("agent", [XRayDaemonContainer(), CloudWatchAgentContainer(application_signals=True)])
def test_grpc_needs_the_port_for_it(stack, agent):
    refuses("port 4317", fargate(stack), agent=agent, protocol="grpc")


def test_dotnet_has_a_profiler_for_x86_alone(stack):
    platform = ecs.RuntimePlatform(cpu_architecture=ecs.CpuArchitecture.ARM64)
    refuses("linux-x64 alone", fargate(stack, runtime_platform=platform), auto=AutoInstrumentation(language="dotnet"))


def test_an_agent_may_not_use_all_the_memory_of_its_task(stack):
    refuses("raise the task's memory", fargate(stack, cpu=256, memory_limit_mib=512), agent=CollectorContainer())


def test_the_containers_may_not_reserve_more_than_the_task_has(stack):
    firelens = FireLens(log_group=logs.LogGroup(stack, "Output"))
    auto = AutoInstrumentation(language="python")
    has = {"memory_limit_mib": 300, "logging": firelens.log_driver}
    task = fargate(stack, cpu=256, memory_limit_mib=512, container=has)
    words = r"has 512 MiB of memory, .* reserve 543 \(app 300, ecs-cwagent 64, init 128, log_router 51\); raise"
    refuses(words, task, auto=auto, firelens=firelens)
    instrument_ecs(task, service_name="shop", auto=auto)


def test_a_reservation_goes_before_a_limit_and_a_container_without_both_reserves_nothing(stack):
    task = fargate(
        stack, cpu=256, memory_limit_mib=512, container={"memory_limit_mib": 500, "memory_reservation_mib": 320}
    )
    task.add_container("Other", container_name="other", image=image(), essential=False)
    instrument_ecs(task, service_name="shop", auto=AutoInstrumentation(language="python"))


def test_memory_of_a_container_that_comes_later_is_looked_at_when_the_app_is_synthesised(stack):
    task = fargate(stack, cpu=256, memory_limit_mib=512)
    instrument_ecs(task, service_name="shop")
    task.add_container("Other", container_name="other", image=image(), memory_limit_mib=300)
    with pytest.raises(RuntimeError, match=r"reserve 620 \(app 256, ecs-cwagent 64, other 300\)"):
        template_of(stack)


def test_an_agent_on_the_instance_takes_no_memory_of_the_task(stack):
    task = ecs.TaskDefinition(stack, "Sized", compatibility=ecs.Compatibility.EC2, memory_mib="512")
    task.add_container("App", container_name="app", image=image(), memory_limit_mib=512)
    instrument_ecs(task, service_name="shop", agent=CollectorContainer(), placement="instance")


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "AWS_XRAY_DAEMON_ADDRESS"])
def test_an_address_elsewhere_would_keep_everything_from_the_agent(stack, template, name):
    task = fargate(stack, container={"environment": {name: "http://elsewhere:4318"}})
    agent = XRayDaemonContainer() if "XRAY" in name else CollectorContainer()
    refuses("nothing would reach", task, agent=agent)
    # Nothing was changed before it was refused.
    assert list(containers(template())["app"]["Environment"]) == [name]
    assert list(containers(template())) == ["app"]


GRPC, HTTP = {"protocol": "grpc"}, {"protocol": "http/protobuf"}
AUTO = {"auto": AutoInstrumentation(language="java")}


@pytest.mark.parametrize(
    ("has", "asked", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, HTTP, "http/protobuf alone; .* or give protocol='grpc'"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, HTTP, "TRACES_PROTOCOL=grpc, .* or give protocol='grpc'"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, GRPC, "or give protocol='http/protobuf'"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, GRPC, "leave the variable out$"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {"agent": SIGNALS}, "leave the variable out$"),
        ({"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc"}, {"agent": SIGNALS}, "METRICS_PROTOCOL=grpc"),
        ({"OTEL_TRACES_EXPORTER": "none"}, AUTO, "sends no traces by OTLP .* add otlp to it"),
        ({"OTEL_TRACES_EXPORTER": "console,zipkin"}, AUTO, "sends no traces by OTLP"),
        ({"OTEL_TRACES_EXPORTER": "otlp_proto_grpc"}, {}, "sends no traces by OTLP"),
        ({"OTEL_SDK_DISABLED": "True"}, AUTO, "container 'app' of .* records nothing; leave the variable out"),
    ],
)
@pytest.mark.parametrize("placement", ["sidecar", "instance"])
def test_a_container_whose_variables_would_send_the_agent_nothing_is_refused(stack, has, asked, words, placement):
    task = on_ec2(stack, "AWS_VPC", environment=has)
    refuses(words, task, **{"agent": CollectorContainer(), **asked, "placement": placement})


SILENT = [
    ({"OTEL_TRACES_EXPORTER": "none"}, "OTEL_TRACES_EXPORTER=none, which sends no traces"),
    ({"OTEL_TRACES_EXPORTER": "xray"}, "OTEL_TRACES_EXPORTER=xray, which sends no traces"),
    ({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED=true: OpenTelemetry records nothing"),
]


@pytest.mark.parametrize(("has", "words"), SILENT)
def test_a_container_that_instruments_itself_may_send_no_traces_by_opentelemetry(stack, template, has, words):
    instrument_ecs(fargate(stack, container={"environment": has}), service_name="shop")
    assert has.items() <= containers(template())["app"]["Environment"].items()
    warning = f"{words}.*unless X-Ray's SDK traces the container.*raytrail:NoTraces"
    Annotations.from_stack(stack).has_warning("/Test/Task", Match.string_like_regexp(warning))


@pytest.mark.parametrize("asked", [{"auto": AutoInstrumentation(language="java")}, {"agent": SIGNALS}], ids=str)
@pytest.mark.parametrize(("has", "words"), SILENT)
def test_one_that_awss_distribution_instruments_may_not(stack, has, words, asked):
    refuses(words, fargate(stack, container={"environment": has}), **asked)


def test_a_protocol_of_metrics_is_none_of_an_agent_that_sends_no_metrics_on(stack, template):
    has = {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}
    instrument_ecs(fargate(stack, container={"environment": has}), service_name="shop", agent=CollectorContainer())
    assert has.items() <= containers(template())["app"]["Environment"].items()


def test_the_daemon_is_told_nothing_by_variables_of_opentelemetry(stack):
    has = {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "none"}
    instrument_ecs(fargate(stack, container={"environment": has}), service_name="shop", agent=XRayDaemonContainer())


def test_firelens_takes_the_place_of_no_driver(stack):
    logging = ecs.LogDrivers.aws_logs(stream_prefix="app")
    firelens = FireLens(log_group=logs.LogGroup(stack, "Output"))
    refuses("goes to awslogs, not to FireLens", fargate(stack, container={"logging": logging}), firelens=firelens)


def test_a_collector_for_many_services_needs_a_dataset_for_honeycombs_metrics(stack):
    cluster = ecs.Cluster(stack, "Cluster")
    agent = CollectorContainer(exporters=[Honeycomb(api_key_secret="honeycomb")])
    with pytest.raises(InvalidProps, match="give Honeycomb a dataset"):
        EcsAgentService(stack, "Agent", cluster=cluster, agent=agent)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CollectorContainer(image="public.ecr.aws/x/y:latest"), "other than latest"),
        (lambda: CollectorContainer(image="localhost:5000/y"), "other than latest"),
        (lambda: CollectorContainer(memory_limit_mib=64), "not above the limit"),
        (lambda: XRayDaemonContainer(memory_reservation_mib=4), "at least 6 MiB"),
        (lambda: CloudWatchAgentContainer(cpu=-1), "0 to 10240"),
        (lambda: CollectorContainer(exporters=[]), "got none"),
        (lambda: AutoInstrumentation(language="ruby"), "one of python"),
        (lambda: AutoInstrumentation(language="java", app_path="/app"), "app_path is for python"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_when_it_is_made(make, words):
    with pytest.raises(InvalidProps, match=words):
        make()


def test_an_image_by_its_digest_is_taken():
    digest = "sha256:" + "0" * 64
    assert CollectorContainer(image=f"public.ecr.aws/x/y@{digest}").image.endswith(digest)
