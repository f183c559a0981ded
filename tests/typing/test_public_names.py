"""An app that imports everything public, and its types."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module

import pytest
from tools._reference_rooms import ORDER
from tools.typed import IMPORTER, check, problems

FILES = sorted(IMPORTER.glob("*.py"))

# Those that import no CDK. Of the others a checker reads the CDK's million lines, which takes longer than a test may:
# `make check` does that, with mypy and with pyright.
WITHOUT_CDK = ("rules.py", "values.py")


def test_an_importer_is_typed(tmp_path):
    result = check([IMPORTER / name for name in WITHOUT_CDK], tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 errors" in result.stdout


def test_pyright_says_when_a_mistake_is_no_longer_caught(tmp_path):
    file = tmp_path / "app" / "mistake.py"
    file.parent.mkdir()
    file.write_text("from raytrail.sigma import Vantage\n\nVantage(management='all')  # type: ignore[arg-type]\n")
    result = check([file], tmp_path)
    assert result.returncode == 1
    assert "Unnecessary" in result.stdout


@pytest.mark.parametrize("room", ORDER)
def test_the_importer_uses_each_name_of_a_room(room):
    module = import_module(f"raytrail.{room}")
    names = getattr(module, "__all__", [name for name, each in vars(module).items() if _is_own(each, module.__name__)])
    assert names
    assert sorted(set(names) - set(used(module.__name__))) == []


def used(module: str) -> Iterator[str]:
    """The names of a module that a file of the importer imports and uses."""
    for file in FILES:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == module:
                yield from (alias.name for alias in node.names if (alias.asname or alias.name) in loaded)


def _is_own(value: object, module: str) -> bool:
    return getattr(value, "__module__", None) == module and not getattr(value, "__name__", "_").startswith("_")


def test_what_has_no_known_type_is_told_with_its_reason():
    known = {"isTypeKnown": True, "isTypeAmbiguous": False, "diagnostics": []}
    told = {"isTypeKnown": False, "isTypeAmbiguous": False, "diagnostics": [{"message": "no  type\n annotation"}]}
    explained = ["raytrail.sigma.compiler.EventBridgeBackend", "raytrail.sigma._eventbridge.EventBridgeBackend.name"]
    symbols = [{"name": name, **told} for name in [*explained, "raytrail.instrumentation.runtime.x", "raytrail.new"]]
    report = {"typeCompleteness": {"symbols": [*symbols, {"name": "raytrail.old", **known}]}, "generalDiagnostics": []}
    assert problems(report) == ["raytrail.new: no type annotation"]


def test_an_explanation_that_is_no_longer_needed_is_told():
    symbol = {"name": "raytrail.old", "isTypeKnown": True, "isTypeAmbiguous": False, "diagnostics": []}
    found = problems({"typeCompleteness": {"symbols": [symbol]}, "generalDiagnostics": []})
    assert len(found) == 3
    assert all("take it out of UNKNOWN" in each for each in found)


def test_a_package_that_pyright_does_not_find_is_a_problem():
    report = {"typeCompleteness": {"symbols": []}, "generalDiagnostics": [{"message": "No py.typed file found"}]}
    assert problems(report) == ["No py.typed file found"]
