"""Rules that intercept API calls, questions to the lake on a schedule, and where their alerts go."""

from raytrail.detection._alerts import ApiCallAlerts
from raytrail.detection._cis import CisAlarms
from raytrail.detection._cis_controls import CIS_CONTROLS, CisControl
from raytrail.detection._described import described
from raytrail.detection._event_log import log_statements
from raytrail.detection._forwarder import GLOBAL_REGION, GlobalEventForwarder
from raytrail.detection._model import rule_of_api_call
from raytrail.detection._pager import Pager
from raytrail.detection._scheduled import ScheduledDetections, reader_role, unseen
from raytrail.detection._suppressions import Suppression
from raytrail.detection._targets import AlertTarget
from raytrail.detection._vantage import vantage_of
from raytrail.sigma import Level

__all__ = [
    "CIS_CONTROLS",
    "GLOBAL_REGION",
    "AlertTarget",
    "ApiCallAlerts",
    "CisAlarms",
    "CisControl",
    "GlobalEventForwarder",
    "Level",
    "Pager",
    "ScheduledDetections",
    "Suppression",
    "described",
    "log_statements",
    "reader_role",
    "rule_of_api_call",
    "unseen",
    "vantage_of",
]
