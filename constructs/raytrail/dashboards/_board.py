"""How it is shown: two dashboards."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.audit import AuditMetrics
from raytrail.dashboards._metrics import ServiceMetrics
from raytrail.errors import InvalidProps

FULL, HALF, THIRD = 24, 12, 8
"""Widths on the grid of 24 columns."""


class OperationsDashboard(Construct):
    """Traces, logs and metrics of one service, side by side.

    Args:
        name: Name of the dashboard that is made. Default: none, where a dashboard is given.
        dashboard: A dashboard of the app to add to, instead of one of its own; one that another app made cannot be
            added to. Default: one is made.
        metrics: What is measured.
        log_group: The function's log group.
        access_log_group: The API's access logs, as JSON with ``xrayTraceId``, ``method``, ``path``, ``status`` and
            ``latency``: the slowest requests are listed with their traces. Default: none.
        trace_groups: Names of the X-Ray groups to link to. Default: none.
        alarms: Alarms whose state is shown. Default: none.
        application_metrics: What the application itself counts. Default: nothing.

    Attributes:
        dashboard: The dashboard.

    Raises:
        InvalidProps: Both a name and a dashboard are given, or neither.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str | None = None,
        dashboard: cloudwatch.Dashboard | None = None,
        metrics: ServiceMetrics,
        log_group: logs.ILogGroup,
        access_log_group: logs.ILogGroup | None = None,
        trace_groups: Sequence[str] = (),
        alarms: Sequence[cloudwatch.IAlarm] = (),
        application_metrics: Sequence[cloudwatch.IMetric] = (),
    ) -> None:
        super().__init__(scope, id)
        self.dashboard: cloudwatch.Dashboard = _dashboard(self, name, dashboard)
        self.dashboard.add_widgets(_links(Stack.of(self).region, trace_groups))
        if alarms:
            self.dashboard.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", width=FULL, alarms=list(alarms)))
        self.dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title="Requests", width=THIRD, left=[metrics.requests(), metrics.client_errors(), metrics.faults()]
            ),
            cloudwatch.GraphWidget(title="Faults, percent", width=THIRD, left=[metrics.fault_rate()]),
            cloudwatch.GraphWidget(
                title="Latency, ms", width=THIRD, left=[metrics.latency("p50"), metrics.latency("p95")]
            ),
        )
        self.dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title="Function",
                width=THIRD,
                left=[metrics.invocations(), metrics.function_errors(), metrics.throttles()],
            ),
            cloudwatch.GraphWidget(title="Function duration, ms", width=THIRD, left=[metrics.duration("p95")]),
            cloudwatch.GraphWidget(
                title="Table latency, ms",
                width=THIRD,
                left=[metrics.table_latency(name) for name in ("PutItem", "GetItem", "Scan")],
            ),
        )
        if application_metrics:
            self.dashboard.add_widgets(
                cloudwatch.GraphWidget(title="Application", width=FULL, left=list(application_metrics))
            )
        traces = []
        if access_log_group:
            traces.append(
                cloudwatch.LogQueryWidget(
                    title="Traces of the slowest requests",
                    width=HALF,
                    log_group_names=[access_log_group.log_group_name],
                    query_lines=[
                        "fields @timestamp, method, path, status, latency, xrayTraceId",
                        "sort latency desc",
                        "limit 20",
                    ],
                )
            )
        self.dashboard.add_widgets(
            *traces,
            cloudwatch.LogQueryWidget(
                title="Latest errors, with their traces",
                width=HALF if traces else FULL,
                log_group_names=[log_group.log_group_name],
                query_lines=[
                    "fields @timestamp, message, xray_trace_id, function_request_id",
                    'filter level = "ERROR"',
                    "sort @timestamp desc",
                    "limit 50",
                ],
            ),
        )


class SecurityDashboard(Construct):
    """Alerts and counts over API calls.

    Args:
        name: Name of the dashboard that is made. Default: none, where a dashboard is given.
        dashboard: A dashboard of the app to add to, instead of one of its own; one that another app made cannot be
            added to. Default: one is made.
        pager_log: The log group of the pager, which has a line for each alert. Default: none.
        alert_log: The log group of whole events. Default: none.
        audit: Counts over the trail. Default: none.

    Attributes:
        dashboard: The dashboard.

    Raises:
        InvalidProps: Both a name and a dashboard are given, or neither.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str | None = None,
        dashboard: cloudwatch.Dashboard | None = None,
        pager_log: logs.ILogGroup | None = None,
        alert_log: logs.ILogGroup | None = None,
        audit: AuditMetrics | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.dashboard: cloudwatch.Dashboard = _dashboard(self, name, dashboard)
        if pager_log:
            self.dashboard.add_widgets(
                cloudwatch.LogQueryWidget(
                    title="Alerts by detection",
                    width=FULL,
                    log_group_names=[pager_log.log_group_name],
                    query_lines=[
                        "filter ispresent(detection)",
                        "stats count(*) as alerts, latest(principal) as latest_actor by detection, outcome",
                        "sort alerts desc",
                    ],
                )
            )
        if audit:
            self.dashboard.add_widgets(
                cloudwatch.GraphWidget(title="Denied calls", width=THIRD, left=[audit.denied_calls]),
                cloudwatch.GraphWidget(title="Failed sign-ins", width=THIRD, left=[audit.failed_sign_ins]),
                cloudwatch.GraphWidget(title="Changes to identities", width=THIRD, left=[audit.identity_changes]),
            )
        if alert_log:
            self.dashboard.add_widgets(
                cloudwatch.LogQueryWidget(
                    title="Latest alerts",
                    width=FULL,
                    log_group_names=[alert_log.log_group_name],
                    query_lines=[
                        "fields @timestamp, detail.eventName, detail.userIdentity.arn, detail.sourceIPAddress, "
                        "detail.awsRegion, detail.eventID",
                        "sort @timestamp desc",
                        "limit 50",
                    ],
                )
            )


def _dashboard(scope: Construct, name: str | None, given: cloudwatch.Dashboard | None) -> cloudwatch.Dashboard:
    if (name is None) == (given is None):
        raise InvalidProps(
            f"{scope.node.path} takes name, for a dashboard of its own, or dashboard, for one that it adds to; "
            f"got {'neither' if name is None else 'both'}"
        )
    return given or cloudwatch.Dashboard(scope, "Resource", dashboard_name=name)


def _links(region: str, trace_groups: Sequence[str]) -> cloudwatch.TextWidget:
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    lines = ["**Traces**", f"[Trace map]({console}#xray:service-map/map)", f"[All traces]({console}#xray:traces/query)"]
    if trace_groups:
        lines.append("groups: " + ", ".join(trace_groups))
    return cloudwatch.TextWidget(markdown=" · ".join(lines), width=FULL, height=1)
