"""What ``raytrail findings`` does with its options."""

from __future__ import annotations

import json
from pathlib import Path

from raytrail.cli._errors import WrongUse
from raytrail.cli._findings._junit import junit_xml
from raytrail.cli._findings._read import read_report
from raytrail.cli._findings._sarif import sarif_log
from raytrail.cli._findings._show import show_report
from raytrail.cli._output import write_json

FOUND = 1
"""The status when something is not acknowledged."""


def run(assembly: Path, *, junit: Path | None, sarif: Path | None, as_json: bool, root: Path) -> int:
    """Show and write what a synth found, and return the status to end with: 0, or `FOUND`.

    Raises:
        Unanswered: There is no report; `WrongUse` when a file cannot be written.
    """
    report = read_report(assembly, root=root)
    if junit:
        _write("--junit", junit, junit_xml(report))
    if sarif:
        _write("--sarif", sarif, json.dumps(sarif_log(report), indent=2) + "\n")
    if as_json:
        write_json(report.as_json())
    else:
        show_report(report, assembly)
    return FOUND if report.found else 0


def _write(option: str, file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"{option}: {file} cannot be written: {error.strerror}") from error
