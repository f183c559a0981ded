"""The function behind `TraceEncryption`: botocore holds each call and each answer against X-Ray's model."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore.stub import Stubber

STACK = "arn:aws:cloudformation:eu-west-1:111122223333:stack/tracing/6f2d0c10-0000-11ef-8000-0a0000000000"
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:tracing-EncryptionHandler85B811B4-x"
OWN_ID = "xray-encryption/111122223333/eu-west-1"
UNTOUCHED = "xray-encryption/refused"
MADE_UP = "tracing-Encryption-1KXVBP8X6D3XC"
"""The id that CloudFormation gives a resource whose creation was not answered."""
KEY, OTHER, THEIRS = (f"arn:aws:kms:eu-west-1:111122223333:key/{name}" for name in ("ours", "other", "theirs"))


@pytest.fixture(scope="module")
def source(root) -> Path:
    return root / "constructs" / "raytrail" / "tracing" / "encryption_handler" / "index.py"


@pytest.fixture
def index(source) -> ModuleType:
    return environment(source)


def environment(source: Path) -> ModuleType:
    """The handler as a fresh environment of Lambda has it."""
    spec = importlib.util.spec_from_file_location("encryption_handler_index", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.FIRST_PAUSE_SECONDS = 0
    module.ANSWER_PAUSES = [0] * len(module.ANSWER_PAUSES)
    return module


class Died(BaseException):
    """The end of an environment of Lambda: no code of the handler's runs any more."""


class World:
    """X-Ray and CloudFormation as the handler meets them: each call is announced, in order, and none may be left.

    The function's tags are there too, and stay from one delivery of a request to the next.
    """

    def __init__(self, index: ModuleType, url: str, answers: list[dict[str, Any]]) -> None:
        credentials = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
        clients = {name: boto3.client(name, **credentials) for name in ("xray", "cloudformation", "kms", "lambda")}
        self._index, self._url, self._answers = index, url, answers
        self._stubs = {name: Stubber(clients[name]) for name in ("xray", "cloudformation", "kms")}
        self._client = clients.__getitem__
        self.tags: dict[str, str] = {}
        clients["lambda"].meta.events.register("before-call.lambda", self._tag)
        self.unheard = 0
        """How many answers from now on do not get through."""
        self.milliseconds_left = 60_000
        self.next_environment(index)

    def next_environment(self, index: ModuleType) -> None:
        self._index = index
        index.boto3 = SimpleNamespace(client=self._client)

    def _tag(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        # botocore has held the parameters against Lambda's model by now.
        assert params["url_path"].endswith(FUNCTION.replace(":", "%3A"))
        if model.name == "TagResource":
            added = json.loads(params["body"])["Tags"]
            assert all(re.fullmatch(r"[\w .:/=+@-]{1,256}", text) for pair in added.items() for text in pair)
            self.tags |= added
            return SimpleNamespace(status_code=204), {}
        assert model.name == "ListTags"
        return SimpleNamespace(status_code=200), {"Tags": {"team": "x", **self.tags}}

    def time_left(self) -> int:
        if self.milliseconds_left < 0:
            raise Died
        return self.milliseconds_left

    def has(self, key: str | None, status: str = "ACTIVE") -> None:
        self._stubs["xray"].add_response("get_encryption_config", {"EncryptionConfig": config(key, status)}, {})

    def takes(self, key: str | None) -> None:
        asked = {"Type": "KMS", "KeyId": key} if key else {"Type": "NONE"}
        answer = {"EncryptionConfig": config(key, "UPDATING")}
        self._stubs["xray"].add_response("put_encryption_config", answer, asked)

    def fails_to_say(self) -> None:
        self._stubs["xray"].add_client_error("get_encryption_config", "ThrottledException", "later", expected_params={})

    def refuses(self, key: str, code: str = "InvalidRequestException") -> None:
        self._stubs["xray"].add_client_error(
            "put_encryption_config",
            code,
            "the key is not there",
            expected_params={"Type": "KMS", "KeyId": key},
        )

    def shows(self, key: str, state: str) -> None:
        metadata = {"KeyId": key, "KeyState": state}
        self._stubs["kms"].add_response("describe_key", {"KeyMetadata": metadata}, {"KeyId": key})

    def does_not_show(self, key: str, code: str) -> None:
        self._stubs["kms"].add_client_error("describe_key", code, "no", expected_params={"KeyId": key})

    def stack_is(self, status: str) -> None:
        stack = {"StackName": "tracing", "CreationTime": "2026-11-22T00:00:00Z", "StackStatus": status}
        self._stubs["cloudformation"].add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})

    def asks(
        self,
        kind: str,
        *,
        key: str = KEY,
        old: str = KEY,
        adopt: bool = False,
        physical_id: str = OWN_ID,
        request: str = "request",
    ) -> dict[str, Any]:
        """Send one request of CloudFormation and return what it was answered."""
        event = {
            "RequestType": kind,
            "ResponseURL": self._url,
            "StackId": STACK,
            "RequestId": request,
            "LogicalResourceId": "Encryption",
            "ResourceProperties": {"ServiceToken": "arn", "KeyArn": key, "Adopt": "true" if adopt else "false"},
        }
        if kind != "Create":
            event["PhysicalResourceId"] = physical_id
        if kind == "Update":
            event["OldResourceProperties"] = {"ServiceToken": "arn", "KeyArn": old, "Adopt": "false"}
        context = SimpleNamespace(
            get_remaining_time_in_millis=self.time_left,
            log_group_name="logs",
            log_stream_name="s",
            invoked_function_arn=FUNCTION,
        )
        self._answers.clear()
        for stub in self._stubs.values():
            stub.activate()
        try:
            self._index.handler(event, context)
        finally:
            for stub in self._stubs.values():
                stub.assert_no_pending_responses()
        (answer,) = self._answers
        assert answer.keys() == {"Status", "Reason", "PhysicalResourceId", "StackId", "RequestId", "LogicalResourceId"}
        assert (answer["StackId"], answer["RequestId"], answer["LogicalResourceId"]) == (STACK, request, "Encryption")
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
            answer = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if here.unheard:
                here.unheard -= 1
                self.send_response(503)
            else:
                answers.append(answer)
                self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Inbox)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    here = World(index, f"http://127.0.0.1:{server.server_port}/answer?X-Amz-Signature=x", answers)
    yield here
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


