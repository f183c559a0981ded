"""The list of the saved queries, and how one is called."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from raytrail.cli._output import write
from raytrail.cli._terminal import console, listed, show
from raytrail.queries import QueryParameter, SavedQuery, saved_queries

DAYS = ("from", "to")
"""Parameters that need not be given."""

WIDE = 120
"""Columns of a terminal from which a query has one line; in a narrower one the parameters stand under the title."""


def show_queries(*, as_json: bool) -> None:
    """Print the name, the title and the parameters of each query."""
    queries = saved_queries()
    if as_json:
        for query in queries:
            write(json.dumps(_as_json(query)) + "\n")
        return
    terminal = console()
    show(terminal, _table(queries, terminal.width))
    example = next(query for query in queries if required(query))
    sys.stderr.write(f"ask one like this: {example_command(example)}\n")


def required(query: SavedQuery) -> list[QueryParameter]:
    """The parameters that must be given."""
    return [parameter for parameter in query.parameters if parameter.name not in DAYS]


def example_command(query: SavedQuery, options: Sequence[str] = ()) -> str:
    """A command that asks the query, as it is typed into a shell."""
    values = [f"{parameter.name}={parameter.example}" for parameter in required(query)]
    return shlex.join(["raytrail", "query", query.name, *values, *options])


def missing(query: SavedQuery, given: Iterable[str]) -> str:
    """Say what else must be given, or nothing when it is all there."""
    given = set(given)
    absent = [f"{one.name} ({one.meaning})" for one in required(query) if one.name not in given]
    return f"query {query.name!r} needs {listed(absent)}, for example: {example_command(query)}" if absent else ""


def _as_json(query: SavedQuery) -> dict[str, object]:
    return {
        "name": query.name,
        "title": query.title,
        "question": query.question,
        "technique": query.technique,
        "parameters": [
            {"name": one.name, "kind": one.kind, "meaning": one.meaning, "example": one.example}
            for one in query.parameters
        ],
    }


def _table(queries: Iterable[SavedQuery], width: int) -> Table:
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("NAME", no_wrap=True)
    table.add_column("TITLE", overflow="fold")
    if wide:
        table.add_column("PARAMETERS", overflow="fold")
    for query in queries:
        names = " ".join(f"[{one.name}]" if one.name in DAYS else one.name for one in query.parameters)
        if wide:
            table.add_row(query.name, Text(query.title), Text(names))
        else:
            table.add_row(query.name, Text.assemble(query.title, "\n", (names, "dim")))
    return table
