"""Which log files digests name, and which times they speak for."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
"""How exactly the name of a log file says when it was delivered."""


class Named:
    """The log files that digests name: on disk when they are many, so that memory does not grow with them."""

    def __init__(self) -> None:
        # An empty name is SQLite's for a database of its own in a temporary file that it deletes itself.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE named (path TEXT PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, path: str) -> None:
        """Keep a path."""
        self._database.execute("INSERT OR IGNORE INTO named VALUES (?)", (path,))

    def __contains__(self, path: str) -> bool:
        found = self._database.execute("SELECT 1 FROM named WHERE path = ?", (path,))
        return found.fetchone() is not None

    def close(self) -> None:
        """Delete what was kept."""
        self._database.close()


class Times:
    """Spans of time, added in any order."""

    def __init__(self) -> None:
        self._spans: list[tuple[datetime, datetime]] = []

    def add(self, start: datetime, end: datetime) -> None:
        """Add a span, from its start until before its end."""
        apart = []
        for span in self._spans:
            if span[1] < start or end < span[0]:
                apart.append(span)
            else:
                start, end = min(start, span[0]), max(end, span[1])
        self._spans = sorted([*apart, (start, end)])

    def hold_minute(self, minute: datetime) -> bool:
        """Whether a whole minute lies in one span."""
        return any(start <= minute and minute + MINUTE <= end for start, end in self._spans)
