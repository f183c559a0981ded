"""What was typed after the name of a query: its values, and the days, accounts and Regions that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from raytrail.cli._errors import WrongUse
from raytrail.cli._query._catalogue import DAYS
from raytrail.errors import InvalidProps
from raytrail.queries import SavedQuery

DEFAULT_DAYS = 7
"""How many days a query of Athena reads when none are given, today's with them."""


def read_values(words: Sequence[str]) -> dict[str, str]:
    """Read ``key=value`` words.

    Raises:
        WrongUse: One is not of this form, or a key comes twice.
    """
    values: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise WrongUse(f"a query takes its parameters as key=value, got {word!r}")
        if key in values:
            raise WrongUse(f"{key} is given twice, as {values[key]!r} and {value!r}")
        values[key] = value
    return values


def with_days(query: SavedQuery, values: Mapping[str, str], options: Mapping[str, str | None]) -> dict[str, str]:
    """The values with those of the options ``--from`` and ``--to``.

    Raises:
        WrongUse: The query has no days, or one is given in both ways.
    """
    known = {parameter.name for parameter in query.parameters}
    merged = dict(values)
    for name, value in options.items():
        if value is None:
            continue
        if name not in known:
            raise WrongUse(f"query {query.name!r} takes {', '.join(sorted(known))}; leave out --{name}")
        if name in values:
            raise WrongUse(f"--{name} and {name}= say the same; give one of them")
        merged[name] = value
    return merged


def last_days(values: Mapping[str, str], today: date) -> dict[str, str]:
    """The days that are not given: the last ones up to ``to``, or up to today.

    A ``from`` or ``to`` that is no day is left to be refused by the query.
    """
    try:
        end = date.fromisoformat(values["to"].replace("/", "-")) if "to" in values else today
        start = end - timedelta(days=DEFAULT_DAYS - 1)
    except (ValueError, OverflowError):
        start = end = today
    return {"from": f"{start:%Y/%m/%d}", "to": f"{end:%Y/%m/%d}"}


def bind(query: SavedQuery, values: Mapping[str, str], defaults: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The values with the days that were left out, and the literal for each place of the query.

    Raises:
        WrongUse: A value is missing, unknown or of another kind.
    """
    days = {name: defaults[name] for name in DAYS if name in {each.name for each in query.parameters}}
    filled = {**days, **values}
    try:
        return filled, query.bind(filled)
    except InvalidProps as error:
        raise WrongUse(str(error)) from error


def render(query: SavedQuery, *, table: str, accounts: Sequence[str], regions: Sequence[str]) -> str:
    """The statement of a query.

    Raises:
        WrongUse: An account or a Region cannot stand in it.
    """
    try:
        return query.render(table=table, accounts=accounts, regions=regions)
    except InvalidProps as error:
        raise WrongUse(str(error)) from error


def read_list(option: str, text: str | None) -> tuple[str, ...]:
    """Read words with commas between them; none when the option is not given.

    Raises:
        WrongUse: There is nothing between two commas.
    """
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise WrongUse(f"{option} takes values with commas between them, got {text!r}")
    return tuple(dict.fromkeys(words))
