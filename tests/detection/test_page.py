"""What an alert says: who, and what a person and a machine are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.detection.alerts_kit import USER, event, record, rule, session_of
from tests.synth import ACCOUNT

from raytrail.detection import described
from raytrail.detection.handlers.pager.alert import Alert
from raytrail.detection.handlers.pager.page import Earlier, document_of, mail_of, message_of, subject_of
from raytrail.detection.handlers.pager.state import Pages
from raytrail.queries import saved_query


def alert(identity: Any = None, **changes: Any) -> Alert:
    return Alert(described(rule()), event(record(**({"userIdentity": identity} if identity else {}), **changes)))


AT = {"eventTime": "2026-11-22T20:44:26Z", "eventID": "f63f680e"}


def test_the_page_of_a_machine_says_who_did_what_what_it_means_and_what_to_do():
    assert document_of(alert(**AT), Earlier("2026-11-22T18", 7)) == {
        "summary": f"A long-lived key was made: arn:aws:iam::{ACCOUNT}:user/alex called CreateAccessKey from "
        "203.0.113.7 in us-east-1",
        "detection": "key_made",
        "title": "A long-lived key was made",
        "level": "high",
        "techniques": [{"id": "T1098.001", "name": "Additional Cloud Credentials"}],
        "meaning": "Whoever has the key can call as the user until somebody deletes it.",
        "next_steps": ["Ask who made it.", "Delete the key if nobody knows."],
        "false_positives": ["A pipeline that rotates keys"],
        "actor": USER["arn"],
        "principal": USER["arn"],
        "call": "CreateAccessKey",
        "service": "iam.amazonaws.com",
        "source_address": "203.0.113.7",
        "region": "us-east-1",
        "account": ACCOUNT,
        "time": "2026-11-22T20:44:26Z",
        "error": "",
        "error_message": "",
        "event_id": "f63f680e",
        "query": f"raytrail query actor_hour actor=arn:aws:iam::{ACCOUNT}:user/alex at=2026-11-22T20:44:26Z",
        "hour": "2026-11-22T20",
        "earlier": {"hour": "2026-11-22T18", "alerts": 7},
    }


def test_the_mail_says_the_same_in_lines():
    refused = alert(**AT, errorCode="AccessDenied", errorMessage="no policy allows it")
    assert mail_of(refused, Earlier("2026-11-22T18", 1), grouped=True) == (
        "A long-lived key was made\n"
        "\n"
        "level      high\n"
        f"who        arn:aws:iam::{ACCOUNT}:user/alex\n"
        "call       CreateAccessKey (iam.amazonaws.com)\n"
        "from       203.0.113.7\n"
        f"where      account {ACCOUNT}, us-east-1\n"
        "when       2026-11-22T20:44:26Z\n"
        "refused    AccessDenied no policy allows it\n"
        "ATT&CK     T1098.001 Additional Cloud Credentials\n"
        "event      f63f680e\n"
        "detection  key_made\n"
        "\n"
        "What it means:\n"
        "  Whoever has the key can call as the user until somebody deletes it.\n"
        "\n"
        "What to do:\n"
        "  1. Ask who made it.\n"
        "  2. Delete the key if nobody knows.\n"
        "\n"
        "What it may be instead:\n"
        "  - A pipeline that rotates keys\n"
        "\n"
        "What else they did in the half hour before and after:\n"
        f"  raytrail query actor_hour actor=arn:aws:iam::{ACCOUNT}:user/alex at=2026-11-22T20:44:26Z\n"
        "\n"
        "More of the same by the same actor in the hour from 2026-11-22 20:00 UTC is counted and\n"
        "not sent. In the hour from 2026-11-22 18:00 UTC there were 1 alert.\n"
    )


def test_what_the_caller_wrote_cannot_pass_for_a_part_of_the_mail():
    forged = "Value 'a\n\nWhat to do:\n  1. Nothing\u2028: known test' at 'userName' " + "x" * 1000
    mail = mail_of(alert(**AT, errorCode="ValidationError", errorMessage=forged), None, grouped=True)
    (line,) = (each for each in mail.splitlines() if "Nothing" in each)
    assert line.startswith("refused    ValidationError Value 'a What to do: 1. Nothing : known test'")
    assert len(line) < 520
    assert mail.count("\nWhat to do:\n") == 1


def test_without_grouping_nothing_is_said_of_the_hour():
    assert "counted" not in mail_of(alert(**AT), None, grouped=False)


def test_who_reads_mail_gets_text_and_everybody_else_json():
    message = message_of(alert(**AT), None, grouped=True)
    assert message["MessageStructure"] == "json"
    bodies = json.loads(message["Message"])
    assert json.loads(bodies["default"]) == document_of(alert(**AT), None)
    assert bodies["email"].startswith("A long-lived key was made\n")
    assert set(bodies) == {"default", "email"}


def test_the_query_that_a_page_names_is_one_of_ours_with_these_parameters():
    command, verb, name, *given = document_of(alert(**AT), None)["query"].split()
    assert (command, verb) == ("raytrail", "query")
    assert [word.partition("=")[0] for word in given] == [each.name for each in saved_query(name).parameters]


def test_a_name_that_a_shell_would_take_apart_is_quoted():
    user = {"type": "IAMUser", "userName": "x; rm -rf ~", "accountId": ACCOUNT}
    assert "actor='x; rm -rf ~' at=" in document_of(alert(user, **AT), None)["query"]


@given(st.text(), st.sampled_from(["medium", "high"]))
def test_a_subject_is_what_sns_takes(title, level):
    """https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: ASCII, no line breaks, fewer than 100 characters."""
    subject = subject_of(Alert({"name": "x", "title": title, "level": level}, event(record())))
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject) < 100
    assert subject.startswith(f"[{level}]")


def test_a_record_that_says_little_makes_a_page_all_the_same():
    bare = Alert({"name": "x", "title": "Something", "level": "high"}, {"detail": {"eventName": "A"}})
    assert json.loads(json.loads(message_of(bare, None, grouped=True)["Message"])["default"])["principal"] == "unknown"
    assert len(bare.event_id) == 64


def test_an_id_that_is_too_long_for_a_key_becomes_one_that_is_not():
    assert alert(eventID="e" * 128).event_id == "e" * 128
    assert len(alert(eventID="e" * 129).event_id) == 64


SESSION = session_of("deploy", "monday")
WITHOUT_ISSUER = {key: value for key, value in SESSION.items() if key != "sessionContext"}


@pytest.mark.parametrize(
    ("identity", "principal"),
    [
        (USER, USER["arn"]),
        (SESSION, f"arn:aws:iam::{ACCOUNT}:role/deploy"),
        (WITHOUT_ISSUER, f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy"),
        ({"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"}, f"arn:aws:iam::{ACCOUNT}:root"),
        # A sign-in that failed, a role session of another account, Identity Center, a service, nobody.
        ({"type": "IAMUser", "userName": "alex", "accountId": ACCOUNT}, "alex"),
        ({"type": "AWSAccount", "principalId": "AROAX:monday", "accountId": "444455556666"}, "AROAX"),
        ({"type": "WebIdentityUser", "principalId": "idp.example.com:app:ana"}, "idp.example.com:app:ana"),
        ({"type": "IdentityCenterUser", "onBehalfOf": {"userId": "544894e8"}, "accountId": ACCOUNT}, "544894e8"),
        ({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, "autoscaling.amazonaws.com"),
        ({"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}, "ANONYMOUS_PRINCIPAL"),
        ({"sessionContext": {"sessionIssuer": None}, "arn": None}, "unknown"),
        ({"sessionContext": "odd", "onBehalfOf": "odd", "arn": None}, "unknown"),
        ("odd", "unknown"),
    ],
)
def test_sessions_of_a_role_are_one_actor_and_everybody_has_a_name(identity, principal):
    """The kinds of https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html."""
    assert alert(identity).principal == principal


@pytest.mark.parametrize("text", ["[]", "{}", '{"detection": {}}', '{"detection": {}, "event": {}}', "not json"])
def test_a_message_that_is_no_alert_is_refused(text):
    with pytest.raises(ValueError, match=r"not an alert|Expecting value"):
        Alert.read(text)


def test_people_of_identity_center_share_a_role_and_no_page():
    """And sessions of other roles, whose names whoever assumes them chooses, share theirs."""
    shared = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0a1b2c"
    asked: list[str] = []

    class Table:
        def put_item(self, **asked_for: Any) -> dict[str, Any]:
            asked.append(asked_for["Item"]["group"])
            return {}

    for role in (shared, "deploy"):
        for name in ("alex@example.com", "kim@example.com"):
            Pages(Table(), grouped=True).count(alert(session_of(role, name), **AT), now=0)
    alex, kim, *others = asked
    assert alex != kim
    assert len(set(others)) == 1
