"""The saved queries: one file of SQL each in ``queries/``, as plain values.

A file starts with a header of comment lines, and the statement follows::

    -- title: Who used the root user
    -- question: When, from where and for what was the root user of an account used?
    -- technique: T1078.004

``technique`` (an id of MITRE ATT&CK) is left out where no technique fits. The statement stands for the table as
``${table}``, for the accounts as ``${accounts}`` and for the Regions as ``${regions}``.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Sequence
from dataclasses import dataclass

from raytrail.errors import InvalidProps

# https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateNamedQuery.html
MAX_NAME = 128
MAX_DESCRIPTION = 1024
MAX_TEXT_BYTES = 262_144

_HEADER = re.compile(
    r"-- title: (?P<title>\S.*)\n-- question: (?P<question>\S.*)\n(?:-- technique: (?P<technique>\S+)\n)?"
)
_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_PLACEHOLDERS = frozenset({"table", "accounts", "regions"})
_TABLE = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedQuery:
    """One question to the trail's table, and the SQL that answers it.

    Raises:
        InvalidProps: A part is longer than Athena allows (title 128, description 1,024 characters, text 262,144
            bytes), the technique is no ATT&CK id, or the SQL has an unknown placeholder.
    """

    name: str
    """Short and stable, such as ``root_use``: what the command line and the tests call it."""
    title: str
    """The name that Athena shows."""
    question: str
    technique: str | None = None
    sql: str
    """The statement with its header, placeholders not filled."""

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
        _check_text(self.name, self.sql)
        unknown = set(_PLACEHOLDER.findall(self.sql)) - _PLACEHOLDERS
        if unknown:
            known = ", ".join(f"${{{name}}}" for name in sorted(_PLACEHOLDERS))
            raise InvalidProps(f"query {self.name!r} has ${{{min(unknown)}}}; the placeholders are {known}")

    @property
    def description(self) -> str:
        """What Athena shows below the name: the question, and the technique that the answer may show."""
        return self.question if self.technique is None else f"{self.question} (ATT&CK {self.technique})"

    def render(self, *, table: str, accounts: Sequence[str], regions: Sequence[str]) -> str:
        """Return the statement for one table.

        Args:
            table: Name of the table in the database that the query runs in.
            accounts: Accounts to ask about, each a value of the table's ``account`` key.
            regions: Regions to ask about, each a value of the table's ``region`` key.

        Raises:
            InvalidProps: No account or Region, a quote in one, a table name that is not lower-case letters, digits
                and underscores, or a statement longer than Athena allows.
        """
        if not _TABLE.fullmatch(table):
            raise InvalidProps(f"table is lower-case letters, digits and underscores, got {table!r}")
        filled = {
            "table": f'"{table}"',
            "accounts": _literals("accounts", accounts),
            "regions": _literals("regions", regions),
        }
        text = _PLACEHOLDER.sub(lambda match: filled[match[1]], self.sql)
        _check_text(self.name, text)
        return text


def saved_queries() -> tuple[SavedQuery, ...]:
    """Return the queries that come with the package, in order of their names.

    Raises:
        InvalidProps: A file has no header, or breaks a limit of `SavedQuery`.
    """
    folder = importlib.resources.files("raytrail.audit") / "queries"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(parse_query(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files)


def parse_query(name: str, text: str) -> SavedQuery:
    """Return the query that a file holds.

    Raises:
        InvalidProps: The text does not start with the header, or breaks a limit of `SavedQuery`.
    """
    header = _HEADER.match(text)
    if header is None:
        raise InvalidProps(
            f"query {name!r} must start with the lines '-- title: ...' and '-- question: ...' "
            "(and '-- technique: T....' where one fits)"
        )
    return SavedQuery(
        name=name, title=header["title"], question=header["question"], technique=header["technique"], sql=text
    )


def _check_text(name: str, text: str) -> None:
    size = len(text.encode())
    if size > MAX_TEXT_BYTES:
        raise InvalidProps(f"text of query {name!r} takes {MAX_TEXT_BYTES} bytes, got {size}")


def _literals(prop: str, values: Sequence[str]) -> str:
    if not values:
        raise InvalidProps(f"{prop} must name at least one: a query without partitions reads the whole table")
    for value in values:
        if "'" in value:
            raise InvalidProps(f"{prop} stand in quotes in the query, so {value!r} cannot be one of them")
    return ", ".join(f"'{value}'" for value in values)
