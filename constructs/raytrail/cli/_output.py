"""Standard output that somebody may stop reading, or that takes no more."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from raytrail.errors import RaytrailError

NOBODY_READS = 141
"""The status that a shell gives a program which a closed pipe ended: 128 and the number of SIGPIPE."""


def check_output() -> None:
    """Refuse to begin what could not be told.

    Raises:
        RaytrailError: Standard output is closed.
    """
    # What Python makes of a descriptor that is closed when it starts.
    if sys.stdout is None:
        raise RaytrailError("standard output is closed; send it to a file or to /dev/null")
    if sys.stderr is None:
        # Who closes it wants to hear nothing of that; it stays open until the end.
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - see above


@contextmanager
def to_output() -> Iterator[None]:
    """Write to standard output, and nowhere else.

    Raises:
        typer.Exit: Nobody reads on, as behind ``| head``: the command ends quietly.
        RaytrailError: It takes no more: a disk is full.
    """
    try:
        yield
    except OSError as error:
        _write_no_more()
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(NOBODY_READS) from error
        raise RaytrailError(f"standard output cannot be written: {error.strerror or error}") from error


def write(text: str) -> None:
    """Write text to standard output.

    Raises:
        typer.Exit: Nobody reads on.
        RaytrailError: It takes no more.
    """
    with to_output():
        sys.stdout.write(text)


def write_json(value: object) -> None:
    """Write a value to standard output, for a program.

    Raises:
        typer.Exit: Nobody reads on.
        RaytrailError: It takes no more.
    """
    write(json.dumps(value, indent=2) + "\n")


def end_output() -> None:
    """Write what is still held, or end quietly where nobody reads on.

    Raises:
        SystemExit: Nobody does, or standard output takes no more.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        _write_no_more()
        if isinstance(error, BrokenPipeError):
            raise SystemExit(NOBODY_READS) from error
        raise SystemExit(f"raytrail: standard output cannot be written: {error.strerror or error}") from error


def _write_no_more() -> None:
    """Let what is still held go nowhere: Python would try to write it once more when it ends."""
    try:
        number = sys.stdout.fileno()
    except (OSError, io.UnsupportedOperation):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
