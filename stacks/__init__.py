"""Thin compositions, one stack for each concern; `compose` puts them together."""

from __future__ import annotations

from aws_cdk import App

from raytrail.detection import GLOBAL_REGION
from raytrail.settings import Settings
from stacks.audit import AuditStack
from stacks.dashboards import DashboardsStack
from stacks.detection import DetectionStack, GlobalEventsStack
from stacks.sample import SampleStack, service_name
from stacks.tracing import TracingStack


def compose(app: App, settings: Settings) -> None:
    """Add to ``app`` the stacks that the settings switch on."""
    tracing = sample = audit = detection = None
    if settings.tracing.enabled:
        tracing = TracingStack(app, settings=settings, service_name=service_name(settings))
    if settings.sample.enabled:
        sample = SampleStack(app, settings=settings)
    if settings.audit.enabled:
        audit = AuditStack(app, settings=settings, tables=[sample.table] if sample else [])
    if settings.detection.enabled:
        detection = DetectionStack(app, settings=settings, audit=audit)
    if detection and settings.region != GLOBAL_REGION:
        GlobalEventsStack(app, settings=settings, rules=detection.alerts.detections.values())
    if settings.dashboards.enabled:
        DashboardsStack(
            app,
            settings=settings,
            channel=detection.channel if detection else None,
            service=sample.metrics if sample else None,
            service_counts=sample.orders if sample else (),
            service_logs=sample.log_group if sample else None,
            access_logs=sample.access_logs if sample else None,
            trace_groups=tracing.groups if tracing else None,
            alerts=detection.alerts if detection else None,
            audit=audit.metrics if audit else None,
        )
