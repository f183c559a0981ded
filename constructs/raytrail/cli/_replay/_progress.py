"""How far a replay is: a bar on a terminal, nothing in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bar:
    """A bar over stored bytes, with words beside it."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID = bar.add_task("", total=None)

    def say(self, text: str) -> None:
        """Say what is happening now."""
        self._bar.update(self._task, description=text)

    def start(self, total: int) -> None:
        """Begin to read so many bytes."""
        self._bar.update(self._task, description="replaying", total=max(total, 1), completed=0)

    def advance(self, stored: int, records: int) -> None:
        """So many bytes more are done; so many records in all."""
        words = f"{records:,} records" if records else "replaying"
        self._bar.update(self._task, advance=stored, description=words)


@contextmanager
def progress() -> Iterator[Bar]:
    """Show how far it is, on standard error, and take it away at the end."""
    screen = Console(stderr=True, highlight=False, markup=False)
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        yield Bar(bar)
