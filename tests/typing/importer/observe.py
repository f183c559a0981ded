"""A CDK app that uses every public name of the rooms of traces, logs and metrics, for type checkers: it is never run.

``assert_type`` says what the package promises. A line with ``type: ignore`` is a mistake that the types must catch: if
they stop, the comment is unused, which both checkers report.
"""

from __future__ import annotations

from typing import assert_type

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticbeanstalk as elasticbeanstalk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_xray as xray

from raytrail.alerting import AlertChannel
from raytrail.audit import AuditMetrics
from raytrail.dashboards import AuditAlarms, OperationsDashboard, SecurityDashboard, ServiceAlarms, ServiceMetrics
from raytrail.instrumentation import (
    RUNTIME_FOLDER,
    SERVICES,
    SUPPORT,
    AgentConfig,
    AgentMetrics,
    AgentTraces,
    AutoInstrumentation,
    BeanstalkInstrumentation,
    CloudWatchAgentContainer,
    CloudWatchMetrics,
    CollectorConfig,
    CollectorContainer,
    EcsAgent,
    EcsAgentService,
    EcsInstrumentation,
    Exporter,
    FireLens,
    Honeycomb,
    Instrumentation,
    LogFile,
    Otlp,
    Prometheus,
    Rollbar,
    SecretField,
    ServerInstrumentation,
    Support,
    TracedService,
    XRay,
    XRayDaemonContainer,
    add_collector,
    adot_layer_arn,
    application_environment,
    beanstalk_config_file,
    collector_layer_arn,
    environment_file,
    image_instructions,
    instrument_beanstalk,
    instrument_ec2,
    instrument_ecs,
    instrument_lambda,
    instrument_server,
    python_layer_arn,
    services_table,
    support_table,
    trace_service,
)
from raytrail.logs import (
    ERRORS_BY_MESSAGE,
    FUNCTION_QUERIES,
    LINES_BY_TRACE,
    SLOWEST_INVOCATIONS,
    LogQuery,
    SavedLogQueries,
)
from raytrail.traces import Trace
from raytrail.tracing import (
    READ_ACTIONS,
    SAMPLING_ACTIONS,
    WRITE_ACTIONS,
    DefaultRule,
    Filter,
    InsightState,
    InvalidFilter,
    ITraceGroup,
    Load,
    LoadForecast,
    RuleForecast,
    SamplingForecast,
    SamplingRateBoost,
    SamplingRule,
    SamplingRules,
    TraceEncryption,
    TraceGroup,
    TracePrices,
    TransactionSearch,
    annotation,
    availability_zone,
    destination,
    duration,
    edge,
    element,
    error,
    fault,
    grant_read,
    grant_write,
    group,
    http,
    inferred,
    instance_id,
    ok,
    parse_filter,
    partial,
    resource_arn,
    response_time,
    root_cause,
    service,
    service_id,
    simulate_sampling,
    source,
    span_log_statements,
    throttle,
    user,
)

stack = Stack(App(), "importer", env=Environment(region="eu-west-1"))
anybody = iam.AccountRootPrincipal()

# Groups, and the words of their filters
faults = TraceGroup(stack, "Faults", name="faults", filter_expression="fault")
assert_type(faults.resource, xray.CfnGroup)
assert_type(faults.group_arn, str)
assert_type(parse_filter("fault").matches(Trace.from_documents([])), bool)
words: list[Filter] = [
    *(ok, error, throttle, fault, partial, inferred),
    (response_time > 5) & (duration < 9.5),
    (user == "ana") | user.is_set,
    availability_zone.begins_with("eu-west-1"),
    instance_id == "i-0123456789abcdef0",
    resource_arn.ends_with(":orders"),
    http.status == 404,
    http.url.contains("/orders"),
    annotation["tenant"] == "x",
    edge().source.annotation["tenant"] == "x",
    edge(service_id("orders"), "payments").fault,
    source.annotation["tenant"] == "x",
    destination.annotation["tenant"] != "x",
    root_cause.fault.service(element.name == "orders"),
    root_cause.response_time.entity(element.coverage > 0.5),
    group.name == "slow",
    ~service("orders").where(fault),
]
assert_type(service("orders").fault & (response_time > 5), Filter)
built = TraceGroup(stack, "Built", name="built", filter_expression=~fault | (http.status == 404))
assert_type(built.metric_trace_count(), cloudwatch.Metric)
assert_type(built.add_alarm(at_least=3), cloudwatch.Alarm)
states: list[InsightState] = ["ACTIVE"]
built.on_insight("Insights", states=states)
assert_type(TraceGroup.from_group_name(stack, "Other", "other"), ITraceGroup)
TraceGroup(stack, "Slow", name="slow")  # type: ignore[call-arg]  # a group needs an expression
try:
    parse_filter("fault and ok")