def test_an_adoption_that_does_not_end_in_time_knows_the_earlier_key_and_its_rollback_gives_it_back(world):
    world.has(THEIRS)
    world.takes(KEY)
    world.has(KEY, "UPDATING")
    world.milliseconds_left = 1_000
    answer = world.asks("Create", adopt=True)
    assert outcome(answer) == ("FAILED", f"{OWN_ID}/replaced/{THEIRS}")
    world.has(KEY)
    world.takes(THEIRS)
    world.has(THEIRS)
    assert world.asks("Delete", physical_id=answer["PhysicalResourceId"])["Status"] == "SUCCESS"


def test_what_failed_before_anything_was_changed_leaves_nothing_to_undo(world):
    world.fails_to_say()
    assert outcome(world.asks("Create")) == ("FAILED", UNTOUCHED)
    assert world.tags == {}


def test_a_setting_that_ends_up_as_another_is_said(world):
    world.has(None)
    world.takes(KEY)
    world.has(THEIRS)
    answer = world.asks("Create")
    assert answer["Status"] == "FAILED"
    assert f"X-Ray was asked to encrypt with {KEY} and encrypts with {THEIRS}" in answer["Reason"]


# --- Lambda delivers again --------------------------------------------------------------------------------------------


def test_an_answer_that_does_not_get_through_is_given_again(world):
    world.has(None)
    world.takes(KEY)
    world.has(KEY)
    world.unheard = 4
    assert outcome(world.asks("Create")) == ("SUCCESS", OWN_ID)


@pytest.mark.parametrize(
    ("found", "adopt", "id"), [(None, False, OWN_ID), (THEIRS, True, f"{OWN_ID}/replaced/{THEIRS}")]
)
def test_a_creation_whose_answer_is_lost_is_answered_the_same_when_it_is_delivered_again(
    world, source, found, adopt, id
):
    world.has(found)
    world.takes(KEY)
    world.has(KEY)
    world.unheard = 5
    # Lambda delivers a request again when the function has failed.
    with pytest.raises(HTTPError):
        world.asks("Create", adopt=adopt)
    world.next_environment(environment(source))
    world.has(KEY)
    assert outcome(world.asks("Create", adopt=adopt)) == ("SUCCESS", id)
    # And it may do so although the function has answered.
    world.has(KEY)
    assert outcome(world.asks("Create", adopt=adopt)) == ("SUCCESS", id)
    world.has(KEY)
    world.takes(found)
    world.has(found)
    assert outcome(world.asks("Delete", physical_id=id, request="rollback")) == ("SUCCESS", id)


