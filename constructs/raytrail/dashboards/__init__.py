"""Dashboards, and alarms that somebody receives."""

from raytrail.dashboards._alarms import AuditAlarms, ServiceAlarms
from raytrail.dashboards._board import OperationsDashboard, SecurityDashboard
from raytrail.dashboards._metrics import ServiceMetrics

__all__ = ["AuditAlarms", "OperationsDashboard", "SecurityDashboard", "ServiceAlarms", "ServiceMetrics"]
