"""Each row of the demo rests on one resource: without it, the demo fails and names the row.

The kit is deployed once; each test takes one resource away through AWS's API, and puts it back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from tests.demo.again import alarm_again

from raytrail.demo import INTRUSIVE, LOCAL_ROWS, LocalDemo, Report, Target, prove
from raytrail.errors import EvidenceMissing

pytestmark = pytest.mark.local

Removal = Callable[[Target], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def demo(root, deploy_demo) -> LocalDemo:
    run: LocalDemo = deploy_demo(root)
    return run


def removal(steps: Callable[[Target], Iterator[None]]) -> Removal:
    """What comes after the yield puts the resource back, whatever happened."""

    @contextmanager
    def remove(target: Target) -> Iterator[None]:
        running = steps(target)
        next(running)
        try:
            yield
        finally:
            next(running, None)

    return remove


@removal
def without_wrapper(target: Target):
    lambda_, name = target.client("lambda"), target.output("FunctionName")
    before = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    changed = {key: value for key, value in before.items() if key != "AWS_LAMBDA_EXEC_WRAPPER"}
    lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
    yield
    lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": before})


@removal
def without_function_logs(target: Target):
    logs, name = target.client("logs"), target.output("FunctionLogGroup")
    logs.delete_log_group(logGroupName=name)
    yield
    if not logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]:
        logs.create_log_group(logGroupName=name)


@removal
def without_a_trace_group(target: Target):
    xray = target.client("xray")
    group = next(group for group in xray.get_groups()["Groups"] if group["GroupName"] == f"{target.kit}-slow")
    xray.delete_group(GroupARN=group["GroupARN"])
    yield
    xray.create_group(GroupName=group["GroupName"], FilterExpression=group["FilterExpression"])


@removal
def without_the_faults_group(target: Target):
    xray, name = target.client("xray"), f"{target.kit}-faults"
    group = xray.get_group(GroupName=name)["Group"]
    xray.delete_group(GroupName=name)
    yield
    xray.create_group(GroupName=name, FilterExpression=group["FilterExpression"])


@removal
def without_dashboard(target: Target):
    cloudwatch, name = target.client("cloudwatch"), f"{target.kit}-operations"
    body = cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
    cloudwatch.delete_dashboards(DashboardNames=[name])
    yield
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)


@removal
def without_trail(target: Target):
    cloudtrail, name = target.client("cloudtrail"), target.output("TrailName")
    trail = cloudtrail.get_trail(Name=name)["Trail"]
    selectors = cloudtrail.get_event_selectors(TrailName=name)["AdvancedEventSelectors"]
    cloudtrail.delete_trail(Name=name)
    yield
    kept = ("Name", "S3BucketName", "IncludeGlobalServiceEvents", "IsMultiRegionTrail", "KmsKeyId")
    more = ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn")
    cloudtrail.create_trail(**{key: trail[key] for key in (*kept, *more) if key in trail}, EnableLogFileValidation=True)
    cloudtrail.put_event_selectors(TrailName=name, AdvancedEventSelectors=selectors)
    cloudtrail.start_logging(Name=name)


@removal
def without_table(target: Target):
    glue = target.client("glue")
    place = {"DatabaseName": target.output("DatabaseName"), "Name": target.output("EventsTableName")}
    table = glue.get_table(**place)["Table"]
    glue.delete_table(**place)
    yield
    kept = ("Name", "Description", "TableType", "PartitionKeys", "Parameters", "StorageDescriptor")
    glue.create_table(DatabaseName=place["DatabaseName"], TableInput={key: table[key] for key in kept if key in table})


@removal
def without_composite_alarm(target: Target):
    cloudwatch, name = target.client("cloudwatch"), target.output("UnhealthyAlarm")
    alarm = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]
    cloudwatch.delete_alarms(AlarmNames=[name])
    yield
    kept = ("AlarmName", "AlarmRule", "AlarmActions", "OKActions", "AlarmDescription", "ActionsEnabled")
    cloudwatch.put_composite_alarm(**{key: alarm[key] for key in kept if key in alarm})


@removal
def without_metric_filter(target: Target):
    logs = target.client("logs")
    found = next(f for f in logs.describe_metric_filters()["metricFilters"] if "IdentityChanges" in f["filterName"])
    logs.delete_metric_filter(logGroupName=found["logGroupName"], filterName=found["filterName"])
    yield
    kept = ("filterName", "filterPattern", "logGroupName", "metricTransformations")
    logs.put_metric_filter(**{key: found[key] for key in kept})


def without_rule(detection: str) -> Removal:
    @removal
    def remove(target: Target):
        events = target.client("events")
        # A detection of several patterns has several rules.
        listed = events.get_paginator("list_rules").paginate(NamePrefix=f"{target.kit}-detection-Alerts{detection}")
        rules = [rule for page in listed for rule in page["Rules"]]
        assert rules
        targets = {rule["Name"]: events.list_targets_by_rule(Rule=rule["Name"])["Targets"] for rule in rules}
        for name, sent in targets.items():
            events.remove_targets(Rule=name, Ids=[each["Id"] for each in sent])
            events.delete_rule(Name=name)
        yield
        for rule in rules:
            events.put_rule(Name=rule["Name"], EventPattern=rule["EventPattern"], State=rule["State"])
            events.put_targets(Rule=rule["Name"], Targets=targets[rule["Name"]])

    return remove


@removal
def without_log_target(target: Target):
    events = target.client("events")
    name = target.physical_id("detection", "AWS::Events::Rule", "AlertsTrailTampering")
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    events.remove_targets(Rule=name, Ids=["Log"])
    yield
    events.put_targets(Rule=name, Targets=targets)


@removal
def without_pager(target: Target):
    lambda_ = target.client("lambda")
    mapping = target.physical_id("detection", "AWS::Lambda::EventSourceMapping", "AlertsPager")
    lambda_.update_event_source_mapping(UUID=mapping, Enabled=False)
    yield
    # What waits is of this test, and must not be told in the next.
    target.client("sqs").purge_queue(QueueUrl=target.output("PagerQueueUrl"))
    lambda_.update_event_source_mapping(UUID=mapping, Enabled=True)


@removal
def without_subscription(target: Target):
    sns, topic = target.client("sns"), target.output("AlertTopicArn")
    found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]
    sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])
    yield
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=found["Endpoint"], Attributes={"RawMessageDelivery": "true"})


@removal
def without_bucket_policy(target: Target):
    s3, bucket = target.client("s3"), target.output("TrailBucketName")
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    yield
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(json.loads(policy)))


QUERIES = [row for row in LOCAL_ROWS if row.startswith("query: ")]
ALERTS = [row for row in LOCAL_ROWS if row.startswith("alert: ")]
REMOVALS: list[tuple[str, Removal, list[str]]] = [
    ("the instrumentation's wrapper", without_wrapper, ["trace", "failed order"]),
    ("the group of faults", without_the_faults_group, ["failed order"]),
    ("the function's log group", without_function_logs, ["logs"]),
    ("a trace group", without_a_trace_group, ["trace groups"]),
    ("the dashboard", without_dashboard, ["dashboard"]),
    ("the trail", without_trail, ["trail"]),
    ("the lake's table", without_table, QUERIES),
    ("the composite alarm", without_composite_alarm, ["alarm"]),
    ("the metric filter", without_metric_filter, ["metric filter"]),
    *((f"the rule of {row[7:]}", without_rule(row[7:]), [row]) for row in ALERTS),
    ("the rule's log target", without_log_target, ["alert log"]),
    ("the pager", without_pager, [*ALERTS, "grouped alerts"]),
    ("the subscription", without_subscription, [*ALERTS, "grouped alerts", "alarm"]),
    ("the bucket's policy", without_bucket_policy, ["policies"]),
]


ROWS = LOCAL_ROWS | {"alarm": alarm_again}


def find(demo: LocalDemo, rows: list[str]) -> Report:
    report = Report(target="here")
    intrude = any(row in INTRUSIVE for row in rows)
    scene = prove(demo.target, {row: ROWS[row] for row in rows}, demo.show, report, intrude=intrude)
    if scene.intrusion:
        scene.intrusion.undo()
    return report


def test_every_row_has_a_resource_whose_removal_is_tried():
    assert {row for _, _, rows in REMOVALS for row in rows} == set(LOCAL_ROWS)


def test_with_everything_in_place_no_row_is_missing(demo):
    report = find(demo, list(LOCAL_ROWS))
    report.check()
    assert [row.row for row in report.rows] == list(LOCAL_ROWS)
    assert all(row.proof and row.read_with and row.made_by for row in report.rows)


@pytest.mark.parametrize(("remove", "rows"), [pytest.param(r, rows, id=name) for name, r, rows in REMOVALS])
def test_without_the_resource_behind_it_a_row_is_missing_and_named(demo, monkeypatch, remove, rows):
    monkeypatch.setattr(demo.target, "local_patience_seconds", 4.0)
    with remove(demo.target):
        report = find(demo, rows)
    assert report.rows == []
    with pytest.raises(EvidenceMissing) as refused:
        report.check()
    assert all(row in str(refused.value) for row in rows)


def test_with_everything_back_in_place_no_row_is_missing(demo):
    find(demo, list(LOCAL_ROWS)).check()


def test_a_retained_bucket_that_is_gone_after_the_destroy_is_named(demo):
    bucket = demo.target.physical_id("audit", "AWS::S3::Bucket", "TrailStoreAccessLogs")
    demo.target.client("s3").delete_bucket(Bucket=bucket)
    demo.destroy()
    assert [missing.row for missing in demo.report.missing] == ["destroy"]
    # Its policy went with it; those of the buckets that are left are left too.
    assert [each for each in demo.report.missing[0].reason.split("; ") if " is gone" in each] == [
        f"{kind} {bucket} is gone, though its template retains it"
        for kind in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy")
    ]
