"""EventBridge rules that intercept API calls."""

from raytrail.detection._alerts import ApiCallAlerts
from raytrail.detection._catalog import DETECTIONS
from raytrail.detection._forwarder import GLOBAL_REGION, GlobalEventForwarder
from raytrail.detection._model import Detection, Level

__all__ = ["DETECTIONS", "GLOBAL_REGION", "ApiCallAlerts", "Detection", "GlobalEventForwarder", "Level"]
