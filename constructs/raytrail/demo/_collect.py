"""How each row of evidence is found: through boto3 alone."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from raytrail.demo._evidence import Evidence, wait_for
from raytrail.demo._inbox import Inbox
from raytrail.demo._scenario import Intrusion, Traffic
from raytrail.demo._spans import span_tree
from raytrail.demo._target import Target
from raytrail.errors import EvidenceMissing

MINISTACK = "ministack"
EXTENDED = "ministack, extended by raytrail"
OURS = "raytrail (ministack has none)"


@dataclass(kw_only=True)
class Scene:
    """What happened before the evidence is looked for."""

    target: Target
    traffic: Traffic
    inbox: Inbox
    intrusion: Intrusion | None = None
    identity_changes_before: float = 0.0


Collector = Callable[[Scene], Evidence]


def trace(scene: Scene) -> Evidence:
    """The span tree of the slowest request."""
    target, trace_id = scene.target, scene.traffic.slow.trace_id
    if not trace_id:
        raise EvidenceMissing("the API answered the slow request without an X-Amzn-Trace-Id header")
    xray, service = target.client("xray"), f"{target.kit}-orders"

    def look() -> list[dict[str, Any]] | None:
        traces = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
        documents = [json.loads(segment["Document"]) for found in traces for segment in found["Segments"]]
        # Both come from the instrumentation of the function alone, and last.
        names = {span.name for span in span_tree(documents)}
        return documents if {service, "DynamoDB"} <= names else None

    documents = wait_for(
        look,
        seconds=target.patience_seconds,
        what=f"trace {trace_id} with the spans of the function and of its call to DynamoDB",
    )
    spans = span_tree(documents)
    return Evidence(
        row="trace",
        seen=f"{len(spans)} spans, {spans[0].milliseconds:.0f} ms: " + " > ".join(_chain(documents)),
        proof=trace_id,
        read_with="xray:BatchGetTraces",
        made_by=target.made_by(f"{OURS}; spans by AWS's OpenTelemetry distribution"),
        lines=tuple(str(span) for span in spans),
    )


def logs(scene: Scene) -> Evidence:
    """The log lines of one trace."""
    target, trace_id = scene.target, scene.traffic.faulty[-1].trace_id
    client, group = target.client("logs"), target.output("FunctionLogGroup")

    def look() -> list[dict[str, str]] | None:
        query = client.start_query(
            logGroupName=group,
            startTime=int(scene.traffic.since.timestamp()) - 5,
            endTime=int(time.time()) + 5,
            queryString=(
                f'fields @timestamp, level, message | filter xray_trace_id = "{trace_id}" | sort @timestamp asc'
            ),
        )["queryId"]
        answer = wait_for(
            lambda: _finished(client.get_query_results(queryId=query)), seconds=30, what="the Logs Insights query"
        )
        rows = [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]
        return rows or None

    try:
        rows = wait_for(look, seconds=target.patience_seconds, what=f"log lines of trace {trace_id} in {group}")
    except ClientError as error:
        raise EvidenceMissing(f"the log group {group} cannot be queried: {error}") from error
    return Evidence(
        row="logs",
        seen=f"{len(rows)} lines of one trace",
        proof=trace_id,
        read_with="logs:StartQuery",
        made_by=target.made_by(EXTENDED),
        lines=tuple(f"{row.get('level', '')} {row.get('message', '')}" for row in rows),
    )


def trail(scene: Scene) -> Evidence:
    """Files that the trail delivered, holding the application's call to its table."""
    target, s3 = scene.target, scene.target.client("s3")
    bucket, table = target.output("TrailBucketName"), target.output("TableName")
    account = target.client("sts").get_caller_identity()["Account"]
    today = datetime.now(UTC).strftime("%Y/%m/%d")
    prefix = f"AWSLogs/{account}/CloudTrail/{target.session.region_name}/{today}/"

    def look() -> tuple[int, str, str] | None:
        keys = [
            item["Key"]
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for item in page.get("Contents", [])
        ]
        for key in reversed(keys):
            for record in json.loads(gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))["Records"]:
                if (
                    record["eventName"] == "PutItem"
                    and (record.get("requestParameters") or {}).get("tableName") == table
                    and _time(record["eventTime"]) >= scene.traffic.since.replace(microsecond=0)
                ):
                    return len(keys), key, record["eventID"]
        return None

    files, key, event_id = wait_for(
        look, seconds=target.patience_seconds, what=f"a file of the trail with PutItem on {table} below {prefix}"
    )
    return Evidence(
        row="trail",
        seen=f"{files} files today; the function's PutItem is in {key.rpartition('/')[2]}",
        proof=event_id,
        read_with="s3:GetObject",
        made_by=target.made_by(f"S3 by {MINISTACK}, records by raytrail"),
    )


