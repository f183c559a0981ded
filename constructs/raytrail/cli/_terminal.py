"""A terminal, or a pipe: what may be printed where."""

from __future__ import annotations

import io
import sys
import unicodedata
from collections.abc import Iterable

from rich.console import Console, RenderableType

from raytrail.cli._output import to_output

PIPE_WIDTH = 10_000
"""Wide enough that nothing is folded where nobody looks at a screen."""


class _OutputConsole(Console):
    """A console that leaves a pipe whose reader is gone to `to_output`, where rich would end with status 1."""

    def on_broken_pipe(self) -> None:
        """Pass on the error that is being handled."""
        raise  # noqa: PLE0704 - rich calls this where it handles the BrokenPipeError


def console() -> Console:
    """The console of standard output; in a pipe, plain text whose lines are as long as they are."""
    # A letter that the terminal's encoding lacks is no reason to fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    made = _OutputConsole(highlight=False)
    return made if made.is_terminal else _OutputConsole(width=PIPE_WIDTH, highlight=False, no_color=True)


def show(terminal: Console, *parts: RenderableType) -> None:
    """Print each part; without the blanks that fill a line up where it goes into a pipe.

    It is written when this returns: what is said on standard error afterwards comes after it.
    """
    with to_output():
        if terminal.is_terminal:
            for part in parts:
                terminal.print(part)
            return
        with terminal.capture() as captured:
            for part in parts:
                terminal.print(part)
        terminal.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
        terminal.file.flush()


def clean(text: object) -> str:
    """Text that others wrote, in one line and without what a terminal would obey."""
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") else letter for letter in str(text))


def shortened(text: object, limit: int) -> str:
    """The text in one line, cut after ``limit`` letters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def listed(words: Iterable[object], last: str = "and") -> str:
    """Words as one writes them: ``a, b and c``."""
    *before, end = [str(word) for word in words] or ["none"]
    return f"{', '.join(before)} {last} {end}" if before else end
