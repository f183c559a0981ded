"""The list of traces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from raytrail.cli._terminal import clean
from raytrail.cli._traces._read import Summary

STYLES = {"FAULT": "bold red", "THROTTLE": "magenta", "ERROR": "yellow", "OK": "green"}


WIDE = 120
"""Columns of a terminal from which a trace has one line; in a narrower one the request stands under its ID."""


def trace_table(found: Sequence[Summary], width: int) -> Table:
    """The traces, each with the time of this machine's clock.

    Args:
        found: In the order in which they are shown.
        width: Of the terminal, in columns.
    """
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("TIME", no_wrap=True)
    table.add_column("TRACE", no_wrap=wide, overflow="fold")
    table.add_column("MS", justify="right", no_wrap=True)
    table.add_column("STATUS", no_wrap=True)
    if wide:
        table.add_column("METHOD", no_wrap=True)
        table.add_column("PATH", overflow="fold", ratio=2)
        table.add_column("SERVICES", overflow="fold", ratio=3)
    today = datetime.now().astimezone().date()
    for each in found:
        local = each.start.astimezone()
        time = local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M:%S")
        milliseconds = "..." if each.seconds is None else f"{each.seconds * 1000:.0f}"
        status = Text(f"{each.status} {each.http_status or ''}".strip(), style=STYLES[each.status])
        request = [clean(each.method) or "-", clean(each.path) or "-"]
        services = " > ".join(map(clean, each.services)) or "-"
        if wide:
            table.add_row(time, each.id, milliseconds, status, *map(Text, (*request, services)))
        else:
            below = "\n".join(line for line in (" ".join(request), services) if line not in ("-", "- -"))
            table.add_row(time, Text.assemble(each.id, (f"\n{below}" if below else "", "dim")), milliseconds, status)
    return table
