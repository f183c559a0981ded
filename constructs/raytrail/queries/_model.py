"""A saved query: one question to the trail's table, the SQL that answers it, and the values that it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from raytrail.errors import InvalidProps
from raytrail.queries._parameters import QueryParameter, nearest

# https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateNamedQuery.html
MAX_NAME = 128
MAX_DESCRIPTION = 1024
MAX_TEXT_BYTES = 262_144
# Athena's console asks for no more: https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
MAX_PLACES = 25

_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_FIXED = ("table", "accounts", "regions")
_TABLE = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedQuery:
    """One question to the trail's table, and the SQL that answers it.

    Raises:
        InvalidProps: A part is longer than Athena allows (title 128, description 1,024 characters, text 262,144
            bytes), the technique is no ATT&CK id, two parameters share a name, the SQL has a placeholder that is not
            declared or more than 25 places for parameters, lacks a declared one, or holds a question mark itself.
    """

    name: str
    """Short and stable, such as ``root_use``: what the command line and the tests call it."""
    title: str
    """The name that Athena shows."""
    question: str
    """What it answers, as a question."""
    technique: str | None = None
    """The id of the ATT&CK technique that the answer may show, as ``T1078.004``. Default: none fits."""
    parameters: tuple[QueryParameter, ...] = ()
    """What must be given to run it. Default: nothing."""
    sql: str
    """The statement without its header. ``${table}``, ``${accounts}`` and ``${regions}`` are filled when it is
    rendered; ``${name}`` is the place of the parameter of that name, and a parameter may have several."""
    places: tuple[str, ...] = field(init=False)
    """The name of the parameter at each question mark of the rendered statement, in order."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.title) <= MAX_NAME:
            raise InvalidProps(f"title of query {self.name!r} takes 1 to {MAX_NAME} characters, got {len(self.title)}")
        if self.technique is not None and not _TECHNIQUE.fullmatch(self.technique):
            raise InvalidProps(
                f"technique of query {self.name!r} is an ATT&CK id such as T1078.004, got {self.technique!r}"
            )
        if len(self.description) > MAX_DESCRIPTION:
            raise InvalidProps(
                f"description of query {self.name!r} takes {MAX_DESCRIPTION} characters, got {len(self.description)}; "
                "shorten its question"
            )
        self._check_size(self.sql)
        found = _PLACEHOLDER.findall(self.sql)
        object.__setattr__(self, "places", tuple(name for name in found if name not in _FIXED))
        self._check_places()

    @property
    def description(self) -> str:
        """What Athena shows below the name: the question, and the technique that the answer may show."""
        return self.question if self.technique is None else f"{self.question} (ATT&CK {self.technique})"

    def render(self, *, table: str, accounts: Sequence[str], regions: Sequence[str]) -> str:
        """Return the statement for one table: a question mark for each parameter, named in the comments above it.

        Args:
            table: Name of the table in the database that the query runs in.
            accounts: Accounts to ask about, each a value of the table's ``account`` key.
            regions: Regions to ask about, each a value of the table's ``region`` key.

        Raises:
            InvalidProps: No account or Region, a quote or a question mark in one, a table name that is not lower-case
                letters, digits and underscores, or a statement longer than Athena allows.
        """
        if not _TABLE.fullmatch(table):
            raise InvalidProps(f"table is lower-case letters, digits and underscores, got {table!r}")
        filled = {
            "table": f'"{table}"',
            "accounts": _literals("accounts", accounts),
            "regions": _literals("regions", regions),
        }
        text = self._header() + _PLACEHOLDER.sub(lambda match: filled.get(match[1], "?"), self.sql)
        self._check_size(text)
        return text

    def bind(self, values: Mapping[str, str]) -> list[str]:
        """Return the literal for each question mark of the rendered statement: Athena's ``ExecutionParameters``.

        Athena refuses an empty list: leave the argument out where this returns one.

        Args:
            values: A value for each parameter by its name, as a person writes it.

        Raises:
            InvalidProps: A name is unknown, a value is missing or not of its parameter's kind, or ``from`` is a day
                after ``to``.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        takes = f"query {self.name!r} takes {', '.join(known) or 'no parameters'}"
        for name in values:
            if name not in known:
                raise InvalidProps(f"{takes}; it has no parameter {name!r}{nearest(name, known)}")
        missing = [parameter for parameter in self.parameters if parameter.name not in values]
        if missing:
            first = missing[0]
            raise InvalidProps(f"{takes}; give {first.name} ({first.meaning}), such as {first.name}={first.example}")
        literals = {name: parameter.literal(values[name]) for name, parameter in known.items()}
        # Both are yyyy/MM/dd in quotes, which sorts by time.
        if {"from", "to"} <= set(literals) and literals["from"] > literals["to"]:
            raise InvalidProps(
                f"parameter 'from' is a day up to that of 'to', got {values['from']!r} and {values['to']!r}"
            )
        return [literals[name] for name in self.places]

    def _header(self) -> str:
        """Return the comments of the rendered text. They hold no question mark, for readers that only count those."""
        lines = [f"-- {self.title}"]
        by_name = {parameter.name: parameter for parameter in self.parameters}
        lines += [
            f"-- {place}: {name} ({by_name[name].kind}): {by_name[name].meaning}, such as {example}"
            for place, name in enumerate(self.places, 1)
            for example in [by_name[name].literal(by_name[name].example)]
        ]
        return "\n".join(lines) + "\n"

    def _check_places(self) -> None:
        names = [parameter.name for parameter in self.parameters]
        for name in names:
            if names.count(name) > 1 or name in _FIXED:
                raise InvalidProps(f"query {self.name!r} has two meanings for ${{{name}}}; rename a parameter")
        for name in self.places:
            if name not in names:
                known = ", ".join(f"${{{each}}}" for each in sorted([*_FIXED, *names]))
                raise InvalidProps(f"query {self.name!r} has ${{{name}}}; its placeholders are {known}")
        for name in names:
            if name not in self.places:
                raise InvalidProps(f"query {self.name!r} declares the parameter {name!r} and has no ${{{name}}}")
        if len(self.places) > MAX_PLACES:
            raise InvalidProps(
                f"query {self.name!r} has {len(self.places)} places for parameters; Athena's console asks for "
                f"{MAX_PLACES} at most"
            )
        if any("?" in text for text in (self.title, self.sql, *(each.meaning for each in self.parameters))):
            raise InvalidProps(f"query {self.name!r} has a question mark that is no parameter; write it without")

    def _check_size(self, text: str) -> None:
        size = len(text.encode())
        if size > MAX_TEXT_BYTES:
            raise InvalidProps(f"text of query {self.name!r} takes {MAX_TEXT_BYTES} bytes, got {size}")


def _literals(prop: str, values: Sequence[str]) -> str:
    if not values:
        raise InvalidProps(f"{prop} must name at least one: a query without partitions reads the whole table")
    for value in values:
        if "'" in value or "?" in value:
            raise InvalidProps(f"{prop} stand in quotes in the query, so {value!r} cannot be one of them")
    return ", ".join(f"'{value}'" for value in values)
