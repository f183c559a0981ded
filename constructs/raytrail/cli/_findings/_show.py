"""The findings in a terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from raytrail.cli._findings._model import SEVERITIES, Finding, Report, Severity
from raytrail.cli._terminal import clean, console, listed, show

_STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "note": "dim"}


def show_report(report: Report, assembly: Path) -> None:
    """Print a table of what was found, the acknowledged with their reasons, and what it comes to."""
    terminal = console()
    if report.found:
        show(terminal, _table(report.found))
    for finding in report.acknowledged:
        reason = clean(finding.acknowledged or "no reason was given")
        about = f" of {clean(finding.construct)}" if finding.construct else ""
        show(terminal, Text(f"acknowledged: {clean(finding.id)}{about}: {reason}", style="dim"))
    if report.found and not any(finding.source for finding in report.found):
        show(terminal, Text("synthesise with JSII_HOST_STACK_TRACES=1 to see the lines of Python", style="dim"))
    for note in report.notes:
        show(terminal, Text(f"note: {note}", style="dim"))
    written = report.written.astimezone().isoformat(" ", "seconds")
    show(terminal, Text(f"{_sum(report)}, in {assembly}, synthesised {written}"))


def _table(findings: tuple[Finding, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_lines=False)
    table.add_column("severity", no_wrap=True)
    table.add_column("rule", overflow="fold", ratio=2)
    table.add_column("construct and line", overflow="fold", ratio=2)
    table.add_column("what is wrong, and what to do", overflow="fold", ratio=4)
    for finding in findings:
        where = [part for part in (finding.construct, str(finding.place or "")) if part]
        what = [part for part in (finding.description, finding.fix) if part]
        table.add_row(
            Text(finding.severity, style=_STYLES[finding.severity]),
            clean(finding.id),
            Text("\n".join(clean(part) for part in where)),
            Text("\n".join(clean(part) for part in what)),
        )
    return table


def _sum(report: Report) -> str:
    counts = Counter(finding.severity for finding in report.found)
    parts = [f"{counts[each]} {each}{'s' if counts[each] > 1 else ''}" for each in SEVERITIES if counts[each]]
    accepted = f", and {len(report.acknowledged)} acknowledged" if report.acknowledged else ""
    return f"{listed(parts) if parts else 'nothing found'}{accepted}"
