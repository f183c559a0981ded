"""The function behind `TraceEncryption`: botocore holds each call and each answer against X-Ray's model."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

STACK = "arn:aws:cloudformation:eu-west-1:111122223333:stack/tracing/6f2d0c10-0000-11ef-8000-0a0000000000"
OWN_ID = "xray-encryption/111122223333/eu-west-1"
KEY, OTHER, THEIRS = (f"arn:aws:kms:eu-west-1:111122223333:key/{name}" for name in ("ours", "other", "theirs"))


@pytest.fixture(scope="module")
def source(root) -> Path:
    return root / "constructs" / "raytrail" / "tracing" / "encryption_handler" / "index.py"


@pytest.fixture
def index(source) -> ModuleType:
    spec = importlib.util.spec_from_file_location("encryption_handler_index", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.FIRST_PAUSE_SECONDS = 0
    return module


class World:
    """X-Ray and CloudFormation as the handler meets them: each call is announced, in order, and none may be left."""

    def __init__(self, index: ModuleType, url: str, answers: list[dict[str, Any]]) -> None:
        credentials = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
        clients = {name: boto3.client(name, **credentials) for name in ("xray", "cloudformation")}
        self._index, self._url, self._answers = index, url, answers
        self._stubs = {name: Stubber(client) for name, client in clients.items()}
        index.boto3 = SimpleNamespace(client=lambda name: clients[name])
        self.milliseconds_left = 60_000

    def has(self, key: str | None, status: str = "ACTIVE") -> None:
        self._stubs["xray"].add_response("get_encryption_config", {"EncryptionConfig": config(key, status)}, {})

    def takes(self, key: str | None) -> None:
        asked = {"Type": "KMS", "KeyId": key} if key else {"Type": "NONE"}
        answer = {"EncryptionConfig": config(key, "UPDATING")}
        self._stubs["xray"].add_response("put_encryption_config", answer, asked)

    def refuses(self, key: str) -> None:
        self._stubs["xray"].add_client_error(
            "put_encryption_config",
            "InvalidRequestException",
            "the key is not there",
            expected_params={"Type": "KMS", "KeyId": key},
        )

    def stack_is(self, status: str) -> None:
        stack = {"StackName": "tracing", "CreationTime": "2026-11-22T00:00:00Z", "StackStatus": status}
        self._stubs["cloudformation"].add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})

    def asks(
        self, kind: str, *, key: str = KEY, old: str = KEY, adopt: bool = False, physical_id: str = OWN_ID
    ) -> dict[str, Any]:
        """Send one request of CloudFormation and return what it was answered."""
        event = {
            "RequestType": kind,
            "ResponseURL": self._url,
            "StackId": STACK,
            "RequestId": "request",
            "LogicalResourceId": "Encryption",
            "ResourceProperties": {"ServiceToken": "arn", "KeyArn": key, "Adopt": "true" if adopt else "false"},
        }
        if kind != "Create":
            event["PhysicalResourceId"] = physical_id
        if kind == "Update":
            event["OldResourceProperties"] = {"ServiceToken": "arn", "KeyArn": old, "Adopt": "false"}
        context = SimpleNamespace(
            get_remaining_time_in_millis=lambda: self.milliseconds_left, log_group_name="logs", log_stream_name="s"
        )
        self._answers.clear()
        for stub in self._stubs.values():
            stub.activate()
        self._index.handler(event, context)
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()
        (answer,) = self._answers
        assert answer.keys() == {"Status", "Reason", "PhysicalResourceId", "StackId", "RequestId", "LogicalResourceId"}
        assert (answer["StackId"], answer["RequestId"], answer["LogicalResourceId"]) == (STACK, "request", "Encryption")
        return answer


def config(key: str | None, status: str) -> dict[str, str]:
    return {"Type": "KMS", "KeyId": key, "Status": status} if key else {"Type": "NONE", "Status": status}


@pytest.fixture
def world(index) -> Iterator[World]:
    """With an address that takes answers as CloudFormation's signed URLs do: a PUT without a type of content."""
    answers: list[dict[str, Any]] = []

    class Inbox(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert not self.headers["Content-Type"]
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Inbox)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield World(index, f"http://127.0.0.1:{server.server_port}/answer?X-Amz-Signature=x", answers)
    server.shutdown()
    thread.join()
    server.server_close()


def outcome(answer: dict[str, Any]) -> tuple[str, str]:
    return answer["Status"], answer["PhysicalResourceId"]


# --- Create -----------------------------------------------------------------------------------------------------------


def test_a_free_setting_is_taken_and_waited_for(world):
    world.has(None)
    world.takes(KEY)
    world.has(KEY, "UPDATING")
    world.has(KEY, "UPDATING")
    world.has(KEY)
    assert outcome(world.asks("Create")) == ("SUCCESS", OWN_ID)


def test_a_key_that_somebody_else_has_set_is_left_alone(world):
    world.has(THEIRS)
    answer = world.asks("Create")
    assert outcome(answer) == ("FAILED", "xray-encryption/refused")
    assert answer["Reason"] == (
        f"X-Ray of this account and Region encrypts with {THEIRS} already, which this resource did not set; "
        "change that by hand, or take it over with adopt=True"
    )


def test_the_same_key_set_by_somebody_else_is_not_claimed_either(world):
    """Else the deletion of the one stack would switch off what the other wants."""
    world.has(KEY)
    assert outcome(world.asks("Create")) == ("FAILED", "xray-encryption/refused")


