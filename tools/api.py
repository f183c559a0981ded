"""Writes the reference, a page for each room of the package, from its docstrings: ``python -m tools.api``."""

from __future__ import annotations

import sys
from pathlib import Path

from tools._reference_page import pages
from tools._reference_rooms import rooms

FOLDER = Path(__file__).parents[1] / "docs" / "api"


def main() -> int:
    """Write each page that changed, and remove those of rooms that are no more. Returns the exit code."""
    written = pages(rooms())
    FOLDER.mkdir(exist_ok=True)
    for name, text in written.items():
        file = FOLDER / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    for file in FOLDER.glob("*.md"):
        if file.name not in written:
            file.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
