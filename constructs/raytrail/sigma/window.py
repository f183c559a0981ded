"""The execution parameters by which a statement is asked about a window of time.

It needs Python's own library alone: the function that runs statements on a schedule holds a copy of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DELIVERY = timedelta(hours=1)
"""How long after an event its file may be delivered and still be found under the days that are read."""


def parameters(start: datetime, end: datetime, *, before_seconds: int, delivery: timedelta = DELIVERY) -> list[str]:
    """Return a literal for each question mark of a statement with a window, in order.

    Args:
        start: The first moment that is asked about.
        end: The first moment after it.
        before_seconds: How long before the window events matter, to sequences that end in it; 0 for single events.
        delivery: How long after an event its file may lie and still be read. Default: an hour.
    """
    first = start - timedelta(seconds=before_seconds)
    # Files lie under the day of their delivery, which is not before that of their events.
    days = [f"'{moment.astimezone(UTC):%Y/%m/%d}'" for moment in (first, end + delivery)]
    read = [*days, _instant(first), _instant(end)]
    return [*read, _instant(start), _instant(end)] if before_seconds else read


def _instant(moment: datetime) -> str:
    return f"'{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
