"""The server's process: where it listens, what it leaves behind, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from raytrail.errors import LocalAwsError
from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

needs_proc = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's /proc")

HANDLER = "def handler(event, context):\n    return {}\n"
CALLS_AWS = """
import boto3

def handler(event, context):
    return boto3.client("sts").get_caller_identity()["Account"]
"""


@pytest.fixture
def own() -> Iterator[LocalAws]:
    """A server that this test may end."""
    with LocalAws() as server:
        yield server


def deploy_function(server: LocalAws, code: str = HANDLER) -> Any:
    """Run a function, so that the server has a worker process of its own, and return what it answers."""
    import io
    import zipfile

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("index.py", code)
    functions = server.client("lambda")
    functions.create_function(
        FunctionName="worker",
        Runtime="python3.12",
        Handler="index.handler",
        Role="arn:aws:iam::111122223333:role/somebody",
        Code={"ZipFile": archive.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="worker", WaiterConfig={"Delay": 1})
    answer = functions.invoke(FunctionName="worker")
    assert answer["StatusCode"] == 200
    return json.load(answer["Payload"])


def group_of(server: LocalAws) -> int:
    """The server's process group, which its process leads."""
    assert server._process is not None
    assert os.getpgid(server._process.pid) == server._process.pid
    return server._process.pid


def members(group: int) -> list[int]:
    """The running processes of a group; zombies are not running."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(process_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


# --- Listening ------------------------------------------------------------------------------------------------------


@needs_proc
def test_nothing_that_it_started_listens_beyond_this_machine(own: LocalAws) -> None:
    deploy_function(own)
    running = members(group_of(own))
    assert len(running) > 1
    sockets = set()
    for pid in running:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if found := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                    sockets.add(found[1])
            except OSError:
                continue
    listening = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        path = Path(f"/proc/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            local, state, inode = fields[1], fields[3], fields[9]
            # 0A is LISTEN; a UDP socket that receives has no such state and is 07.
            if inode in sockets and state == ("0A" if table.startswith("tcp") else "07"):
                listening.add((table, local.split(":")[0], int(local.split(":")[1], 16)))
    assert ("tcp", "0100007F", own.config.port) in listening  # 127.0.0.1, in /proc's byte order
    assert {address for table, address, _ in listening if table.endswith(("tcp", "udp"))} == {"0100007F"}
    assert [entry for entry in listening if entry[0].endswith("6")] == []


def test_a_taken_port_is_said_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = LocalAws(port=port)
        with pytest.raises(LocalAwsError) as refused:
            server.start()
        server.stop()
    assert str(refused.value) == (
        f"port {port} of 127.0.0.1 is taken; free it, or choose another with --port (0 picks a free one)"
    )


def test_two_servers_side_by_side_share_nothing(own: LocalAws) -> None:
    with LocalAws() as other:
        own.client("sqs").create_queue(QueueName="mine")
        assert other.client("sqs").list_queues().get("QueueUrls", []) == []
        assert own.endpoint != other.endpoint


# --- Starting -------------------------------------------------------------------------------------------------------


def test_a_ministack_that_lacks_a_hook_ends_the_start_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a ministack of another version would look like to the server's own process.
    (tmp_path / "sitecustomize.py").write_text("import ministack.services.s3 as s3\ndel s3._delete_bucket\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = LocalAws()
    with pytest.raises(LocalAwsError) as refused:
        server.start()
    assert re.fullmatch(
        r"ministack \S+ has no ministack\.services\.s3:_delete_bucket, which the embedded AWS extends; "
        r"install ministack==\S+ \(pip install 'raytrail\[local\]'\)",
        str(refused.value),
    )
    server.stop()


def test_a_missing_extra_is_named_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ministack", None)
    server = LocalAws()
    try:
        with pytest.raises(LocalAwsError, match=r"needs the package ministack; install raytrail\[cli,local\]"):
            server.start()
    finally:
        server.stop()


def test_a_server_that_crashes_while_it_starts_says_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hypercorn.py").write_text("raise RuntimeError('hypercorn is not itself today')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = LocalAws()
    with pytest.raises(LocalAwsError, match=r"stopped while starting: .*hypercorn is not itself today"):
        server.start()
    server.stop()


@pytest.mark.parametrize("proxies", [("HTTP_PROXY",), ("http_proxy", "no_proxy")])
def test_what_its_starter_has_set_changes_nothing(monkeypatch: pytest.MonkeyPatch, proxies: tuple[str, ...]) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in proxies:
        monkeypatch.setenv(name, "example.com" if name == "no_proxy" else "http://127.0.0.1:9")
    monkeypatch.setenv("AUTH", "true")  # ministack's: credentials are checked
    monkeypatch.setenv("SERVICES", "sqs")  # ministack's: there is nothing else
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with LocalAws() as server:
        assert deploy_function(server, CALLS_AWS) == server.config.account_id
        assert server.client("sts").get_caller_identity()["Account"] == server.config.account_id
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        # As a program of the caller's, in the environment that it is told to take.
        assert boto3.client("sts").get_caller_identity()["Account"] == server.config.account_id


AUDIT = """
import os, sys

