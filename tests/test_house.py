"""How the repository is laid out: what keeps constructs/ from shadowing the PyPI package, and who imports whom.

Most directions of imports are contracts of import-linter in pyproject.toml; here is what those cannot say.
"""

from __future__ import annotations

import ast
import fnmatch
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
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
    """app.py is no package, so import-linter cannot hold it."""
    file = root / "app.py"
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    assert len([line for line in lines if line and not line.startswith("#")]) < 40
    ours = {name for name in imports(file, "app") if name.split(".")[0] in {"raytrail", "stacks"}}
    assert ours == {"raytrail.checks.plugin", "raytrail.errors", "raytrail.settings", "stacks"}
    assert not [name for name in imports(file, "app") if name.startswith("aws_cdk.")]


def imports(file: Path, module: str) -> Iterator[str]:
    """The modules that a file imports; of ``from a import _b`` the module ``a._b`` too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name.startswith("_"))


def modules(root: Path) -> dict[str, Path]:
    """Each module of ours by its name."""
    found = {}
    for folder, package in ((root / "constructs", "raytrail"), (root, "stacks")):
        for file in sorted((folder / package).rglob("*.py")):
            found[".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")] = file
    return found


def test_a_private_module_is_imported_inside_its_own_package_alone(root):
    """Rooms use each other through their public names."""
    strangers = [
        f"{module} imports {name}"
        for module, file in modules(root).items()
        for name in imports(file, module)
        if name.startswith(("raytrail.", "stacks."))
        for package, _, private in [name.partition("._")]
        if private and module != package and not module.startswith(f"{package}.")
    ]
    assert strangers == []


def test_each_file_of_values_is_under_the_contract_of_plain_values(root):
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (values,) = [each["source_modules"] for each in contracts if each["name"].startswith("Plain values")]
    of_rooms = [
        name
        for name in modules(root)
        if name.rpartition(".")[2].startswith("_model") and not name.startswith("raytrail.localaws.")
    ]
    assert of_rooms
    assert [name for name in of_rooms if not any(fnmatch.fnmatch(name, pattern) for pattern in values)] == []
