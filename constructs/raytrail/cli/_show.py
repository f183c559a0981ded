"""What the demo looks like in a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from raytrail.demo import Evidence, Missing, Report


class TerminalShow:
    """Live progress while the demo works, and a line for each row as it is found."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console)
        self._step = self._spinner.add_task("starting", total=None)
        self._stacks = Progress(
            TextColumn("  {task.description:<22}"), BarColumn(30), MofNCompleteColumn(), console=console
        )
        self._tasks: dict[str, TaskID] = {}
        self._live = Live(Group(self._spinner, self._stacks), console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> TerminalShow:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def step(self, text: str) -> None:
        """A step begins."""
        for task in self._tasks.values():
            self._stacks.remove_task(task)
        self._tasks.clear()
        self._spinner.update(self._step, description=text)
        self._console.print(Text("• " + text, style="bold"))

    def resources(self, done: Mapping[str, int], total: Mapping[str, int]) -> None:
        """Show how many resources of each stack are complete."""
        for stack in sorted(total):
            if stack not in self._tasks:
                self._tasks[stack] = self._stacks.add_task(stack, total=total[stack])
            self._stacks.update(self._tasks[stack], completed=min(done.get(stack, 0), total[stack]))

    def row(self, row: Evidence | Missing) -> None:
        """Show one row."""
        if isinstance(row, Missing):
            self._console.print(Text.assemble(("  MISSING ", "bold red"), (row.row, "bold"), f": {row.reason}"))
            return
        self._console.print(Text.assemble(("  ✓ ", "green"), (row.row, "bold"), f": {row.seen}"))
        by = f"{row.proof}, read with {row.read_with}, answered by {row.made_by}"
        self._console.print(Padding(Text(by, style="dim italic"), (0, 0, 0, 4)))
        for line in row.lines:
            self._console.print(Padding(Text(line, style="dim"), (0, 0, 0, 6)))


def print_report(console: Console, report: Report) -> None:
    """Print the table of evidence and what it rests on."""
    table = Table(title=f"Evidence, from the {report.target}", title_justify="left", show_lines=True, expand=True)
    table.add_column("row", style="bold", ratio=3)
    table.add_column("seen, and its id", overflow="fold", ratio=6)
    table.add_column("answered by", ratio=3)
    for row in report.rows:
        table.add_row(row.row, Text.assemble(row.seen, "\n", (row.proof, "dim")), row.made_by)
    for missing in report.missing:
        table.add_row(Text(missing.row, style="red"), Text(f"MISSING: {missing.reason}", style="red"), "")
    console.print(table)
    if report.stacks:
        recorded = sum(entry["count"] for entry in report.recorded.values())
        console.print(
            f"{sum(report.stacks.values())} resources in {len(report.stacks)} stacks: {report.emulated} emulated, "
            f"{recorded} recorded, not emulated:"
        )
        for kind, entry in sorted(report.recorded.items()):
            console.print(Text(f"  {entry['count']:>3} {kind}: {entry['reason']}", style="dim"))
    laps = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in report.seconds.items())
    console.print(f"time: {laps}")
