"""The folder that becomes our own layer."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from aws_cdk import App, Environment, Stack
from tests.instrumentation.functions import a_function

from raytrail.instrumentation import RUNTIME_FOLDER, Honeycomb, instrument_lambda

SOURCES = sorted(Path(RUNTIME_FOLDER).rglob("*.py"))
PACKAGES = {"raytrail_runtime", "boto3", "botocore", "google", "opentelemetry", "requests", "rollbar"}
"""What Lambda has, what the ADOT layer has, and what a function that reports errors has."""


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.stem)
def test_it_runs_on_the_oldest_python_of_the_layer(file):
    tree = ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 10))
    since = {"StrEnum", "UTC", "Self", "TaskGroup", "tomllib", "ExceptionGroup", "batched", "override"}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert not names & since


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.stem)
def test_it_imports_what_a_function_has_and_nothing_else(file):
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    assert {name.partition(".")[0] for name in names} <= PACKAGES | sys.stdlib_module_names


def test_opentelemetry_finds_its_exporters(monkeypatch):
    monkeypatch.syspath_prepend(f"{RUNTIME_FOLDER}/python")
    for group, name in (("traces", "OtlpSpanExporter"), ("metrics", "OtlpMetricExporter")):
        [found] = entry_points(group=f"opentelemetry_{group}_exporter", name="raytrail_otlp")
        assert found.load().__name__ == name


def test_the_layer_holds_the_sources_and_nothing_that_running_them_leaves(context, tmp_path):
    flags = {key: value for key, value in context.items() if key != "raytrail"}
    app = App(context=flags, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack = Stack(app, "Test", env=Environment(account="111122223333", region="us-east-1"))
    instrument_lambda(a_function(stack), service_name="orders", exporters=[Honeycomb(api_key_secret="hive")])
    app.synth()
    [asset] = tmp_path.glob("asset.*")
    packed = {str(file.relative_to(asset)) for file in asset.rglob("*") if file.is_file()}
    about = "python/raytrail_runtime-1.0.0.dist-info"
    assert packed == {
        *(str(file.relative_to(RUNTIME_FOLDER)) for file in SOURCES),
        f"{about}/METADATA",
        f"{about}/entry_points.txt",
    }
