"""The ``raytrail`` command (extra ``cli``)."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, or say which extra it needs."""
    try:
        from raytrail.cli._main import main as run
    except ModuleNotFoundError as error:
        sys.exit(f"raytrail: the command needs the package {error.name}; install raytrail[cli,local]")
    run()