@pytest.mark.parametrize(("found", "adopt"), [(None, False), (THEIRS, True)])
def test_a_function_that_dies_once_it_has_asked_for_the_change_goes_on_where_it_was(world, source, found, adopt):
    die_while_x_ray_changes(world, found, adopt)
    world.next_environment(environment(source))
    world.has(KEY, "UPDATING")
    world.has(KEY)
    answer = world.asks("Create", adopt=adopt)
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"].endswith(f"/replaced/{THEIRS}") is adopt


@pytest.mark.parametrize(("found", "adopt"), [(None, False), (THEIRS, True)])
def test_a_creation_that_was_never_answered_is_undone_under_the_id_that_cloudformation_makes(world, found, adopt):
    die_while_x_ray_changes(world, found, adopt)
    world.has(KEY)
    world.takes(found)
    world.has(found)
    assert outcome(world.asks("Delete", physical_id=MADE_UP, request="rollback")) == ("SUCCESS", MADE_UP)


def die_while_x_ray_changes(world: World, found: str | None, adopt: bool) -> None:
    world.has(found)
    world.takes(KEY)
    world.has(KEY, "UPDATING")
    world.milliseconds_left = -1
    with pytest.raises(Died):
        world.asks("Create", adopt=adopt)
    world.milliseconds_left = 60_000


def test_a_creation_that_was_never_answered_and_changed_nothing_is_not_undone(world):
    """The same key may be somebody else's, whose setting this would switch off."""
    world.has(KEY)
    assert outcome(world.asks("Delete", physical_id=MADE_UP)) == ("SUCCESS", MADE_UP)


def test_a_function_that_dies_before_it_asks_for_the_change_begins_anew(world):
    world.tags = {"raytrail:found": f"request {THEIRS}"}
    world.has(THEIRS)
    world.takes(KEY)
    world.has(KEY)
    assert outcome(world.asks("Create", adopt=True)) == ("SUCCESS", f"{OWN_ID}/replaced/{THEIRS}")


def test_the_note_of_one_request_is_no_excuse_for_another(world):
    world.tags = {"raytrail:found": "an-earlier-one NONE"}
    world.has(KEY)
    assert outcome(world.asks("Create")) == ("FAILED", UNTOUCHED)


def test_a_request_that_comes_again_does_not_take_what_is_somebody_elses_by_now(world):
    world.tags = {"raytrail:found": "request NONE"}
    world.has(THEIRS)
    assert outcome(world.asks("Create")) == ("FAILED", UNTOUCHED)


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


ADOPTED = f"{OWN_ID}/replaced/{THEIRS}"


@pytest.mark.parametrize("state", ["gone", "PendingDeletion", "Disabled"])
def test_what_was_taken_over_and_cannot_be_used_any_more_leaves_the_default(world, caplog, state):
    world.has(KEY)
    world.refuses(THEIRS)
    if state == "gone":
        world.does_not_show(THEIRS, "NotFoundException")
    else:
        world.shows(THEIRS, state)
    world.takes(None)
    world.has(None)
    assert outcome(world.asks("Delete", physical_id=ADOPTED)) == ("SUCCESS", ADOPTED)
    assert f"{THEIRS} cannot be used any more; going back to the default encryption" in caplog.messages


@pytest.mark.parametrize("code", ["InvalidRequestException", "AccessDeniedException"])
@pytest.mark.parametrize("seen", [True, False])
def test_what_was_taken_over_and_is_refused_for_want_of_rights_leaves_this_key_and_says_so(world, caplog, code, seen):
    world.has(KEY)
    world.refuses(THEIRS, code)
    if seen:
        world.shows(THEIRS, "Enabled")
    else:
        world.does_not_show(THEIRS, "AccessDeniedException")
    assert outcome(world.asks("Delete", physical_id=ADOPTED)) == ("SUCCESS", ADOPTED)
    said = f"left alone, and not given back: X-Ray refused {THEIRS}; see the rights on that key"
    assert said in caplog.messages


def test_a_refusal_that_is_not_about_the_key_fails_and_can_be_tried_again(world):
    world.has(KEY)
    world.refuses(THEIRS, "ThrottledException")
    answer = world.asks("Delete", physical_id=ADOPTED)
    assert outcome(answer) == ("FAILED", ADOPTED)
    assert "ThrottledException" in answer["Reason"]


# --- The file ---------------------------------------------------------------------------------------------------------


def test_the_function_imports_what_lambda_has_and_nothing_of_ours(source):
    tree = ast.parse(source.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == {"boto3"}
