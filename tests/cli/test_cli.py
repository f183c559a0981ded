"""The command as people type it: whole processes, their words and their exit status."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from raytrail.demo import LOCAL_ROWS

pytestmark = pytest.mark.local

SECONDS_TO_END = 10
"""How long a stopped command may take to be gone, with all it started."""


# What a person may have set, none of which may reach a local run.
OF_THE_CALLER = {
    "AWS_PROFILE": "no-such-profile",
    "AWS_SESSION_TOKEN": "stale",
    "AWS_DEFAULT_REGION": "ap-south-1",
    # No proxy is there, and none could reach this machine.
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    # A switch of ministack's, under whose checks the demo's credentials would not pass.
    "AUTH": "true",
}


class Command:
    """One run of the command, with a mark in its environment by which each of its processes is known."""

    def __init__(self, root: Path, home: Path, *arguments: str) -> None:
        # Looks like a part of the locale, since the server keeps little else of what its starter has.
        self.mark = f"LC_RAYTRAIL_TEST_RUN={uuid.uuid4().hex}"
        name, _, value = self.mark.partition("=")
        self.home = home
        self.output = home / "output.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).parent / "raytrail"), *arguments],
                cwd=root,
                env={**os.environ, **OF_THE_CALLER, "HOME": str(home), "TMPDIR": str(home), name: value},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def alive(self) -> list[str]:
        """The command lines of its processes that still run."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return [line for line in found if line]

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def run(root, tmp_path) -> Iterator:
    started: list[Command] = []

    def start(*arguments: str) -> Command:
        command = Command(root, tmp_path, *arguments)
        started.append(command)
        return command

    yield start
    for command in started:
        command.end()


@pytest.fixture(scope="module")
def finished_demo(root, tmp_path_factory) -> Iterator[Command]:
    """One demo from start to end, which loads records of somebody too."""
    home = tmp_path_factory.mktemp("demo")
    logs = home / "logs"
    logs.mkdir()
    lines = [json.dumps(_record(number)) for number in range(3)] + ["{not json", json.dumps({"eventName": "NoTime"})]
    (logs / "mine.ndjson").write_text("\n".join(lines), encoding="utf-8")
    # What an earlier version of the app may have left.
    stale = home / "demo" / "cdk.out"
    stale.mkdir(parents=True)
    (stale / "manifest.json").write_text('{"version": "1.0.0"}', encoding="utf-8")
    (stale / "raytrail-old.template.json").write_text('{"Resources": {"Old": {}}}', encoding="utf-8")
    command = Command(root, home, "demo", "--output", str(home / "demo"), "--logs", str(logs))
    yield command
    command.end()


@pytest.fixture(scope="module")
def report(finished_demo) -> dict[str, Any]:
    assert finished_demo.process.wait(240) == 0, finished_demo.said
    found: dict[str, Any] = json.loads((finished_demo.home / "demo" / "report.json").read_text(encoding="utf-8"))
    return found


def test_the_demo_deploys_and_shows_every_row(finished_demo, report):
    assert [row["row"] for row in report["evidence"]] == [*LOCAL_ROWS, "loaded logs", "destroy"]
    assert report["missing"] == []
    assert len(report["stacks"]) == 5
    assert report["resources"]["emulated"] > report["resources"]["recorded"] > 0
    assert all(entry["reason"] for entry in report["resources"]["recorded_types"].values())
    assert "not enforced here" in finished_demo.said
    assert "never to AWS" in " ".join(finished_demo.said.split())


def test_the_demo_leaves_no_process_and_no_folder_behind(finished_demo, report):
    assert report["left_behind"]
    assert finished_demo.alive() == []
    assert list(finished_demo.home.glob("raytrail-local-*")) == []


def test_records_that_somebody_has_are_loaded_queried_and_intercepted(report):
    loaded = report["loaded"]
    assert (loaded["read"], loaded["loaded"], loaded["rows_in_athena"], loaded["refused"]) == (5, 3, 3, 2)
    assert [(each["file"], each["line"]) for each in loaded["refusals"]] == [("mine.ndjson", 4), ("mine.ndjson", 5)]
    # The rules are in us-east-1: what happened in another Region they do not see.
    assert loaded["alerts"] == {"kms_key_deletion": 2}


def test_ctrl_c_in_mid_deploy_ends_the_demo_and_every_process_of_it(run, tmp_path, monkeypatch):
    # CDK's own validation is for the demo that runs to its end: it takes half of a synth.
    monkeypatch.setenv("CDK_VALIDATION", "false")
    command = run("demo", "--output", str(tmp_path / "demo"))
    command.wait_for("deploying the stacks")
    _wait_for_a_stack(tmp_path)
    assert any("raytrail.localaws._serve" in each for each in command.alive())
    os.kill(command.process.pid, signal.SIGINT)
    assert command.process.wait(SECONDS_TO_END) == 130
    assert command.said.strip().endswith("raytrail: stopped; everything that it had started is ended")
    assert "Traceback" not in command.said
    assert command.alive() == []
    assert list(tmp_path.glob("raytrail-local-*")) == []


