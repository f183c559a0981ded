"""Which window of time a run asks about: from where the one before it ended.

Windows lie side by side whatever happens to the schedule. A period or a lag that is changed, a run that was never
started, a schedule that was off for some hours: the next window begins where the last one ended. What each run was
given is kept, so that one that is repeated asks about the same window again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

LONGEST = timedelta(days=2)
"""What a run makes up for at most: two of the longest periods."""
KEPT = timedelta(days=15)
"""Longer than the dead-letter queue keeps the time of a run that failed."""


@dataclass(frozen=True)
class Window:
    """What a run asks about.

    Args:
        start: The first moment.
        end: The first moment after it.
        unasked: How much before it nobody was asked about, and this run leaves out.
    """

    start: datetime
    end: datetime
    unasked: timedelta = timedelta()


@dataclass(frozen=True)
class Windows:
    """The windows of one schedule, in the pager's table.

    Args:
        table: A ``Table`` of boto3, with the keys ``group`` and ``entry`` and the expiry ``expires``.
        schedule: What the schedule's entries are grouped under.
    """

    table: Any
    schedule: str

    def of(self, end: datetime, period: timedelta, now: datetime) -> Window:
        """The window that ends at a moment: what it was before, or from the end of the last one before it.

        Args:
            end: Its end.
            period: How long it is where nothing is known of others.
            now: When it is asked for.
        """
        known = self.table.get_item(Key=self._key(end), ConsistentRead=True).get("Item")
        if known is not None:
            return Window(datetime.fromisoformat(known["start"]), end)
        last = self._end_before(end)
        start = end - period if last is None else last
        window = Window(max(start, end - LONGEST), end, max(end - LONGEST - start, timedelta()))
        expires = int((now + KEPT).timestamp())
        self.table.put_item(Item={**self._key(end), "start": window.start.isoformat(), "expires": expires})
        return window

    def _end_before(self, end: datetime) -> datetime | None:
        found = self.table.query(
            KeyConditionExpression="#group = :group AND entry < :entry",
            ExpressionAttributeNames={"#group": "group"},
            ExpressionAttributeValues={f":{name}": value for name, value in self._key(end).items()},
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return datetime.fromisoformat(found[0]["entry"]) if found else None

    def _key(self, end: datetime) -> dict[str, str]:
        return {"group": self.schedule, "entry": end.astimezone(UTC).isoformat(timespec="seconds")}
