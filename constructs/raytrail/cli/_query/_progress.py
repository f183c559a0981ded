"""What happens meanwhile, on standard error: live on a screen, one line in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console

from raytrail.cli._terminal import PIPE_WIDTH


class Say(Protocol):
    """Takes what is happening now."""

    def __call__(self, text: str, *, once: bool = False) -> None:
        """Show it; ``once`` is for what a pipe is to have too."""


@contextmanager
def progress() -> Iterator[Say]:
    """Show what is said, each text in the place of the one before."""
    screen = Console(stderr=True, highlight=False, markup=False)
    if not screen.is_terminal:
        plain = Console(stderr=True, highlight=False, markup=False, width=PIPE_WIDTH, no_color=True)

        def write(text: str, *, once: bool = False) -> None:
            if once:
                plain.print(text)

        yield write
        return
    with screen.status("") as status:

        def show(text: str, *, once: bool = False) -> None:
            status.update(text)
            if once:
                screen.print(text)

        yield show
