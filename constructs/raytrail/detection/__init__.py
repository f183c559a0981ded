"""EventBridge rules that intercept API calls."""

from raytrail.detection._alerts import ApiCallAlerts
from raytrail.detection._catalog import (
    ACCESS_KEY_CREATED,
    ADMIN_POLICY_ATTACHED,
    BUCKET_MADE_PUBLIC,
    DETECTIONS,
    KMS_KEY_DELETION,
    ROOT_USE,
    SECURITY_GROUP_OPENED,
    SIGN_IN_WITHOUT_MFA,
    TABLE_DELETED,
    TRAIL_TAMPERING,
)
from raytrail.detection._forwarder import GLOBAL_REGION, GlobalEventForwarder
from raytrail.detection._model import Detection, Level

__all__ = [
    "ACCESS_KEY_CREATED",
    "ADMIN_POLICY_ATTACHED",
    "BUCKET_MADE_PUBLIC",
    "DETECTIONS",
    "GLOBAL_REGION",
    "KMS_KEY_DELETION",
    "ROOT_USE",
    "SECURITY_GROUP_OPENED",
    "SIGN_IN_WITHOUT_MFA",
    "TABLE_DELETED",
    "TRAIL_TAMPERING",
    "ApiCallAlerts",
    "Detection",
    "GlobalEventForwarder",
    "Level",
]