def query(title: str, *, mentions: Callable[[Scene], str]) -> Collector:
    """The answer of one saved query, which must mention something that just happened."""

    def collect(scene: Scene) -> Evidence:
        target, athena = scene.target, scene.target.client("athena")
        named = _named_query(target, title)
        wanted = mentions(scene)

        def look() -> tuple[int, int, str] | None:
            run = athena.start_query_execution(
                QueryString=named["QueryString"],
                QueryExecutionContext={"Database": named["Database"]},
                WorkGroup=target.output("WorkGroupName"),
            )["QueryExecutionId"]
            done = wait_for(
                lambda: _ended(athena.get_query_execution(QueryExecutionId=run)["QueryExecution"]),
                seconds=60,
                what=f"the query {title!r}",
            )
            if done["Status"]["State"] != "SUCCEEDED":
                raise EvidenceMissing(f"the query {title!r} failed: {done['Status'].get('StateChangeReason')}")
            pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=run)
            rows = [
                [cell.get("VarCharValue", "") for cell in row["Data"]]
                for page in pages
                for row in page["ResultSet"]["Rows"]
            ]
            if not any(wanted in cell for row in rows[1:] for cell in row):
                return None
            return len(rows) - 1, done["Statistics"]["DataScannedInBytes"], run

        rows, scanned, run = wait_for(
            look, seconds=target.patience_seconds, what=f"{wanted!r} in the answer of the query {title!r}", pause=1
        )
        return Evidence(
            row=f"query: {title}",
            seen=f"{rows} rows, {scanned:,} bytes read; {wanted!r} is among them",
            proof=run,
            read_with="athena:GetQueryResults",
            made_by=target.made_by("raytrail's Athena on DuckDB"),
        )

    return collect


def alert(detection: str, *, call: str) -> Collector:
    """One alert, as it came through SNS to SQS."""

    def collect(scene: Scene) -> Evidence:
        assert scene.intrusion is not None
        message = scene.inbox.wait(
            what=f"the alert {detection} on {call} in the inbox",
            seconds=scene.target.patience_seconds,
            detection=detection,
            call=call,
        )
        delay = message.received_at - _time(message.body["time"]).timestamp()
        return Evidence(
            row=f"alert: {detection}",
            seen=f"[{message.body['level']}] {message.body['techniques']} after {max(delay, 0):.0f} s",
            proof=message.body["event_id"],
            read_with="sqs:ReceiveMessage",
            made_by=scene.target.made_by(EXTENDED),
            lines=(message.body["summary"],),
        )

    return collect


def alert_log(scene: Scene) -> Evidence:
    """The same event, whole, in the log group of alerts."""
    assert scene.intrusion is not None
    client, group = scene.target.client("logs"), scene.target.output("AlertLogGroup")

    def look() -> str | None:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(scene.intrusion.started_at * 1000) if scene.intrusion else 0
        )
        for page in pages:
            for event in page["events"]:
                detail = json.loads(event["message"]).get("detail", {})
                if detail.get("eventName") == "StopLogging":
                    return str(detail["eventID"])
        return None

    event_id = wait_for(look, seconds=scene.target.patience_seconds, what=f"the event StopLogging in {group}")
    return Evidence(
        row="alert log",
        seen=f"the whole event StopLogging in {group}",
        proof=event_id,
        read_with="logs:FilterLogEvents",
        made_by=scene.target.made_by(EXTENDED),
    )


