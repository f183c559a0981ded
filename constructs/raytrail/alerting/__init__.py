"""Where alerts and alarms go, and who gets them."""

from raytrail.alerting._channel import AlertChannel
from raytrail.alerting._policies import inbox_statements, key_statements, topic_statements

__all__ = ["AlertChannel", "inbox_statements", "key_statements", "topic_statements"]
