"""What ``raytrail replay`` does where standard output is not what it hopes for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.audit.own_records import event
from tests.cli.command import environment_with
from tests.cli.folder_lake import lines

STOPPED = event("StopLogging", "cloudtrail", requestParameters={"name": "main"})
FULL = Path("/dev/full")


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a shell makes of a command in which ``$replay`` stands for ours, and ``$status`` is its status after."""
    replay = f"{Path(sys.executable).parent / 'raytrail'} replay logs.ndjson --engine eventbridge"
    script = f"set -o pipefail; {command.replace('$replay', replay)}; echo status ${{PIPESTATUS[0]}} >&2"
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment_with(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Logs with more to say than a pipe holds."""
    (tmp_path / "logs.ndjson").write_bytes(lines([{**STOPPED, "eventID": f"stopped-{n}"} for n in range(2000)]))
    return tmp_path


@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_it_ends_quietly_where_nobody_reads_on(folder: Path, reader: str) -> None:
    said = shell(f"$replay --json | {reader}", folder)
    assert said.stderr == "status 141\n"
    assert [json.loads(line)["event_id"] for line in said.stdout.splitlines()] == ["stopped-0"] * (reader != "true")


def test_tables_end_as_quietly(folder: Path) -> None:
    assert shell("$replay | true", folder).stderr == "status 141\n"


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full, as Linux has one")
@pytest.mark.parametrize("as_json", ["", "--json"])
def test_a_full_disk_is_one_sentence(folder: Path, as_json: str) -> None:
    said = shell(f"$replay {as_json} > {FULL}", folder).stderr
    assert said == "raytrail: standard output cannot be written: No space left on device\nstatus 1\n"


def test_an_output_that_is_closed_is_one_sentence(folder: Path) -> None:
    said = shell("$replay --json >&-", folder).stderr
    assert said == "raytrail: standard output is closed; send it to a file or to /dev/null\nstatus 1\n"


def test_whoever_closes_standard_error_still_gets_the_matches(folder: Path) -> None:
    said = shell("$replay --json 2>&-", folder)
    assert (len(said.stdout.splitlines()), said.stderr) == (2000, "status 0\n")
