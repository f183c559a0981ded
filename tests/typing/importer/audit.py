"""A CDK app that uses every public name of the rooms of audit and detection, for type checkers: it is never run."""

from __future__ import annotations

from datetime import date
from typing import assert_type

from aws_cdk import App, Environment, Stack, Validations
from aws_cdk import aws_athena as athena
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from raytrail.alerting import AlertChannel, inbox_statements, key_statements, topic_statements
from raytrail.audit import (
    AnalystRole,
    AuditBucket,
    AuditLake,
    AuditMetrics,
    AuditTrail,
    DataEvents,
    InsightAlert,
    Insights,
    ManagementEvents,
    NetworkActivityEvents,
    Retention,
    SavedQuery,
    decryption_statements,
    delivery_statements,
    encryption_statements,
    reading_statements,
    saved_queries,
)
from raytrail.checks import Floors
from raytrail.checks.plugin import RaytrailChecks
from raytrail.detection import (
    CIS_CONTROLS,
    GLOBAL_REGION,
    AlertTarget,
    ApiCallAlerts,
    CisAlarms,
    CisControl,
    GlobalEventForwarder,
    Level,
    Pager,
    ScheduledDetections,
    Suppression,
    described,
    log_statements,
    reader_role,
    rule_of_api_call,
    unseen,
    vantage_of,
)
from raytrail.findings import Place, acknowledge, place_of
from raytrail.sigma import CompiledRule, catalog

app = App()
stack = Stack(app, "importer", env=Environment(region="eu-west-1"))
anybody = iam.AccountRootPrincipal()
files = s3.Bucket.from_bucket_name(stack, "Files", "files")

# The trail
trail = AuditTrail(
    stack,
    "Trail",
    name="mine",
    events=[
        ManagementEvents(without_kms=True),
        DataEvents.s3(files),
        NetworkActivityEvents(event_source="s3.amazonaws.com"),
    ],
    insights=Insights(),
    retention=Retention(archive_after_days=30, expire_after_days=400),
)
assert_type(trail.resource, cloudtrail.CfnTrail)
assert_type(trail.bucket, s3.IBucket)
assert_type(trail.key, kms.IKey | None)
bucket = AuditBucket(stack, "Bucket", trail_arn="arn:aws:cloudtrail:eu-west-1:111122223333:trail/mine")
assert_type(bucket.bucket, s3.Bucket)
statements: list[iam.PolicyStatement] = [
    *delivery_statements(bucket_arn=files.bucket_arn, trail_arn=trail.trail_arn, account="111122223333"),
    *encryption_statements(trail_arn=trail.trail_arn, account="111122223333"),
    *reading_statements(bucket_arn=files.bucket_arn, readers=["arn:aws:iam::111122223333:role/analyst"]),
    *decryption_statements(readers=["arn:aws:iam::111122223333:role/analyst"]),
]
counts = AuditMetrics(stack, "Counts", log_group=trail.log_group, namespace="mine/Audit")
assert_type(counts.denied_calls, cloudwatch.Metric)

# The lake
lake = AuditLake(
    stack,
    "Lake",
    name="mine",
    bucket=files,
    regions=("eu-west-1",),
    start_date=date(2026, 1, 1),
    queries=saved_queries(),
)
assert_type(saved_queries(), tuple[SavedQuery, ...])
assert_type(lake.table, glue.CfnTable)
assert_type(lake.workgroup, athena.CfnWorkGroup | None)
assert_type(lake.queries, dict[str, athena.CfnNamedQuery])
assert_type(lake.grant_query(anybody), iam.Grant)
assert_type(AnalystRole(stack, "Analyst", lake=lake).role, iam.Role)
AuditLake(stack, "Other", name="other", bucket="mine", regions=(), start_date=date.min)  # type: ignore[arg-type]  # no name

# Where alerts go
channel = AlertChannel(stack, "Channel", display_name="mine", emails=["oncall@example.com"])
assert_type(channel.topic, sns.ITopic)
assert_type(channel.inbox, sqs.IQueue)
assert_type(channel.key, kms.IKey)
statements += [
    *inbox_statements(queue_arn=channel.inbox.queue_arn, topic_arn=channel.topic.topic_arn),
    *key_statements(),
    *topic_statements(topic_arn=channel.topic.topic_arn, account="111122223333"),
    *log_statements(log_group_arns=[trail.log_group.log_group_arn]),
]
assert_type(InsightAlert(stack, "Insights", topic=channel.topic).rule, events.CfnRule)

# Detections
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
region: str = GLOBAL_REGION
GlobalEventForwarder(stack, "Forwarder", home_region="eu-west-1")
scheduled = ScheduledDetections(
    stack,
    "Scheduled",
    lake=lake,
    pager=alerts.pager,
    channel=channel,
    regions=["eu-west-1"],
    rules=unseen(catalog()),
    # For pyright the CDK's Role is no IRole: parameters of two methods have other names.
    role=reader_role(stack, "Reader", lake=lake),  # pyright: ignore[reportArgumentType]
)
assert_type(scheduled.detections, dict[str, CompiledRule])
assert_type([*described(catalog()[0])], list[str])
alarms = CisAlarms(stack, "Cis", log_group=trail.log_group, channel=channel)
assert_type(alarms.metrics["4.3"], cloudwatch.Metric)
controls: list[CisControl] = [*CIS_CONTROLS]

# Checks, and what is accepted
Validations.of(app).add_plugins(RaytrailChecks(app, floors=Floors(trail_days=400)))
acknowledge(trail, {"AwsSolutions-S1": "because"})
assert_type(place_of(trail), Place)
