"""The CloudWatch agent's configuration: AWS's own examples are what it makes or takes, and nonsense is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.errors import InvalidProps
from raytrail.instrumentation import AgentConfig, AgentMetrics, AgentTraces, LogFile
from raytrail.instrumentation._model_agent_schema import check_agent_config

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Application-Signals-Enable-EC2Main.html
APPLICATION_SIGNALS = {
    "traces": {"traces_collected": {"application_signals": {}}},
    "logs": {"metrics_collected": {"application_signals": {}}},
}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html: what
# the page gives as examples and as defaults of its sections.
TRACES = {
    "traces_collected": {
        "xray": {"bind_address": "127.0.0.1:2000", "tcp_proxy": {"bind_address": "127.0.0.1:2000"}},
        "otlp": {"grpc_endpoint": "127.0.0.1:4317", "http_endpoint": "127.0.0.1:4318"},
    }
}
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/customize-containers-cw.html
BEANSTALK = {
    "agent": {"metrics_collection_interval": 60, "run_as_user": "root"},
    "metrics": {
        "namespace": "System/Linux",
        "append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}"},
        "metrics_collected": {"mem": {"measurement": ["mem_used_percent"]}},
    },
}


def test_the_default_receives_where_the_agent_and_the_daemon_do():
    assert AgentConfig().value == {"traces": TRACES}


def test_application_signals_alone_is_what_aws_prints():
    traces = AgentTraces(application_signals=True, xray=False, otlp=False)
    assert AgentConfig(traces=traces).value == APPLICATION_SIGNALS


def test_the_metrics_that_aws_prints_for_beanstalk_can_be_said():
    metrics = AgentMetrics(
        measurements={"mem": ["mem_used_percent"]}, namespace="System/Linux", dimensions=["AutoScalingGroupName"]
    )
    made = AgentConfig(traces=None, metrics=metrics, run_as_user="root").value
    made["metrics"]["metrics_collected"]["mem"].pop("metrics_collection_interval")
    assert made["metrics"] == BEANSTALK["metrics"]
    assert made["agent"]["run_as_user"] == BEANSTALK["agent"]["run_as_user"]


@pytest.mark.parametrize(
    "printed", [APPLICATION_SIGNALS, {"traces": TRACES}, BEANSTALK], ids=["signals", "traces", "eb"]
)
def test_what_aws_prints_is_taken(printed):
    check_agent_config(printed)


# What the agent's own samples of its schema (translator/config/sampleSchema) are refused for, in our words.
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"traces": {"traces_collected": {}}}, "traces_collected of an agent's configuration is empty"),
        ({"traces": {"traces_collected": {"zipkin": {}}}}, "has no 'zipkin'"),
        ({"traces": {"concurrency": 1}}, "needs 'traces_collected'"),
        ({"traces": {**TRACES, "concurrency": 0}}, "concurrency of an agent's configuration is at least 1, got 0"),
        ({"traces": {**TRACES, "buffer_size_mb": 2}}, "at least 3, got 2"),
        ({"metrics": {"namespace": "Shop"}}, "needs 'metrics_collected'"),
        ({"metrics": {"metrics_collected": {}}}, "is empty"),
        ({"metrics": {"metrics_collected": {"mem": {"metrics_collection_interval": 0}}}}, "1 to 172800 seconds, got 0"),
        ({"metrics": {"metrics_collected": {"mem": {}}, "colour": "red"}}, "has no 'colour'"),
        ({"metrics": {"metrics_collected": {"mem": {}}}}, r"metrics_collected\.mem .* needs 'measurement'"),
        ({"metrics": {"metrics_collected": {"mem": {"measurement": ["a", "a"]}}}}, "names something twice"),
        ({"metrics": {"metrics_collected": {"mem": {"measurement": ["a" * 256]}}}}, "has 1 to 255 characters"),
        (
            {"metrics": {"metrics_collected": {"procstat": [{"measurement": ["cpu_usage"]}]}}},
            "procstat .* needs pid_file, exe or pattern",
        ),
        ({"traces": {**TRACES, "local_mode": "yes"}}, "local_mode of .* is true or false, got 'yes'"),
        ({"traces": {**TRACES, "endpoint_override": "x"}}, "endpoint_override of .* has 4 to 2048 characters"),
        ({"traces": {**TRACES, "credentials": {"role_arn": "admin"}}}, "role_arn of .* has 20 to 2048 characters"),
        (
            {"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "a", "timezone": "CET"}]}}}},
            "timezone of .* is Local or LOCAL or UTC, got 'CET'",
        ),
        (
            {
                "logs": {
                    "logs_collected": {"files": {"collect_list": [{"file_path": "a", "log_group_name": "g" * 513}]}}
                }
            },
            "log_group_name of .* has 1 to 512 characters",
        ),
        ({"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "a"}] * 2}}}}, "names something twice"),
        ({"logs": {"log_stream_name": "all"}}, "has logs_collected or metrics_collected"),
        ({"logs": {"logs_collected": {"files": {"collect_list": [{"log_group_name": "shop"}]}}}}, "needs 'file_path'"),
        ({"logs": {"logs_collected": {"files": {"collect_list": []}}}}, "is empty"),
        (
            {"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "a", "retention_in_days": 2}]}}}},
            "is -1 or one of 1, 3, 5",
        ),
        ({"tracing": {}}, "'tracing' is no section"),
        ({"agent": {"debug": True}}, "collects traces, metrics or logs, got none"),
        (
            {"traces": TRACES, "metrics": {"metrics_collected": {"otlp": {"http_endpoint": "127.0.0.1:4318"}}}},
            "listens once at a port",
        ),
    ],
)
def test_what_the_agent_would_refuse_is_refused_with_the_reason(value, reason):
    with pytest.raises(InvalidProps, match=reason):
        check_agent_config(value)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: AgentTraces(xray=False, otlp=False), "got none"),
        (lambda: AgentTraces(listen="everywhere"), "listen is an IP address"),
        (lambda: AgentTraces(buffer_mb=1), "buffer_mb of an agent's traces is at least 3, got 1"),
        (lambda: AgentMetrics(measurements={}), "measurements of an agent's metrics are names"),
        (lambda: AgentMetrics(measurements={"mem": ["x"]}, namespace="AWS/EC2"), "does not begin with AWS/"),
        (lambda: AgentMetrics(measurements={"mem": ["x"]}, dimensions=["Colour"]), "are among ImageId"),
        (lambda: LogFile(path="", log_group="shop"), "path of a log file is empty"),
        (lambda: LogFile(path="/x", log_group="shop", retention_days=2), "retention_days of log file '/x' is one of"),
        (lambda: AgentConfig(traces=None), "got none of them"),
        (lambda: AgentConfig(more={"traces": {"colour": "red"}}), "has no 'colour'"),
    ],
)
def test_a_value_refuses_nonsense_when_it_is_made(make, reason):
    with pytest.raises(InvalidProps, match=reason):
        make()


def test_what_is_not_modelled_is_merged_over_the_rest():
    more = {"metrics": {"metrics_collected": {"procstat": [{"exe": "shop", "measurement": ["cpu_usage"]}]}}}
    config = AgentConfig(metrics=AgentMetrics(measurements={"mem": ["mem_used_percent"]}), more=more)
    assert set(config.value["metrics"]["metrics_collected"]) == {"mem", "procstat"}
    assert config.value["traces"] == TRACES


@given(
    xray=st.booleans(),
    otlp=st.booleans(),
    signals=st.booleans(),
    concurrency=st.none() | st.integers(1, 100),
    paths=st.lists(st.text(min_size=1, max_size=20), max_size=3, unique=True),
)
def test_whatever_is_made_is_taken_and_is_json(xray, otlp, signals, concurrency, paths):
    wanted = xray or otlp or signals
    traces = AgentTraces(xray=xray, otlp=otlp, application_signals=signals, concurrency=concurrency) if wanted else None
    logs = [LogFile(path=path, log_group="shop") for path in paths]
    if traces is None and not logs:
        return
    config = AgentConfig(traces=traces, logs=logs)
    assert json.loads(config.to_json()) == config.value
