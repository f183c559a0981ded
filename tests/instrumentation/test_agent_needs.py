"""What the CloudWatch agent gets rights for: the whole of its configuration, with what `more` brings."""

from __future__ import annotations

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Annotations, Match
from tests.synth import only, plain

from raytrail.errors import InvalidProps
from raytrail.instrumentation import AgentConfig, AgentMetrics, AgentTraces, LogFile, instrument_server
from raytrail.instrumentation._agent_grants import grant_agent
from raytrail.instrumentation._model_agent_needs import needs_of
from raytrail.instrumentation._model_server import application_environment

USED = {"mem": ["mem_used_percent"]}
MEMORY = {"mem": {"measurement": ["mem_used_percent"]}}
OTLP = {"otlp": {"http_endpoint": "127.0.0.1:4318"}}
SIGNALS = {
    "traces": {"traces_collected": {"application_signals": {}}},
    "logs": {"metrics_collected": {"application_signals": {}}},
}


def files(*entries):
    return {"logs": {"logs_collected": {"files": {"collect_list": list(entries)}}}}


@pytest.mark.parametrize(
    ("config", "typed"),
    [
        (
            AgentConfig(traces=None, more={"traces": {"traces_collected": OTLP}}),
            AgentConfig(traces=AgentTraces(xray=False)),
        ),
        (
            AgentConfig(more={"metrics": {"namespace": "Shop", "metrics_collected": MEMORY}}),
            AgentConfig(metrics=AgentMetrics(measurements=USED, namespace="Shop")),
        ),
        (
            AgentConfig(
                metrics=AgentMetrics(measurements=USED),
                more={"metrics": {"namespace": "Shop"}},
            ),
            AgentConfig(metrics=AgentMetrics(measurements=USED, namespace="Shop")),
        ),
        (
            AgentConfig(more=files({"file_path": "/a", "log_group_name": "/shop", "retention_in_days": 30})),
            AgentConfig(logs=[LogFile(path="/a", log_group="/shop", retention_days=30)]),
        ),
        (AgentConfig(more=SIGNALS), AgentConfig(traces=AgentTraces(application_signals=True))),
    ],
    ids=["traces", "metrics", "another namespace", "logs", "application signals"],
)
def test_what_more_brings_counts_as_what_is_typed(config, typed):
    assert needs_of(config.value) == needs_of(typed.value)


def test_the_role_may_do_what_more_asks_of_the_agent(stack, template):
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    more = {**files({"file_path": "/a", "log_group_name": "/shop/{instance_id}"}), "metrics": {"namespace": "Shop"}}
    more["metrics"]["metrics_collected"] = MEMORY
    grant_agent(role, AgentConfig(traces=None, more=more))
    statements = plain(only(template(), "AWS::IAM::Policy"))["PolicyDocument"]["Statement"]
    by_action = {action: each for each in statements for action in [each["Action"]] if isinstance(action, str)}
    assert by_action["cloudwatch:PutMetricData"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Shop"}}
    [writes] = [each for each in statements if "logs:PutLogEvents" in each["Action"]]
    assert writes["Resource"].endswith(":log-group:/shop/*:*")
    assert "logs:PutRetentionPolicy" not in writes["Action"]


def test_a_log_group_that_the_deployment_names_stays_as_it_is(stack):
    name = Stack.of(stack).stack_id
    assert needs_of(AgentConfig(logs=[LogFile(path="/a", log_group=name)]).value).log_groups == (name,)


def test_a_retention_that_never_ends_is_not_set():
    entry = {"file_path": "/a", "log_group_name": "/shop", "retention_in_days": -1}
    assert not needs_of(files(entry)).retention


@pytest.mark.parametrize(
    ("more", "section"),
    [
        ({"logs": {"metrics_collected": {"emf": {}}}}, "logs.metrics_collected.emf"),
        (files({"file_path": "/a"}), "logs.logs_collected.files without log_group_name"),
        ({"logs": {"logs_collected": {"application_signals": {}}}}, "logs.logs_collected.application_signals"),
        (
            {"metrics": {"metrics_collected": MEMORY, "metrics_destinations": {"amp": {"workspace_id": "ws-1"}}}},
            "metrics.metrics_destinations.amp",
        ),
        ({"traces": {"credentials": {"role_arn": "arn:aws:iam::111122223333:role/agent"}}}, "traces.credentials"),
        ({"opentelemetry": {"collect": {}}}, "opentelemetry"),
    ],
)
def test_what_does_not_tell_its_rights_gets_none_and_a_warning(stack, more, section):
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    grant_agent(role, AgentConfig(more=more))
    warning = f".*which rights {section} needs, so that the role gets none for that.*"
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp(warning))


def test_a_program_sends_to_what_more_makes_the_agent_receive():
    otlp = AgentConfig(traces=None, more={"traces": {"traces_collected": OTLP}})
    variables = application_environment(service_name="shop", config=otlp)
    assert variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "http://localhost:4318/v1/traces"
    assert "AWS_XRAY_DAEMON_ADDRESS" not in variables
    signals = application_environment(service_name="shop", config=AgentConfig(traces=None, more=SIGNALS))
    assert signals["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "http://localhost:4316/v1/traces"


def test_dimensions_of_ec2_are_refused_on_premises_in_more_too(stack):
    more = {"metrics": {"metrics_collected": MEMORY, "append_dimensions": {"InstanceId": "${aws:InstanceId}"}}}
    with pytest.raises(InvalidProps, match=r"dimensions InstanceId .* known to EC2 alone"):
        instrument_server(stack, "warehouse", service_name="stock", config=AgentConfig(more=more))
