"""Rows of CloudWatch metrics."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from raytrail.demo._evidence import Evidence, wait_for
from raytrail.demo._scenario import Intrusion
from raytrail.demo._scene import EXTENDED, Scene
from raytrail.demo._target import Target


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
        return (
            found
            if found.get("Requests", 0) >= len(scene.traffic.answers) and {"PutItem", "Orders"} <= set(found)
            else None
        )

    found = wait_for(
        look,
        seconds=target.patience_seconds,
        what=f"data of the API, of the table and of the orders on the dashboard {name}",
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