def test_the_rollback_of_a_refused_creation_touches_nothing(world):
    assert outcome(world.asks("Delete", physical_id="xray-encryption/refused")) == (
        "SUCCESS",
        "xray-encryption/refused",
    )


def test_to_adopt_takes_over_and_remembers_what_was_there(world):
    world.has(THEIRS)
    world.takes(KEY)
    world.has(KEY)
    assert outcome(world.asks("Create", adopt=True)) == ("SUCCESS", f"{OWN_ID}/replaced/{THEIRS}")


def test_to_adopt_the_same_key_changes_nothing(world):
    world.has(KEY)
    assert outcome(world.asks("Create", adopt=True)) == ("SUCCESS", OWN_ID)


def test_a_change_that_is_under_way_is_waited_for_before_anything_is_decided(world):
    world.has(THEIRS, "UPDATING")
    world.has(None)
    world.takes(KEY)
    world.has(KEY)
    assert outcome(world.asks("Create")) == ("SUCCESS", OWN_ID)


def test_a_key_that_x_ray_refuses_fails_with_its_reason(world):
    world.has(None)
    world.refuses(KEY)
    answer = world.asks("Create")
    assert outcome(answer) == ("FAILED", OWN_ID)
    assert "the key is not there" in answer["Reason"]
    assert "see log stream logs/s" in answer["Reason"]


def test_a_change_that_does_not_end_in_time_fails_and_its_rollback_undoes_it(world):
    world.has(None)
    world.takes(KEY)
    world.has(KEY, "UPDATING")
    world.milliseconds_left = 1_000
    answer = world.asks("Create")
    assert outcome(answer) == ("FAILED", OWN_ID)
    assert "X-Ray is still changing its encryption" in answer["Reason"]
    world.has(KEY)
    world.takes(None)
    world.has(None)
    assert outcome(world.asks("Delete", physical_id=answer["PhysicalResourceId"])) == ("SUCCESS", OWN_ID)


def test_a_setting_that_ends_up_as_another_is_said(world):
    world.has(None)
    world.takes(KEY)
    world.has(THEIRS)
    answer = world.asks("Create")
    assert answer["Status"] == "FAILED"
    assert f"X-Ray was asked to encrypt with {KEY} and encrypts with {THEIRS}" in answer["Reason"]


# --- Update -----------------------------------------------------------------------------------------------------------


def test_an_own_key_is_changed_for_another_without_a_replacement(world):
    world.has(KEY)
    world.takes(OTHER)
    world.has(OTHER)
    assert outcome(world.asks("Update", key=OTHER, old=KEY)) == ("SUCCESS", OWN_ID)


def test_what_is_as_asked_is_not_set_again(world):
    world.has(KEY)
    assert outcome(world.asks("Update", key=KEY, old=OTHER)) == ("SUCCESS", OWN_ID)


@pytest.mark.parametrize("found", [THEIRS, None])
def test_an_update_does_not_take_over_what_somebody_has_changed_since(world, found):
    world.has(found)
    world.stack_is("UPDATE_IN_PROGRESS")
    answer = world.asks("Update", key=OTHER, old=KEY)
    assert outcome(answer) == ("FAILED", OWN_ID)
    assert f"encrypts with {found or 'its default key'} already" in answer["Reason"]


def test_the_rollback_of_a_refused_update_succeeds_and_leaves_it_alone(world):
    world.has(THEIRS)
    world.stack_is("UPDATE_ROLLBACK_IN_PROGRESS")
    assert outcome(world.asks("Update", key=KEY, old=OTHER)) == ("SUCCESS", OWN_ID)


def test_an_update_takes_over_when_told_to_adopt(world):
    world.has(THEIRS)
    world.takes(KEY)
    world.has(KEY)
    assert outcome(world.asks("Update", adopt=True)) == ("SUCCESS", OWN_ID)


# --- Delete -----------------------------------------------------------------------------------------------------------


def test_what_this_resource_has_set_goes_back_to_the_default(world):
    world.has(KEY)
    world.takes(None)
    world.has(None, "UPDATING")
    world.has(None)
    assert outcome(world.asks("Delete")) == ("SUCCESS", OWN_ID)


@pytest.mark.parametrize("found", [THEIRS, None])
def test_what_somebody_has_changed_since_is_left_alone(world, found):
    world.has(found)
    assert outcome(world.asks("Delete")) == ("SUCCESS", OWN_ID)


def test_what_was_taken_over_is_given_back(world):
    adopted = f"{OWN_ID}/replaced/{THEIRS}"
    world.has(KEY)
    world.takes(THEIRS)
    world.has(THEIRS)
    assert outcome(world.asks("Delete", physical_id=adopted)) == ("SUCCESS", adopted)


def test_what_was_taken_over_and_is_gone_leaves_the_default(world):
    adopted = f"{OWN_ID}/replaced/{THEIRS}"
    world.has(KEY)
    world.refuses(THEIRS)
    world.takes(None)
    world.has(None)
    assert outcome(world.asks("Delete", physical_id=adopted)) == ("SUCCESS", adopted)


# --- The file ---------------------------------------------------------------------------------------------------------


def test_the_function_imports_what_lambda_has_and_nothing_of_ours(source):
    tree = ast.parse(source.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == {"boto3"}
