"""Commands whose standard output takes no more, or that nobody reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.command import environment_with

FULL = Path("/dev/full")


def shell(script: str) -> str:
    """What is said on standard error, and the status of the first command of the line."""
    command = script.replace("raytrail", str(Path(sys.executable).parent / "raytrail"), 1)
    said = subprocess.run(
        ["bash", "-c", f"{command}; echo status ${{PIPESTATUS[0]}} >&2"],
        env=environment_with(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return said.stderr


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full, as Linux has one")
@pytest.mark.parametrize("command", ["schema", "query"])
def test_a_full_disk_is_one_sentence(command):
    sentence = "raytrail: standard output cannot be written: No space left on device"
    assert shell(f"raytrail {command} > {FULL}") == f"{sentence}\nstatus 1\n"


def test_it_ends_quietly_where_nobody_reads_on():
    # The reader is gone before anything can be written.
    assert shell("{ sleep 0.2; exec raytrail schema; } | true") == "status 141\n"