FOLDER, LOG = {folder!r}, {log!r}
log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def note(path):
    try:
        path = os.path.realpath(os.fsdecode(path))
    except TypeError:  # a file descriptor, opened before
        return
    if not path.startswith((FOLDER, "/dev/", "/proc/")):
        os.write(log, (path + chr(10)).encode())

def hook(event, arguments):
    if event == "open" and isinstance(arguments[2], int):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            note(arguments[0])
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod"):
        note(arguments[0])
    elif event in ("os.link", "os.symlink"):  # what is written is the link
        note(arguments[1])
    elif event == "os.rename":
        note(arguments[0])
        note(arguments[1])

sys.addaudithook(hook)
"""


def test_it_writes_nothing_outside_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, log, home = tmp_path / "server", tmp_path / "written.log", tmp_path / "home"
    for made in (folder, home, tmp_path / "site"):
        made.mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(AUDIT.format(folder=str(folder), log=str(log)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("HOME", str(home))
    with LocalAws(folder=folder) as server:
        deploy_function(server)
        s3 = server.client("s3")
        s3.create_bucket(Bucket="written")
        s3.put_object(Bucket="written", Key="a/b", Body=b"1")
    assert log.exists()  # the hook was there
    assert log.read_text().splitlines() == []
    assert list(home.iterdir()) == []
    assert (folder / "server.log").exists()  # a folder that was given is kept


def test_nothing_of_the_callers_aws_settings_reaches_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_PROFILE", "a-real-account")
    with LocalAws(region="eu-west-1", account_id="444455556666") as server:
        monkeypatch.undo()
        identity = server.client("sts").get_caller_identity()
        assert identity["Account"] == "444455556666"
        queue = server.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        attributes = server.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        assert attributes["Attributes"]["QueueArn"] == "arn:aws:sqs:eu-west-1:444455556666:q"


# --- Stopping -------------------------------------------------------------------------------------------------------


@needs_proc
def test_stop_leaves_no_process_and_no_folder() -> None:
    server = LocalAws().start()
    deploy_function(server)
    group, folder = group_of(server), server.log_path.parent
    assert len(members(group)) > 1
    server.stop()
    assert members(group) == []
    assert not folder.exists()
    server.stop()  # and once more does no harm


SILENT = """
def handler(event, context):
    return "and never a word to the response URL"
"""


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_mid_deploy_ends_every_process(own: LocalAws, number: signal.Signals) -> None:
    deploy_function(own)
    template = {
        "Resources": {
            "Handler": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Code": {"ZipFile": SILENT},
                    "Handler": "index.handler",
                    "Runtime": "python3.12",
                    "Role": "arn:aws:iam::111122223333:role/somebody",
                },
            },
            "Thing": {
                "Type": "Custom::Thing",
                "Properties": {"ServiceToken": {"Fn::GetAtt": ["Handler", "Arn"]}},
            },
        }
    }
    stacks = own.client("cloudformation")
    stacks.create_stack(StackName="endless", TemplateBody=json.dumps(template))

    def waiting() -> bool:
        events = stacks.describe_stack_events(StackName="endless")["StackEvents"]
        return any(event["LogicalResourceId"] == "Thing" for event in events)

    eventually(waiting, "the custom resource was never begun")
    assert stacks.describe_stacks(StackName="endless")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"

    group = group_of(own)
    assert own._process is not None
    os.kill(group, number)
    assert own._process.wait(30) == 0
    assert members(group) == []


OWNER = """
import time
from raytrail.localaws import LocalAws
server = LocalAws().start()
print(server._process.pid, server.log_path.parent, flush=True)
time.sleep(600)
"""


@needs_proc
def test_an_owner_that_is_killed_leaves_no_server_behind() -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    group, folder = owner.stdout.readline().split()
    try:
        assert members(int(group)) != []
        owner.kill()
        owner.wait()
        eventually(lambda: members(int(group)) == [], "the server outlived its owner")
    finally:
        owner.stdout.close()
        subprocess.run(["rm", "-rf", folder], check=True)
