"""What a replay looks like: tables for a person, an object a line for a program."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from raytrail.cli._terminal import clean, console, listed, shortened, show
from raytrail.replay import Match, Report
from raytrail.sigma import LEVELS, attack

if TYPE_CHECKING:
    from raytrail.cli._replay._command import Asked
    from raytrail.cli._replay._inputs import Inputs
    from raytrail.cli._replay._refusals import Refusals
    from raytrail.cli._replay._rules import Rules

_MOST = 10
_COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "informational": "dim"}


def json_line(match: Match) -> str:
    """A match as a line of JSON, in letters that no terminal obeys: all others are written as their numbers."""
    row = {
        "file": match.file,
        "line": match.line,
        "event_id": match.event_id,
        "detection": match.detection.name,
        "level": match.detection.level,
        "techniques": list(match.detection.techniques),
        "engine": match.engine,
    }
    return json.dumps(row, separators=(",", ":")).replace("\x7f", "\\u007f") + "\n"


def show_refusals(refusals: Refusals) -> None:
    """Name what could not be read, on standard error."""
    sys.stderr.writelines(f"not read: {clean(line)}\n" for line in refusals.lines())


def show_report(report: Report) -> None:
    """Print what was seen: the matrix, the pages, the noisiest, and what each engine saw."""
    terminal = console()
    if not report.detections:
        show(terminal, Text("No detection saw anything in these records."))
        return
    show(terminal, _matrix(report), Text(""), _detections(report), Text(""))
    if report.pages:
        show(terminal, _pages(report), Text(""), _noisiest(report), Text(""))
    else:
        show(terminal, Text("Nobody would have been told: nothing of level medium or above was seen."), Text(""))


def show_summary(report: Report, rules: Rules, inputs: Inputs, asked: Asked) -> None:
    """Say what was replayed, by which rules, and what was not, on standard error."""
    accounts = {account for account, _, _ in report.places}
    days = {day for _, _, day in report.places if day}
    span = f", {min(days)} to {max(days)}" if days else ""
    matches = sum(report.matches(each.name) for each in report.detections)
    lines = [
        f"{report.records:,} records of {len(accounts)} account(s){span}: {matches:,} matches of "
        f"{len(report.detections)} detections, {len(report.pages):,} pages"
    ]
    if rules.event_rules:
        lines.append(f"EventBridge: {rules.origin}")
    if asked.engine != "eventbridge":
        where = f"workgroup {asked.athena}" if asked.athena else "on this machine, no AWS was asked"
        count = sum(rule.own for rule in rules.for_athena.values())
        lines.append(f"Athena: {count} rules and {len(rules.correlations)} correlations, {where}")
    if report.asides:
        kinds = listed(f"{count} {kind}" for kind, count in sorted(report.asides.items()))
        lines.append(f"passed over, no records of events: {kinds}")
    if inputs.others:
        lines.append(f"{inputs.others} objects passed over: digests, Insights or network activity")
    if inputs.left:
        names = listed(name.rpartition("/")[2] for name in inputs.left[:5])
        others = f" and {len(inputs.left) - 5} others" if len(inputs.left) > 5 else ""
        lines.append(f"{len(inputs.left)} files not opened, by their names no logs: {names}{others}")
    if report.refused:
        lines.append(f"{report.refused:,} files or lines could not be read; they are named above")
    if asked.navigator is not None:
        lines.append(f"the layer for the ATT&CK Navigator is in {asked.navigator}")
    sys.stderr.writelines(f"{clean(line)}\n" for line in lines)


def _matrix(report: Report) -> Table:
    table = _table(f"ATT&CK {attack().version}: what was seen", "tactic", "technique", "", "matches", "detections")
    table.columns[3].justify = "right"
    before = ""
    for cell in report.matrix():
        colour = "yellow" if cell.alerted else "dim"
        tactic = "" if cell.tactic == before else cell.tactic
        before = cell.tactic
        table.add_row(
            tactic, Text(cell.technique, style=colour), cell.name, f"{cell.matches:,}", ", ".join(cell.detections)
        )
    return table


def _detections(report: Report) -> Table:
    table = _table("What each engine saw, in records", "detection", "level", "eventbridge", "athena", "pages")
    for column in table.columns[2:]:
        column.justify = "right"
    pages = dict(report.noisiest_detections(len(report.detections)))
    for each in sorted(report.detections, key=lambda each: -LEVELS.index(each.level)):
        level = Text(each.level, style=_COLOURS[each.level])
        counts = (report.matches(each.name, "eventbridge"), report.matches(each.name, "athena"))
        seen = (f"{count:,}" if count else "-" for count in counts)
        table.add_row(clean(each.name), level, *seen, str(pages.get(each.name, "-")))
    return table


def _pages(report: Report) -> Table:
    table = _table(
        "Pages: one for an actor, a detection and an hour, level medium or above", "account", "day", "records", "pages"
    )
    for column in table.columns[2:]:
        column.justify = "right"
    records: dict[tuple[str, str], int] = {}
    for (account, _, day), count in report.places.items():
        records[account, day] = records.get((account, day), 0) + count
    for (account, day), pages in report.pages_by_account_and_day().items():
        table.add_row(clean(account), day or "no day", f"{records.get((account, day), 0):,}", f"{pages:,}")
    return table


def _noisiest(report: Report) -> Table:
    table = _table("The noisiest", "pages", "detection", "pages", "actor")
    table.columns[0].justify = table.columns[2].justify = "right"
    detections, actors = report.noisiest_detections(_MOST), report.noisiest_actors(_MOST)
    for place in range(max(len(detections), len(actors))):
        left, right = detections[place : place + 1], actors[place : place + 1]
        table.add_row(
            *(str(left[0][1]), clean(left[0][0])) if left else ("", ""),
            *(str(right[0][1]), shortened(right[0][0], 100)) if right else ("", ""),
        )
    return table


def _table(title: str, *headings: str) -> Table:
    # A title's lines are no longer than the table is wide.
    width = max(len(title), sum(len(heading) + 2 for heading in headings))
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        header_style="bold",
        min_width=width,
    )
    for heading in headings:
        table.add_column(heading.upper(), overflow="fold")
    return table
