"""How the repository is laid out: the rules that keep constructs/ from shadowing the PyPI package `constructs`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def house(tmp_path: Path, root: Path) -> Path:
    """As much of the repository as pytest needs to start, with a test that passes."""
    shutil.copy(root / "pyproject.toml", tmp_path)
    (tmp_path / "constructs" / "raytrail").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    shutil.copy(root / "tests" / "conftest.py", tmp_path / "tests")
    (tmp_path / "tests" / "test_nothing.py").write_text("def test_nothing(): ...\n")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_house_in_order_runs_its_tests(house):
    done = run(house, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("stray", ["__init__.py", "conftest.py"])
def test_a_file_in_constructs_ends_the_tests_with_a_sentence_that_says_why(house, stray):
    (house / "constructs" / stray).touch()
    done = run(house, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 4
    assert (
        f"constructs/ must hold folders only, found {stray}: a file there (above all __init__.py) makes the folder "
        "shadow the PyPI package `constructs`, and aws_cdk fails with \"No module named 'constructs._jsii'\"; remove it"
    ) in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "passed" not in done.stdout


def test_the_guard_guards_against_what_really_happens(house):
    """Without an __init__.py the real package wins; with one, aws_cdk cannot be imported."""
    assert run(house, "-c", "import aws_cdk").returncode == 0
    (house / "constructs" / "__init__.py").touch()
    done = run(house, "-c", "import aws_cdk")
    assert done.returncode == 1
    assert "No module named 'constructs._jsii'" in done.stderr


def test_constructs_holds_folders_only(root):
    assert [path.name for path in (root / "constructs").iterdir() if not path.is_dir()] == []


def test_no_folder_of_tests_is_a_package(root):
    assert list((root / "tests").rglob("__init__.py")) == []


def test_app_py_is_short_and_defines_no_resource(root):
    text = (root / "app.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 50
    assert "aws_cdk.aws_" not in text
