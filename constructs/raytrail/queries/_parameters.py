"""The parameters of a saved query: what may be given for one, and the literal that Athena is given for it.

Athena puts an execution parameter in the place of a question mark as a piece of SQL, so that a text must arrive in
single quotes: https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html. Whoever makes
these literals decides whether a value can become something else than a value; it is done here and nowhere else.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from raytrail.errors import InvalidProps

# https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html (ExecutionParameter)
MAX_LITERAL = 1024

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryParameter:
    """One value that a saved query asks for.

    Raises:
        InvalidProps: The name is not lower-case letters, digits and underscores, the kind is unknown, or the example
            is none of its kind.
    """

    name: str
    """As in ``${name}`` and on the command line."""
    kind: str
    """``text``, ``instant``, ``day``, ``account``, ``region`` or ``integer``."""
    meaning: str
    """What it stands for, in a few words."""
    example: str
    """A value that the kind allows."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidProps(f"a parameter's name is lower-case letters, digits and underscores, got {self.name!r}")
        if self.kind not in KINDS:
            raise InvalidProps(f"kind of parameter {self.name!r} is one of {', '.join(KINDS)}, got {self.kind!r}")
        self.literal(self.example)

    def literal(self, value: str) -> str:
        """Return the SQL literal that stands for a value: a text in quotes, or a number.

        A day is taken as ``2026-11-01`` or ``2026/11/01``; an instant in ISO 8601 with its offset, and becomes UTC.

        Args:
            value: What a person writes.

        Raises:
            InvalidProps: The value is not of the kind, has a control character, or makes a literal of more than 1,024
                characters.
        """
        literal = KINDS[self.kind](self, value)
        if len(literal) > MAX_LITERAL:
            raise InvalidProps(
                f"parameter {self.name!r} makes a literal of {len(literal)} characters; Athena takes {MAX_LITERAL}"
            )
        return literal

    def refuse(self, value: str, allowed: str) -> InvalidProps:
        """Return the error of a value that is not of the kind.

        Args:
            value: What a person wrote.
            allowed: What is allowed, in words.
        """
        shown = value if len(value) <= 80 else f"{value[:80]}..."
        return InvalidProps(f"parameter {self.name!r} is {allowed}, such as {self.example}, got {shown!r}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the known name that is most like a wrong one, or nothing."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _quoted(text: str) -> str:
    """Return a text as Trino writes one: its quotes doubled, and nothing else has a meaning inside."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _text(parameter: QueryParameter, value: str) -> str:
    if not value or _CONTROL.search(value) or _SURROGATE.search(value):
        raise parameter.refuse(value, "a text of one line and at least one character")
    return _quoted(value)


def _instant(parameter: QueryParameter, value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise parameter.refuse(value, "a date and time in ISO 8601 with its offset from UTC") from None
    if moment.microsecond:
        raise parameter.refuse(value, "a date and time in whole seconds, as CloudTrail writes them")
    return _quoted(f"{moment.replace(tzinfo=None).isoformat()}Z")


def _day(parameter: QueryParameter, value: str) -> str:
    written = re.fullmatch(r"([0-9]{4})([/-])([0-9]{2})\2([0-9]{2})", value)
    try:
        if written is None:
            raise ValueError
        day = date(int(written[1]), int(written[3]), int(written[4]))
    except ValueError:
        raise parameter.refuse(value, "a day in UTC") from None
    return _quoted(day.isoformat().replace("-", "/"))


def _account(parameter: QueryParameter, value: str) -> str:
    if not _ACCOUNT.fullmatch(value):
        raise parameter.refuse(value, "the 12 digits of an account")
    return _quoted(value)


def _region(parameter: QueryParameter, value: str) -> str:
    if not _REGION.fullmatch(value):
        raise parameter.refuse(value, "the code of a Region")
    return _quoted(value)


def _integer(parameter: QueryParameter, value: str) -> str:
    if not _INTEGER.fullmatch(value):
        raise parameter.refuse(value, "a whole number of up to 18 digits")
    return str(int(value))


KINDS: dict[str, Callable[[QueryParameter, str], str]] = {
    "text": _text,
    "instant": _instant,
    "day": _day,
    "account": _account,
    "region": _region,
    "integer": _integer,
}
"""What makes the literal, by kind."""
