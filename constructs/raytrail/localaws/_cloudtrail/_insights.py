"""Insights events that are brought in, on EventBridge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from raytrail.localaws._cloudtrail._trails import Trails
from raytrail.localaws._hooks import hook

DETAIL_TYPE = "AWS Insight via CloudTrail"
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html"""


class Insights:
    """Puts an Insights event on the default bus of its Region, where a trail that logs looks for its kind.

    Which ``source`` AWS gives it is documented nowhere; here it is that of CloudTrail itself.
    """

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._scope = hook("ministack.core.responses:request_scope")
        self._put_events = hook("ministack.services.eventbridge:_put_events")

    def take(self, event: Mapping[str, Any], account_id: str) -> str | None:
        """Put an Insights event on the bus, or return why CloudTrail would have found none.

        Args:
            event: The record of an Insights event, as CloudTrail writes it.
            account_id: The account of the embedded AWS in which it happened.
        """
        region, kind = str(event.get("awsRegion", "")), (event.get("insightDetails") or {}).get("insightType")
        if not any(
            trail.logging
            and trail.account_id == account_id
            and (trail.multi_region or trail.home_region == region)
            and kind in self._trails.insights(trail.arn)
            for trail in self._trails.current()
        ):
            return f"no trail that logs looks for {kind} in {region}"
        entry = {
            "Source": "aws.cloudtrail",
            "DetailType": DETAIL_TYPE,
            "Detail": json.dumps(event),
            "Resources": [],
        }
        with self._scope(account_id, region):
            self._put_events({"Entries": [entry]}, allow_aws_source=True)
        return None