except InvalidFilter as problem:
    assert_type(problem.column, int)

# Sampling
rule = SamplingRule.of_health_checks(name="health", url_path="/health*")
assert_type(rule, SamplingRule)
rule.priority = 1  # type: ignore[misc]  # a value does not change
SamplingRule("debug", 1, 1.0)  # type: ignore[call-arg]  # a value takes keywords alone
boosted = SamplingRule(name="all", priority=9000, rate=0.05, boost=SamplingRateBoost(max_rate=0.5, cooldown_minutes=10))
rules = SamplingRules(stack, "Sampling", rules=[rule])
assert_type(rules.add_rule(boosted), xray.CfnSamplingRule)
assert_type(rules.rules, dict[str, xray.CfnSamplingRule])
forecast = simulate_sampling(
    [rule], [Load(per_second=1, service_name="orders/v1")], default=DefaultRule(rate=0.1), prices=TracePrices()
)
assert_type(forecast, SamplingForecast)
assert_type(forecast.loads, tuple[LoadForecast, ...])
assert_type(forecast.rules, tuple[RuleForecast, ...])

# The Region, and who may do what
assert_type(TraceEncryption(stack, "Encryption").key, kms.IKey)
assert_type(TransactionSearch(stack, "Search", indexing_percentage=5).span_log_group, logs.ILogGroup)
assert_type(span_log_statements(account="111122223333", region="eu-west-1"), list[iam.PolicyStatement])
assert_type(grant_read(anybody), iam.Grant)
assert_type(grant_write(anybody, sampling=False), iam.Grant)
actions: set[str] = {*READ_ACTIONS, *SAMPLING_ACTIONS, *WRITE_ACTIONS}

# Lambda
function = lambda_.Function.from_function_name(stack, "Theirs", "theirs")
instrument_lambda(function, service_name="theirs")  # type: ignore[arg-type]  # an imported one takes no layer
exporters: list[Exporter] = [
    XRay(),
    Honeycomb(api_key_secret="honeycomb"),
    Otlp(endpoint="https://otlp.example.com", header_secrets={"x-key": SecretField(secret="otlp", field="key")}),
    CloudWatchMetrics(namespace="Mine"),
    Prometheus.managed(workspace_id="ws-0a1b2c3d", region="eu-west-1"),
]
assert_type(Rollbar(access_token_secret="rollbar", environment="prod").token, SecretField)
mine = lambda_.Function(
    stack, "Mine", runtime=lambda_.Runtime.PYTHON_3_13, handler="app.handler", code=lambda_.Code.from_inline("pass")
)
assert_type(instrument_lambda(mine, service_name="mine", exporters=exporters), Instrumentation)
collected = add_collector(mine, service_name="mine", config=CollectorConfig.of(exporters))
assert_type(collected.collector_layer, lambda_.ILayerVersion | None)
arns: list[str] = [
    python_layer_arn("eu-west-1"),
    adot_layer_arn("nodejs", "eu-west-1"),
    collector_layer_arn("arm64", "eu-west-1"),
]
assert_type(image_instructions("python"), tuple[str, ...])
runtime: str = str(RUNTIME_FOLDER)
adot_layer_arn("cobol", "eu-west-1")  # type: ignore[arg-type]  # AWS has none

