"""Where alerts and alarms go, and who gets them."""

from raytrail.alerting._channel import AlertChannel

__all__ = ["AlertChannel"]
