"""The answer in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.padding import Padding
from rich.text import Text

from raytrail.cli._terminal import clean
from raytrail.cli._why._diagnosis import Diagnosis
from raytrail.cli._why._finding import Finding


def lines(diagnosis: Diagnosis) -> Iterator[Text | Padding]:
    """The headline, the causes in order, what is worth knowing, and what could not be looked at."""
    seen = diagnosis.seen
    yield Text(clean(diagnosis.headline), style="bold green" if diagnosis.status == 0 else "bold red")
    since = "since its last change, " if seen.changed else "since "
    start = f"{seen.since.astimezone().isoformat(' ', 'seconds')}"
    times = "once" if seen.invocations == 1 else f"{seen.invocations} times"
    invoked = "" if seen.invocations is None else f"; invoked {times}"
    yield Padding(Text(f"{clean(seen.arn)}\n{since}{start}{invoked}", style="dim"), (0, 0, 0, 2))
    for number, cause in enumerate(diagnosis.causes, start=1):
        yield Text.assemble((f"{number}. ", "bold"), (clean(cause.title), "bold"), (f" [{cause.name}]", "dim"))
        yield from _parts(cause)
    if not diagnosis.causes and diagnosis.status:
        yield Padding(
            Text(
                "Every setting that this command knows is in order. A span takes up to half a minute to arrive; what "
                "the function wrote to its log may say more."
            ),
            (0, 0, 0, 2),
        )
    for note in diagnosis.notes:
        yield Text.assemble(("also: ", "bold"), clean(note.title), (f" [{note.name}]", "dim"))
        yield from _parts(note)
    for each in seen.not_looked_at:
        yield Text(f"not looked at: {clean(each.what)} ({clean(each.reason)})", style="yellow")


def _parts(finding: Finding) -> Iterator[Padding]:
    for label, text in (("seen", finding.seen), ("means", finding.means), ("do", finding.todo)):
        yield Padding(Text.assemble((f"{label:<6}", "dim"), clean(text)), (0, 0, 0, 3))
