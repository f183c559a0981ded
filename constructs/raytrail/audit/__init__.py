"""The trail, and the lake that reads it."""

from raytrail.audit._analysts import AnalystRole
from raytrail.audit._bucket import AuditBucket
from raytrail.audit._insight_alert import InsightAlert
from raytrail.audit._lake import AuditLake
from raytrail.audit._metrics import AuditMetrics
from raytrail.audit._model import Retention
from raytrail.audit._model_events import DataEvents, Insights, ManagementEvents, NetworkActivityEvents
from raytrail.audit._model_queries import SavedQuery, saved_queries
from raytrail.audit._policies import (
    decryption_statements,
    delivery_statements,
    encryption_statements,
    reading_statements,
)
from raytrail.audit._trail import AuditTrail

__all__ = [
    "AnalystRole",
    "AuditBucket",
    "AuditLake",
    "AuditMetrics",
    "AuditTrail",
    "DataEvents",
    "InsightAlert",
    "Insights",
    "ManagementEvents",
    "NetworkActivityEvents",
    "Retention",
    "SavedQuery",
    "decryption_statements",
    "delivery_statements",
    "encryption_statements",
    "reading_statements",
    "saved_queries",
]
