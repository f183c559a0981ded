"""The diagnosis in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from raytrail.cli._doctor._model import Diagnosis, Finding
from raytrail.cli._terminal import clean, listed

STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def lines(diagnosis: Diagnosis) -> Iterator[RenderableType]:
    """Who is asked, a table of what was found, each finding in full, and what was and was not looked at."""
    yield Text(_headline(diagnosis), style=_style(diagnosis))
    if who := diagnosis.identity:
        yield Padding(Text(f"{clean(who.arn)}, account {who.account}, Region {who.region}", style="dim"), (0, 0, 0, 2))
    if diagnosis.findings:
        yield _table(diagnosis.findings)
    for number, finding in enumerate(diagnosis.findings, start=1):
        yield Text.assemble((f"{number}. ", "bold"), (clean(finding.title), "bold"), (f" [{finding.name}]", "dim"))
        yield from _parts(finding)
    for each in diagnosis.looked_at:
        yield Text(f"in order: {clean(each)}", style="green")
    for missed in diagnosis.not_looked_at:
        yield Text(f"not looked at: {clean(missed.what)} ({clean(missed.reason)})", style="yellow")


def _headline(diagnosis: Diagnosis) -> str:
    counts = Counter(finding.severity for finding in diagnosis.findings)
    said = [
        f"{counts[each]} {each}{'' if counts[each] == 1 else 's'}"
        for each in ("error", "warning", "note")
        if counts[each]
    ]
    whom = "of the embedded AWS, not of AWS: " if _named(diagnosis, "embedded-aws") else ""
    unseen = ", and not everything could be looked at" if diagnosis.not_looked_at else ""
    return f"{whom}{listed(said)}{unseen}" if said else f"nothing was found{unseen}"


def _style(diagnosis: Diagnosis) -> str:
    return next((STYLES[each] for each in ("error", "warning") if _has(diagnosis, each)), "bold green")


def _named(diagnosis: Diagnosis, name: str) -> bool:
    return any(finding.name == name for finding in diagnosis.findings)


def _has(diagnosis: Diagnosis, severity: str) -> bool:
    return any(finding.severity == severity for finding in diagnosis.findings)


def _table(findings: tuple[Finding, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("#", "severity", "cause", "name"):
        table.add_column(heading, header_style="dim", no_wrap=heading != "cause")
    for number, finding in enumerate(findings, start=1):
        table.add_row(
            str(number),
            Text(finding.severity, style=STYLES[finding.severity]),
            Text(clean(finding.title)),
            finding.name,
        )
    return table


def _parts(finding: Finding) -> Iterator[Padding]:
    texts = (("seen", finding.seen), ("means", finding.means), ("do", finding.todo), ("how", finding.decided))
    for label, text in texts:
        if text:
            yield Padding(Text.assemble((f"{label:<6}", "dim"), clean(text)), (0, 0, 0, 3))
        if label == "do":
            for command in finding.command:
                yield Padding(Text.assemble((f"{'$':<6}", "dim"), (clean(command), "bold")), (0, 0, 0, 3))
