"""Setting up on a machine that lacks something."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def copy(root, tmp_path) -> Path:
    """A folder with what the set-up reads."""
    (tmp_path / "tools").mkdir()
    shutil.copy(root / "tools" / "set_up.py", tmp_path / "tools")
    for name in ("requirements.txt", "pyproject.toml", "package.json", "package-lock.json"):
        shutil.copy(root / name, tmp_path)
    return tmp_path


def set_up(folder: Path, python: str = sys.executable, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, str(folder / "tools" / "set_up.py")],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


def test_without_a_network_it_says_so_in_one_sentence(copy):
    # A port on which nobody listens stands for a network that is not there.
    offline = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    done = set_up(copy, **offline, PIP_RETRIES="0", PIP_NO_CACHE_DIR="1", PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        "raytrail: cannot install the Python packages: is there a network, and does pip reach its index?"
    )
    assert "Traceback" not in done.stderr


def test_a_python_that_is_too_old_is_told_so(copy):
    old = next((found for minor in range(6, 11) if (found := shutil.which(f"python3.{minor}"))), None)
    if old is None or subprocess.run([old, "-c", ""], check=False, capture_output=True).returncode:
        pytest.skip("needs a Python older than 3.11 on the path")
    done = set_up(copy, python=old)
    assert done.returncode == 1
    assert "is too old: raytrail needs 3.11 or later" in done.stderr
    assert not (copy / ".venv").exists()


def test_what_is_set_up_is_not_set_up_again(root):
    if not (root / ".venv" / ".set-up").exists():
        pytest.skip("this checkout was not set up by tools/set_up.py")
    # The pins may have been edited since.
    assert set_up(root).returncode == 0
    before = (root / ".venv" / ".set-up").stat().st_mtime_ns
    done = set_up(root)
    assert (done.returncode, done.stdout) == (0, "")
    assert (root / ".venv" / ".set-up").stat().st_mtime_ns == before
