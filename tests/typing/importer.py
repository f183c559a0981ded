"""A CDK app that uses every public construct, for the type checker: it is never run.

``assert_type`` says what the package promises. A line with ``type: ignore`` is a mistake that the types must catch: if
they stop, the comment is unused, which ``--strict`` reports.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import assert_type

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_xray as xray

from raytrail.alerting import AlertChannel
from raytrail.audit import AnalystRole, AuditLake, AuditMetrics, AuditTrail, DataEvents, ManagementEvents, Retention
from raytrail.dashboards import AuditAlarms, OperationsDashboard, SecurityDashboard, ServiceAlarms, ServiceMetrics
from raytrail.detection import (
    GLOBAL_REGION,
    AlertTarget,
    ApiCallAlerts,
    GlobalEventForwarder,
    Level,
    Pager,
    Suppression,
    rule_of_api_call,
    vantage_of,
)
from raytrail.errors import InvalidProps, RaytrailError
from raytrail.findings import acknowledge
from raytrail.instrumentation import (
    Honeycomb,
    Instrumentation,
    Rollbar,
    SecretField,
    XRay,
    instrument_lambda,
    python_layer_arn,
)
from raytrail.integrity import FolderSource, PublicKeys, verify
from raytrail.logs import FUNCTION_QUERIES, LogQuery, SavedLogQueries
from raytrail.queries import SavedQuery, saved_queries, saved_query
from raytrail.records import RecordLine, Refusal, read_records
from raytrail.replay import EventBus, rules_of_catalogue
from raytrail.settings import Settings, read_settings
from raytrail.sigma import CompiledRule, Vantage, catalog, catalog_rule, unreachable
from raytrail.traces import Filter, Trace
from raytrail.tracing import (
    ITraceGroup,
    Load,
    SamplingForecast,
    SamplingRule,
    SamplingRules,
    TraceEncryption,
    TraceGroup,
    TransactionSearch,
    fault,
    grant_read,
    http,
    parse_filter,
    response_time,
    service,
    simulate_sampling,
)

stack = Stack(App(), "importer", env=Environment(region="eu-west-1"))

# tracing
group = TraceGroup(stack, "Faults", name="faults", filter_expression="fault")
assert_type(group.resource, xray.CfnGroup)
assert_type(group.group_arn, str)
rule = SamplingRule.of_health_checks(name="health", url_path="/health*")
assert_type(rule, SamplingRule)
rule.priority = 1  # type: ignore[misc]  # a value does not change
SamplingRule("debug", 1, 1.0)  # type: ignore[call-arg]  # a value takes keywords alone
rules = SamplingRules(stack, "Sampling", rules=[rule])
assert_type(rules.add_rule(SamplingRule(name="all", priority=9000, rate=1)), xray.CfnSamplingRule)
assert_type(rules.rules, dict[str, xray.CfnSamplingRule])
assert_type(service("orders").fault & (response_time > 5), Filter)
assert_type(parse_filter("fault"), Filter)
assert_type(parse_filter("fault").matches(Trace.from_documents([])), bool)
built = TraceGroup(stack, "Built", name="built", filter_expression=~fault | (http.status == 404))
assert_type(built.metric_trace_count(), cloudwatch.Metric)
assert_type(TraceGroup.from_group_name(stack, "Other", "other"), ITraceGroup)
assert_type(TraceEncryption(stack, "Encryption").key, kms.IKey)
TransactionSearch(stack, "Search", indexing_percentage=5)
assert_type(simulate_sampling([rule], [Load(per_second=1, service_name="orders/v1")]), SamplingForecast)
assert_type(grant_read(iam.AccountRootPrincipal()), iam.Grant)
TraceGroup(stack, "Slow", name="slow")  # type: ignore[call-arg]  # a group needs an expression

# instrumentation
function = lambda_.Function.from_function_name(stack, "Theirs", "theirs")
instrument_lambda(function, service_name="theirs")  # type: ignore[arg-type]  # an imported one takes no layer
honeycomb = Honeycomb(api_key_secret="honeycomb")
assert_type(Rollbar(access_token_secret="rollbar", environment="prod").token, SecretField)
mine = lambda_.Function(
    stack, "Mine", runtime=lambda_.Runtime.PYTHON_3_13, handler="app.handler", code=lambda_.Code.from_inline("pass")
)
assert_type(instrument_lambda(mine, service_name="mine", exporters=[XRay(), honeycomb]), Instrumentation)
assert_type(python_layer_arn("eu-west-1"), str)

# logs
log_group = logs.LogGroup.from_log_group_name(stack, "Logs", "/aws/lambda/theirs")
queries = SavedLogQueries(stack, "Queries", folder="mine", log_groups=[log_group], queries=FUNCTION_QUERIES)
assert_type(queries.queries, dict[str, logs.CfnQueryDefinition])
LogQuery(name="All", text="fields @message", language="sql")  # type: ignore[call-arg]  # Insights alone

# alerting and detection
channel = AlertChannel(stack, "Channel", display_name="mine", emails=["oncall@example.com"])
assert_type(channel.topic, sns.Topic)
assert_type(channel.inbox, sqs.Queue)
assert_type(channel.key, kms.Key)
level: Level = "high"
known = Suppression(actor="arn:aws:iam::111122223333:role/ci-*", until=date(2027, 1, 31), reason="the pipeline")
alerts = ApiCallAlerts(
    stack,
    "Alerts",
    channel=channel,
    targets=[AlertTarget.queue(channel.inbox)],
    suppressions=[known],
    vantage=vantage_of([ManagementEvents()], forwarded="write"),
)
assert_type(alerts.pager, Pager)
assert_type(alerts.add_rule(rule_of_api_call("sqs:PurgeQueue")), tuple[events.CfnRule, ...])
assert_type(alerts.on_api_call("dynamodb:DeleteTable", level=level), events.CfnRule)
assert_type(alerts.rules, dict[str, events.CfnRule])
assert_type(alerts.undelivered_alarm, cloudwatch.Alarm)
alerts.on_api_call("sqs:DeleteQueue", level="urgent")  # type: ignore[arg-type]  # levels are Sigma's
assert_type(GLOBAL_REGION, str)
GlobalEventForwarder(stack, "Forwarder", home_region="eu-west-1")

# audit
trail = AuditTrail(
    stack,
    "Trail",
    name="mine",
    events=[ManagementEvents(without_kms=True), DataEvents.s3(s3.Bucket.from_bucket_name(stack, "Files", "files"))],
    retention=Retention(archive_after_days=30, expire_after_days=400),
)
assert_type(trail.resource, cloudtrail.CfnTrail)
assert_type(trail.bucket, s3.IBucket)
lake = AuditLake(
    stack,
    "Lake",
    name="mine",
    bucket=s3.Bucket.from_bucket_name(stack, "TrailBucket", "mine"),
    regions=("eu-west-1",),
    start_date=date(2026, 1, 1),
    queries=saved_queries(),
)
assert_type(lake.table, glue.CfnTable)
assert_type(lake.workgroup, athena.CfnWorkGroup)
assert_type(lake.queries, dict[str, athena.CfnNamedQuery])
assert_type(saved_queries(), tuple[SavedQuery, ...])
assert_type(saved_query("root_use").bind({"from": "2026-11-01", "to": "2026-11-02"}), list[str])
assert_type(lake.grant_query(iam.AccountRootPrincipal()), iam.Grant)
AnalystRole(stack, "Analyst", lake=lake)
for found in verify(FolderSource(Path("logs")), PublicKeys()):
    print(found)
AuditLake(stack, "Other", name="other", bucket="mine", regions=(), start_date=date.min)  # type: ignore[arg-type]  # no name
counts = AuditMetrics(stack, "Counts", log_group=trail.log_group, namespace="mine/Audit")
assert_type(counts.denied_calls, cloudwatch.Metric)

# dashboards
metrics = ServiceMetrics(api_name="mine", function_name="mine", table_name="mine")
assert_type(metrics.latency("p99"), cloudwatch.Metric)
assert_type(metrics.fault_rate(), cloudwatch.MathExpression)
alarms = ServiceAlarms(stack, "Alarms", metrics=metrics, channel=channel)
assert_type(alarms.unhealthy, cloudwatch.CompositeAlarm)
AuditAlarms(stack, "AuditAlarms", metrics=counts, channel=channel, denied_calls=5)
OperationsDashboard(stack, "Operations", name="mine", metrics=metrics, log_group=log_group, alarms=[alarms.faults])
SecurityDashboard(
    stack,
    "Security",
    name="mine-security",
    pager_log=alerts.pager.log_group,
    alert_log=alerts.log_group,
    audit=counts,
)
ServiceAlarms(stack, "NoChannel", metrics=metrics, channel=channel.topic)  # type: ignore[arg-type]  # no topic

# records, settings, findings, errors
for outcome in read_records("logs"):
    if isinstance(outcome, Refusal):
        assert_type(outcome, Refusal)
    elif isinstance(outcome, RecordLine):
        assert_type(outcome, RecordLine)
settings = read_settings({"region": "eu-west-1"})
assert_type(settings, Settings)
assert_type(settings.audit.query_limit_gb, int)
settings.colour  # type: ignore[attr-defined]  # noqa: B018 - no such setting
acknowledge(trail, {"AwsSolutions-S1": "because"})
error: RaytrailError = InvalidProps("a broken value")

assert_type(catalog_rule("trail_tampering"), CompiledRule)
assert_type([each.missing for each in unreachable(catalog()[0], Vantage(region="eu-west-1"))], list[str])
bus = EventBus(rules_of_catalogue(catalog()))
assert_type([each.name for each in bus.detections({"eventSource": "iam.amazonaws.com"})], list[str])
