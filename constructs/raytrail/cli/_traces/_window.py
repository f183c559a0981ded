"""The time that is looked at: from the words of the options to instants, and to pieces that X-Ray takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from raytrail.cli._errors import WrongUse

DEFAULT_SINCE = "15m"

LONGEST_PIECE = timedelta(hours=6)
"""The longest time that GetTraceSummaries and GetServiceGraph take
(https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html)."""

SHORTEST_PIECE = timedelta(minutes=5)

RETENTION = timedelta(days=30)
"""How long X-Ray keeps a trace (https://docs.aws.amazon.com/general/latest/gr/xray.html)."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SINCE = re.compile(r"(?:\d+[smhd])+")


@dataclass(frozen=True, kw_only=True)
class Window:
    """From one instant to a later one, both with a time zone."""

    start: datetime
    end: datetime

    def pieces(self) -> Iterator[tuple[datetime, datetime]]:
        """The window in pieces, the newest first: short ones, then ever longer ones, none longer than X-Ray takes.

        Who only wants the newest traces so need not ask, and pay, for all.
        """
        end, length = self.end, SHORTEST_PIECE
        while end > self.start:
            start = max(self.start, end - length)
            yield start, end
            end, length = start, min(2 * length, LONGEST_PIECE)

    def six_hours(self) -> Iterator[tuple[datetime, datetime]]:
        """The window in as few pieces as X-Ray allows, the oldest first."""
        start = self.start
        while start < self.end:
            end = min(self.end, start + LONGEST_PIECE)
            yield start, end
            start = end

    def __str__(self) -> str:
        return f"{local_time(self.start)} to {local_time(self.end)}"


def read_window(*, since: str | None, from_: str | None, to: str | None, now: datetime | None = None) -> Window:
    """Read the options ``--since``, ``--from`` and ``--to``.

    Args:
        since: How long before the end, such as ``15m``, ``2h`` or ``1d12h``. Default: 15 minutes.
        from_: The start in ISO 8601; without a zone it is this machine's time.
        to: The end, likewise. Default: now.
        now: The time. Default: the clock's.

    Raises:
        WrongUse: One cannot be read; both a start and a length are given; or the start is not before the end, or
            longer ago than X-Ray keeps traces.
    """
    now = now or datetime.now(UTC)
    if since is not None and from_ is not None:
        raise WrongUse("--since and --from both say where to start; give one of them")
    end = _instant("--to", to) if to is not None else now
    start = _instant("--from", from_) if from_ is not None else end - _length(since or DEFAULT_SINCE)
    if start >= end:
        raise WrongUse(f"the time to look at starts at {local_time(start)}, not before its end at {local_time(end)}")
    if start < now - RETENTION - timedelta(minutes=1):
        raise WrongUse(f"X-Ray keeps traces for {RETENTION.days} days, and {local_time(start)} is longer ago")
    return Window(start=start, end=end)


def local_time(instant: datetime) -> str:
    """The instant on this machine's clock, with its distance from UTC."""
    return instant.astimezone().isoformat(sep=" ", timespec="seconds")


def _length(text: str) -> timedelta:
    if not _SINCE.fullmatch(text):
        raise WrongUse(f"--since takes a length such as 90s, 15m, 2h or 1d12h, got {text!r}")
    parts = re.findall(r"(\d+)([smhd])", text)
    try:
        length = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        length = timedelta.max
    if not timedelta() < length <= RETENTION:
        raise WrongUse(f"--since takes more than nothing and at most {RETENTION.days} days, as X-Ray keeps, got {text}")
    return length


def _instant(option: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise WrongUse(
            f"{option} takes a time such as 2026-11-22T14:30 or 2026-11-22T14:30:00Z, got {text!r}"
        ) from error