def test_local_stays_answers_and_is_gone_after_ctrl_c(run, tmp_path):
    port = _free_port()
    command = run("local", "--port", str(port))
    command.wait_for("Ctrl-C stops it")
    assert f"export AWS_ENDPOINT_URL=http://127.0.0.1:{port}" in command.said
    # No Region is named: with a home elsewhere the app has a stack in us-east-1 too.
    assert "\n  tools/cdk bootstrap\n" in command.said
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=5) as answer:
        assert answer.status == 200
    os.kill(command.process.pid, signal.SIGINT)
    assert command.process.wait(SECONDS_TO_END) == 0
    assert command.alive() == []
    assert list(tmp_path.glob("raytrail-local-*")) == []


def test_a_port_that_is_taken_is_one_sentence(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = run("local", "--port", str(port))
        assert command.process.wait(30) == 1
    assert command.said == (
        f"raytrail: port {port} of 127.0.0.1 is taken; free it, or choose another with --port (0 picks a free one)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["demo", "--target", "moon"], "--target is local or aws, got 'moon'"),
        (["demo", "--logs", "no-such-file"], "there is no such file or folder"),
        (["demo", "--target", "aws", "--profile", "no-such-profile"], "no usable credentials for --target aws"),
        (["demo", "--target", "aws", "--profile", "no-such-profile"], "`raytrail doctor` tells the causes apart"),
    ],
)
def test_a_wrong_word_is_one_sentence_without_a_traceback(run, tmp_path, arguments, sentence):
    command = run(*arguments, "--output", str(tmp_path / "demo"))
    assert command.process.wait(60) == 1
    assert sentence in command.said
    assert "Traceback" not in command.said


def test_the_demo_of_an_account_asks_in_the_region_of_aws_region_as_the_cdk_cli_does(
    here, local_aws, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    said = here(
        *("demo", "--target", "aws", "--output", str(tmp_path)),
        AWS_ACCESS_KEY_ID=local_aws.config.account_id,
        AWS_SECRET_ACCESS_KEY="local",
        AWS_ENDPOINT_URL_STS=local_aws.endpoint,
        AWS_REGION="us-east-1",
        **dict.fromkeys(("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN")),
    )
    assert f"Account {local_aws.config.account_id}, Region us-east-1" in said.out
    assert (said.status, list(tmp_path.iterdir())) == (1, [])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"detection": {"enabled": False}}, "cdk.json switches off detection; remove detection.enabled there"),
        ({"audit": {"existing_trail": {"bucket_name": "theirs"}}}, "remove audit.existing_trail there for the demo"),
        (
            {"detection": {"existing_topic": {"arn": "arn:aws:sns:us-east-1:111122223333:oncall"}}},
            "remove detection.existing_topic there for the demo",
        ),
        ({"regoin": "eu-west-1"}, "regoin"),
    ],
)
def test_settings_that_the_demo_cannot_show_are_refused_before_anything_is_deployed(
    run, root, tmp_path, settings, sentence
):
    app = tmp_path / "app"
    app.mkdir()
    cdk_json = json.loads((root / "cdk.json").read_text(encoding="utf-8"))
    cdk_json["context"]["raytrail"] = settings
    (app / "cdk.json").write_text(json.dumps(cdk_json), encoding="utf-8")
    command = run("demo", "--app", str(app), "--output", str(tmp_path / "demo"))
    assert command.process.wait(60) == 1
    assert sentence in command.said
    assert "Traceback" not in command.said
    assert list(tmp_path.glob("raytrail-local-*")) == []


def test_an_app_without_the_cdk_cli_is_told_how_to_get_it(run, root, tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    (app / "cdk.json").write_text((root / "cdk.json").read_text(encoding="utf-8"), encoding="utf-8")
    command = run("demo", "--app", str(app), "--output", str(tmp_path / "demo"))
    assert command.process.wait(60) == 1
    assert "the CDK CLI is not installed" in command.said
    assert "run `make setup`" in command.said


def _record(number: int) -> dict[str, object]:
    """A key is scheduled for deletion in an account of our own invention, twice in us-east-1."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE",
            "arn": "arn:aws:iam::999988887777:user/somebody",
            "accountId": "999988887777",
            "userName": "somebody",
        },
        "eventTime": f"2026-03-0{number + 1}T10:00:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "ScheduleKeyDeletion",
        "awsRegion": "eu-central-1" if number == 2 else "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2",
        "requestParameters": {"keyId": "0000", "pendingWindowInDays": 7},
        "responseElements": {"keyId": "0000"},
        "requestID": str(uuid.UUID(int=number)),
        "eventID": str(uuid.UUID(int=100 + number)),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "999988887777",
        "eventCategory": "Management",
    }


def _wait_for_a_stack(home: Path) -> None:
    """Return when the kit's first stack is being made."""
    (config,) = home.glob("raytrail-local-*/config.json")
    port = json.loads(config.read_text(encoding="utf-8"))["port"]
    place = {"region_name": "us-east-1", "endpoint_url": f"http://127.0.0.1:{port}"}
    keys = {"aws_access_key_id": "111122223333", "aws_secret_access_key": "local"}
    client = boto3.client("cloudformation", **place, **keys)
    deadline = time.monotonic() + 60
    while not any(stack["StackName"].startswith("raytrail-") for stack in client.describe_stacks()["Stacks"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