# ECS
agents: list[EcsAgent] = [CloudWatchAgentContainer(), CollectorContainer(exporters=[XRay()]), XRayDaemonContainer()]
log_group = logs.LogGroup.from_log_group_name(stack, "Logs", "/aws/lambda/theirs")
task = ecs.FargateTaskDefinition(stack, "Task")
instrumented = instrument_ecs(
    task,
    service_name="mine",
    agent=agents[0],
    auto=AutoInstrumentation(language="python"),
    firelens=FireLens(log_group=log_group),
)
assert_type(instrumented, EcsInstrumentation)
vpc = ec2.Vpc(stack, "Vpc")
assert_type(EcsAgentService(stack, "Agent", cluster=ecs.Cluster(stack, "Cluster", vpc=vpc)).service, ecs.Ec2Service)

# Machines, Elastic Beanstalk and servers on premises
config = AgentConfig(
    traces=AgentTraces(application_signals=True),
    metrics=AgentMetrics(measurements={"mem": ["mem_used_percent"]}),
    logs=[LogFile(path="/var/log/app.log", log_group="app")],
)
machine = ec2.Instance(
    stack,
    "Machine",
    vpc=vpc,
    instance_type=ec2.InstanceType("t4g.nano"),
    machine_image=ec2.MachineImage.latest_amazon_linux2023(),
)
assert_type(instrument_ec2(machine, service_name="mine", config=config), ServerInstrumentation)
server = instrument_server(stack, "Servers", service_name="mine", config=config)
assert_type(server.parameter, ssm.IStringParameter | None)
environment = elasticbeanstalk.CfnEnvironment(stack, "Environment", application_name="mine")
assert_type(instrument_beanstalk(environment, service_name="mine"), BeanstalkInstrumentation)
files: list[str] = [
    beanstalk_config_file(service_name="mine", agent="cloudwatch"),
    environment_file(application_environment(service_name="mine", config=config)),
    *(services_table(), support_table()),
]
assert_type(SUPPORT, tuple[Support, ...])
assert_type(SERVICES, tuple[TracedService, ...])
trace_service(sqs.Queue(stack, "Queue"))

# Logs
queries: list[LogQuery] = [ERRORS_BY_MESSAGE, LINES_BY_TRACE, SLOWEST_INVOCATIONS]
saved = SavedLogQueries(stack, "Queries", folder="mine", log_groups=[log_group], queries=FUNCTION_QUERIES)
assert_type(saved.queries, dict[str, logs.CfnQueryDefinition])
LogQuery(name="All", text="fields @message", language="sql")  # type: ignore[call-arg]  # Insights alone

# Dashboards
channel = AlertChannel(stack, "Channel", display_name="mine", emails=["oncall@example.com"])
metrics = ServiceMetrics(api_name="mine", function_name="mine", table_name="mine")
assert_type(metrics.latency("p99"), cloudwatch.Metric)
assert_type(metrics.fault_rate(), cloudwatch.MathExpression)
alarms = ServiceAlarms(stack, "Alarms", metrics=metrics, channel=channel)
assert_type(alarms.unhealthy, cloudwatch.CompositeAlarm)
OperationsDashboard(stack, "Operations", name="mine", metrics=metrics, log_group=log_group, alarms=[alarms.faults])
counts = AuditMetrics(stack, "Counts", log_group=log_group, namespace="mine/Audit")
AuditAlarms(stack, "AuditAlarms", metrics=counts, channel=channel, denied_calls=5)
security = SecurityDashboard(stack, "Security", name="mine-security", alert_log=log_group, audit=counts)
assert_type(security.dashboard, cloudwatch.Dashboard)
ServiceAlarms(stack, "NoChannel", metrics=metrics, channel=channel.topic)  # type: ignore[arg-type]  # no topic