def alarm(scene: Scene) -> Evidence:
    """One alarm that went from OK to ALARM because of the faults, and its message."""
    target, cloudwatch = scene.target, scene.target.client("cloudwatch")
    name = target.output("UnhealthyAlarm")

    def look() -> datetime | None:
        history = cloudwatch.describe_alarm_history(
            AlarmName=name, AlarmTypes=["CompositeAlarm"], HistoryItemType="StateUpdate", StartDate=scene.traffic.since
        )
        for item in history["AlarmHistoryItems"]:
            change = json.loads(item["HistoryData"])
            if change["oldState"]["stateValue"] == "OK" and change["newState"]["stateValue"] == "ALARM":
                moment: datetime = item["Timestamp"]
                return moment
        return None

    moment = wait_for(look, seconds=target.patience_seconds, what=f"the alarm {name} going from OK to ALARM")
    message = scene.inbox.wait(
        what=f"the message of the alarm {name}",
        seconds=target.patience_seconds,
        AlarmName=name,
        NewStateValue="ALARM",
        OldStateValue="OK",
    )
    return Evidence(
        row="alarm",
        seen=f"{name}: OK to ALARM at {moment:%H:%M:%S}, its message received",
        proof=message.body["AlarmArn"],
        read_with="cloudwatch:DescribeAlarmHistory, sqs:ReceiveMessage",
        made_by=target.made_by(EXTENDED),
        lines=(str(message.body.get("NewStateReason", "")),),
    )


def dashboard(scene: Scene) -> Evidence:
    """The metrics of the operations dashboard that have data."""
    target, cloudwatch = scene.target, scene.target.client("cloudwatch")
    name = f"{target.kit}-operations"
    body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    metrics = _metrics_of(body)

    def look() -> dict[str, float] | None:
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=metrics,
            StartTime=scene.traffic.since.replace(second=0, microsecond=0) - timedelta(minutes=1),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
        )
        found = {result["Label"]: sum(result["Values"]) for result in answer["MetricDataResults"] if result["Values"]}
        return found if found.get("Requests", 0) >= len(scene.traffic.answers) and "PutItem" in found else None

    found = wait_for(
        look, seconds=target.patience_seconds, what=f"data of the API and of the table on the dashboard {name}"
    )
    return Evidence(
        row="dashboard",
        seen=f"{len(found)} of {len(metrics)} metrics have data; {found['Requests']:.0f} requests",
        proof=name,
        read_with="cloudwatch:GetMetricData",
        made_by=target.made_by(EXTENDED),
    )


