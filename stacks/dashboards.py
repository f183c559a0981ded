"""Two dashboards, and alarms that somebody receives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import CfnOutput
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.audit import AuditMetrics
from raytrail.dashboards import AuditAlarms, OperationsDashboard, SecurityDashboard, ServiceAlarms, ServiceMetrics
from raytrail.detection import ApiCallAlerts
from raytrail.settings import Settings
from raytrail.tracing import TraceGroup
from stacks._kit import KitStack, alert_channel


class DashboardsStack(KitStack):
    """What the other stacks measure, shown; each part appears when its stack is on."""

    def __init__(
        self,
        scope: Construct,
        *,
        settings: Settings,
        channel: AlertChannel | None = None,
        service: ServiceMetrics | None = None,
        service_counts: Sequence[cloudwatch.IMetric] = (),
        service_logs: logs.ILogGroup | None = None,
        access_logs: logs.ILogGroup | None = None,
        trace_groups: Mapping[str, TraceGroup] | None = None,
        alerts: ApiCallAlerts | None = None,
        audit: AuditMetrics | None = None,
    ) -> None:
        super().__init__(scope, "dashboards", settings=settings, description="Dashboards and alarms")
        if channel is None:
            channel = alert_channel(self, "alarms", settings=settings)
        if service and service_logs:
            self._show_operations(
                settings, channel, service, service_counts, service_logs, access_logs, trace_groups or {}
            )
        if alerts or audit:
            SecurityDashboard(
                self,
                "Security",
                name=f"{settings.name}-security",
                pager_log=alerts.pager.log_group if alerts else None,
                alert_log=alerts.log_group if alerts else None,
                audit=audit,
            )
        if audit:
            alarms = AuditAlarms(self, "AuditAlarms", metrics=audit, channel=channel)
            CfnOutput(self, "DeniedCallsAlarm", value=alarms.denied_calls.alarm_name)
        if settings.detection.existing_topic is None:
            CfnOutput(self, "AlarmInboxUrl", value=channel.inbox.queue_url)

    def _show_operations(
        self,
        settings: Settings,
        channel: AlertChannel,
        service: ServiceMetrics,
        service_counts: Sequence[cloudwatch.IMetric],
        service_logs: logs.ILogGroup,
        access_logs: logs.ILogGroup | None,
        trace_groups: Mapping[str, TraceGroup],
    ) -> None:
        alarms = ServiceAlarms(
            self,
            "ServiceAlarms",
            metrics=service,
            channel=channel,
            slow_percentile_ms=settings.dashboards.slow_percentile_ms,
        )
        shown: list[cloudwatch.IAlarm] = [alarms.unhealthy, alarms.faults, alarms.slow]
        OperationsDashboard(
            self,
            "Operations",
            name=f"{settings.name}-operations",
            metrics=service,
            log_group=service_logs,
            access_log_group=access_logs,
            trace_groups=[group.group_name for group in trace_groups.values()],
            alarms=shown,
            application_metrics=service_counts,
        )
        CfnOutput(self, "FaultsAlarm", value=alarms.faults.alarm_name)
        CfnOutput(self, "UnhealthyAlarm", value=alarms.unhealthy.alarm_name)
