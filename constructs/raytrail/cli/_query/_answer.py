"""What a query answered, whoever was asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Column(NamedTuple):
    """One column of an answer."""

    name: str
    type: str
    """Athena's name, such as ``varchar``."""


@dataclass(kw_only=True)
class Answer:
    """Rows, and what getting them took.

    Attributes:
        columns: In order.
        rows: Values as Athena writes them, None for NULL; they may still be on their way, and can be read once.
        summary: What it took, a line each; known before the rows are.
        hint: Where to look when there are no rows, in one sentence.
        unread: What could not be read and is not in the answer, a line each.
    """

    columns: list[Column]
    rows: Iterable[list[str | None]]
    summary: list[str]
    hint: str
    unread: list[str]