def count_identity_changes(target: Target, since: datetime) -> float:
    """The count of changes to identities since a minute, as the metric filter over the trail's log group makes it."""
    points = target.client("cloudwatch").get_metric_statistics(
        Namespace=f"{target.kit}/Audit",
        MetricName="IdentityChanges",
        StartTime=since.replace(second=0, microsecond=0),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def trail_metric(scene: Scene) -> Evidence:
    """A count over the trail's log group that rose by what the intruder did."""
    target, since = scene.target, scene.traffic.since

    def look() -> float | None:
        more = count_identity_changes(target, since) - scene.identity_changes_before
        return more if more >= Intrusion.identity_changes else None

    name = f"{target.kit}/Audit IdentityChanges"
    count = wait_for(
        look, seconds=target.patience_seconds, what=f"a rise of the metric {name} by {Intrusion.identity_changes}"
    )
    return Evidence(
        row="metric filter",
        seen=f"{count:.0f} changes to identities counted in the trail's log group",
        proof=name,
        read_with="cloudwatch:GetMetricStatistics",
        made_by=target.made_by(EXTENDED),
    )


def trace_groups(scene: Scene) -> Evidence:
    """The kit's X-Ray groups and sampling rules."""
    xray, kit = scene.target.client("xray"), scene.target.kit
    groups = [group for group in xray.get_groups()["Groups"] if group["GroupName"].startswith(f"{kit}-")]
    records = xray.get_sampling_rules()["SamplingRuleRecords"]
    rules = [r["SamplingRule"]["RuleName"] for r in records if r["SamplingRule"]["RuleName"].startswith(f"{kit}-")]
    resources = scene.target.template("tracing")["Resources"].values()
    wanted = Counter(resource["Type"] for resource in resources)
    if len(groups) < wanted["AWS::XRay::Group"] or len(rules) < wanted["AWS::XRay::SamplingRule"]:
        raise EvidenceMissing(
            f"X-Ray has {len(groups)} of {wanted['AWS::XRay::Group']} groups and {len(rules)} of "
            f"{wanted['AWS::XRay::SamplingRule']} sampling rules of the template"
        )
    return Evidence(
        row="trace groups",
        seen=f"{len(groups)} groups, {len(rules)} sampling rules",
        proof=groups[0]["GroupARN"],
        read_with="xray:GetGroups, xray:GetSamplingRules",
        made_by=scene.target.made_by(OURS),
        lines=tuple(f"{group['GroupName']}: {group['FilterExpression']}" for group in groups),
    )


HARMLESS: dict[str, Collector] = {
    "trace": trace,
    "logs": logs,
    "trace groups": trace_groups,
    "dashboard": dashboard,
    "trail": trail,
    "query: Calls of the application's functions": query(
        "Calls of the application's functions", mentions=lambda scene: scene.target.output("FunctionName")
    ),
    "alarm": alarm,
}
"""What may be looked for in any account: it needs nothing but traffic."""

INTRUSIVE: dict[str, Collector] = {
    "query: New principals, keys and administrators": query(
        "New principals, keys and administrators", mentions=lambda _: "raytrail-demo-backdoor"
    ),
    "query: Tampering with trails and detection": query(
        "Tampering with trails and detection", mentions=lambda _: "StopLogging"
    ),
    "metric filter": trail_metric,
    "alert: AccessKeyCreated": alert("AccessKeyCreated", call="CreateAccessKey"),
    "alert: AdminPolicyAttached": alert("AdminPolicyAttached", call="AttachUserPolicy"),
    "alert: SecurityGroupOpened": alert("SecurityGroupOpened", call="AuthorizeSecurityGroupIngress"),
    "alert: TrailTampering": alert("TrailTampering", call="StopLogging"),
    "alert log": alert_log,
}
"""What needs the intruder, and so an account that nobody needs."""


def _named_query(target: Target, title: str) -> dict[str, Any]:
    athena = target.client("athena")
    pages = athena.get_paginator("list_named_queries").paginate(WorkGroup=target.output("WorkGroupName"))
    for page in pages:
        for identifier in page["NamedQueryIds"]:
            named: dict[str, Any] = athena.get_named_query(NamedQueryId=identifier)["NamedQuery"]
            if named["Name"] == title:
                return named
    raise EvidenceMissing(f"the workgroup {target.output('WorkGroupName')} has no saved query {title!r}")


def _metrics_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """The plain metrics of a dashboard's graphs, as GetMetricData takes them."""
    queries: list[dict[str, Any]] = []
    for widget in dashboard["widgets"]:
        for metric in widget["properties"].get("metrics", []) if widget["type"] == "metric" else []:
            *names, options = [*metric, {}] if not isinstance(metric[-1], dict) else metric
            if len(names) < 2 or options.get("visible") is False:
                continue
            namespace, name, *pairs = names
            queries.append(
                {
                    "Id": f"m{len(queries)}",
                    "Label": options.get("label", name),
                    "MetricStat": {
                        "Metric": {
                            "Namespace": namespace,
                            "MetricName": name,
                            "Dimensions": [
                                {"Name": key, "Value": value}
                                for key, value in zip(pairs[::2], pairs[1::2], strict=True)
                            ],
                        },
                        "Period": options.get("period", widget["properties"].get("period", 300)),
                        "Stat": options.get("stat", "Average"),
                    },
                }
            )
    return queries


def _finished(answer: dict[str, Any]) -> dict[str, Any] | None:
    return answer if answer["status"] in {"Complete", "Failed", "Cancelled", "Timeout"} else None


def _ended(execution: dict[str, Any]) -> dict[str, Any] | None:
    return execution if execution["Status"]["State"] in {"SUCCEEDED", "FAILED", "CANCELLED"} else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _chain(documents: list[dict[str, Any]]) -> list[str]:
    chain = [span.name for span in span_tree(documents)]
    return list(dict.fromkeys(chain))
