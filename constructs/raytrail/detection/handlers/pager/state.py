"""What was paged, and how many alerts there were: a table of DynamoDB.

An actor's alerts of one detection share a partition. In it each alert has an entry of its own, so that writing it
twice counts it once, and each hour has one entry that says who pages for it:

    2026-11-22T20 event f63f680e-...    an alert
    2026-11-22T20 page                  claimed by one message at a time, until it is told

Whoever has the claim publishes, and then says so. If publishing fails the claim is given up, and whoever ends before
it can do that loses it after a minute; so the hour is told by a later alert, or by the same message when it comes
again. What is certain is one page at least; two come only where something ended after the page and before its note.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from raytrail.detection.handlers.pager.alert import Alert
from raytrail.detection.handlers.pager.page import Earlier

CLAIM_SECONDS = 60
"""Longer than the function may run."""
KEPT_SECONDS = 7 * 86_400
_LONGEST_KEY = 2048
"""In bytes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""


@dataclass(frozen=True)
class Pages:
    """The table.

    Args:
        table: A ``Table`` of boto3, with the keys ``group`` and ``entry`` and the expiry ``expires``.
        grouped: Whether an hour is one page. Without it each alert is.
    """

    table: Any
    grouped: bool

    def count(self, alert: Alert, now: float) -> bool:
        """Note the alert; whether it was not known."""
        entry = f"{alert.hour} event {alert.event_id}"
        item = {**self._key(alert, entry), "expires": int(now) + KEPT_SECONDS}
        return "Attributes" not in self.table.put_item(Item=item, ReturnValues="ALL_OLD")

    def claim(self, alert: Alert, message: str, now: float) -> bool:
        """Take it upon this message to page; False where it was done, or another is at it."""
        try:
            self.table.update_item(
                Key=self._key(alert, self._page(alert)),
                UpdateExpression="SET claimed_by = :me, claimed_until = :until, expires = :expires",
                ConditionExpression=(
                    "attribute_not_exists(told) AND "
                    "(attribute_not_exists(claimed_by) OR claimed_by = :me OR claimed_until < :now)"
                ),
                ExpressionAttributeValues={
                    ":me": message,
                    ":now": int(now),
                    ":until": int(now) + CLAIM_SECONDS,
                    ":expires": int(now) + KEPT_SECONDS,
                },
            )
        except self._refused:
            return False
        return True

    def told(self, alert: Alert) -> None:
        """The page is published."""
        self.table.update_item(
            Key=self._key(alert, self._page(alert)),
            UpdateExpression="SET told = :event",
            ExpressionAttributeValues={":event": alert.event_id},
        )

    def give_up(self, alert: Alert, message: str) -> None:
        """The page could not be published: the next alert may."""
        try:
            self.table.delete_item(
                Key=self._key(alert, self._page(alert)),
                ConditionExpression="claimed_by = :me AND attribute_not_exists(told)",
                ExpressionAttributeValues={":me": message},
            )
        except self._refused:
            return

    def earlier(self, alert: Alert) -> Earlier | None:
        """The last hour before the alert's that had any, as far back as the table remembers."""
        if not alert.hour:  # a key may not be compared with nothing
            return None
        last = self._query(alert, "entry < :entry", {":entry": alert.hour}, ScanIndexForward=False, Limit=1)["Items"]
        if not last:
            return None
        hour = str(last[0]["entry"])[: len(alert.hour)]
        count, more = 0, dict[str, Any]()
        while True:
            found = self._query(
                alert, "begins_with(entry, :entry)", {":entry": f"{hour} event "}, Select="COUNT", **more
            )
            count += found["Count"]
            if "LastEvaluatedKey" not in found:
                return Earlier(hour, count)
            more = {"ExclusiveStartKey": found["LastEvaluatedKey"]}

    @property
    def _refused(self) -> type[Exception]:
        refused: type[Exception] = self.table.meta.client.exceptions.ConditionalCheckFailedException
        return refused

    def _query(self, alert: Alert, entries: str, values: dict[str, str], **how: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.table.query(
            KeyConditionExpression=f"#group = :group AND {entries}",
            ExpressionAttributeNames={"#group": "group"},
            ExpressionAttributeValues={":group": self._group(alert), **values},
            ConsistentRead=True,
            **how,
        )
        return found

    def _key(self, alert: Alert, entry: str) -> dict[str, str]:
        return {"group": self._group(alert), "entry": entry}

    def _page(self, alert: Alert) -> str:
        return f"{alert.hour} page" if self.grouped else f"{alert.hour} page {alert.event_id}"

    @staticmethod
    def _group(alert: Alert) -> str:
        group = f"{alert.name} {alert.account} {alert.grouped_as}"
        return group if len(group.encode()) <= _LONGEST_KEY else hashlib.sha256(group.encode()).hexdigest()
