"""What the statements for rules have in common: where they read, and what a row says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from raytrail.sigma._athena_columns import quoted

_ACTOR = (
    "coalesce(useridentity.sessioncontext.sessionissuer.arn, useridentity.arn, useridentity.invokedby, "
    "useridentity.accountid, 'unknown')"
)
# How each column of a row is computed from the table; the first, the rule, is not.
_EXPRESSIONS = {
    "eventid": "eventid",
    "eventtime": "eventtime",
    "account": "account",
    "region": "region",
    "actor": f"{_ACTOR} AS actor",
    "eventsource": "eventsource",
    "eventname": "eventname",
    "sourceipaddress": "sourceipaddress",
    "errorcode": "errorcode",
}
COLUMNS = ("rule", *_EXPRESSIONS)
"""Columns of every row; ``actor`` is the role behind a session, the user, the service, or the account."""


class Source(NamedTuple):
    """What is read."""

    table: str
    accounts: tuple[str, ...] | None
    regions: tuple[str, ...] | None
    window: bool
    carry: Mapping[str, str]
    """Further columns of each row: how they are computed, by their names."""

    @property
    def expressions(self) -> str:
        """What is kept of an event."""
        further = [name if value == name else f"{value} AS {name}" for name, value in self.carry.items()]
        return ", ".join([*_EXPRESSIONS.values(), *further])

    @property
    def names(self) -> str:
        """The same, where it is computed."""
        return ", ".join([*_EXPRESSIONS, *self.carry])

    def conditions(self, *others: str) -> str:
        """Return the WHERE clause of a scan, with its question marks: two days, and two moments."""
        found = [
            f"{key} IN ({', '.join(map(quoted, values))})"
            for key, values in (("account", self.accounts), ("region", self.regions))
            if values is not None
        ]
        if self.window:
            found += ['"timestamp" BETWEEN ? AND ?', "eventtime >= ?", "eventtime < ?"]
        return "WHERE " + "\n      AND ".join([*found, *others])
