"""Suppressions: as values, and as the pager holds alerts against them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from tests.detection.alerts_kit import USER, event, record, session_of
from tests.synth import ACCOUNT

from raytrail.detection import Suppression
from raytrail.detection.handlers.pager.alert import Alert
from raytrail.detection.handlers.pager.suppress import KEPT_SECONDS, Suppressions, TagsOfCallers
from raytrail.errors import InvalidProps

LATER, TODAY = date(2999, 1, 1), date(2026, 11, 23)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"


def alert(identity: Any = None, name: str = "key_made", **changes: Any) -> Alert:
    return Alert({"name": name}, event(record(userIdentity=identity or USER, **changes)))


def reason(suppression: Suppression, alert: Alert, today: date = TODAY, tags: Any = None) -> str | None:
    return Suppressions([suppression.as_document()], lambda _: tags or {}).of(alert, today)


def known(**changes: Any) -> Suppression:
    given: dict[str, Any] = {"until": LATER, "reason": "it is known"}
    return Suppression(**{**given, **changes})


@pytest.mark.parametrize(
    ("actor", "covered"),
    [
        (ROLE, True),
        (f"arn:aws:iam::{ACCOUNT}:role/dep*", True),
        ("arn:aws:iam::*:role/depl?y", True),
        # A session may be named by itself, too.
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/monday", True),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/*", True),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/tuesday", False),
        (f"arn:aws:iam::{ACCOUNT}:role/DEPLOY", False),
        (f"arn:aws:iam::{ACCOUNT}:role/deplo", False),
        (f"arn:aws:iam::{ACCOUNT}:role/deploy?", False),
        ("arn:aws:iam::444455556666:role/deploy", False),
    ],
)
def test_an_actor_is_an_arn_with_wildcards_and_a_role_covers_its_sessions(actor, covered):
    found = reason(known(actor=actor), alert(session_of("deploy", "monday")))
    assert found == ("it is known" if covered else None)


def test_it_is_in_force_through_its_last_day_and_no_longer():
    suppression, of_user = known(actor=USER["arn"], until=TODAY), alert()
    assert reason(suppression, of_user, today=TODAY) == "it is known"
    assert reason(suppression, of_user, today=date(2026, 11, 24)) is None


def test_it_is_of_one_detection_or_of_all():
    assert reason(known(actor=USER["arn"], detection="key_made"), alert()) is not None
    assert reason(known(actor=USER["arn"], detection="other"), alert()) is None
    assert reason(known(actor=USER["arn"]), alert(name="other")) is not None


def test_an_account_is_where_it_happened():
    suppression = known(account="444455556666")
    assert reason(suppression, alert(recipientAccountId="444455556666")) is not None
    assert reason(suppression, alert(session_of("deploy", "monday", account="444455556666"))) is None


def test_of_what_is_given_together_all_has_to_hold():
    suppression = known(actor=USER["arn"], account=ACCOUNT, tag=("team", "ci"))
    assert reason(suppression, alert(), tags={"team": "ci"}) is not None
    assert reason(suppression, alert(), tags={"team": "CI"}) is None
    assert reason(suppression, alert(recipientAccountId="444455556666"), tags={"team": "ci"}) is None


def test_tags_are_asked_for_only_where_nothing_else_rules_it_out():
    def never(_: Alert) -> dict[str, str]:
        raise AssertionError("asked")

    lapsed = replace(known(tag=("team", "ci")), until=date(2020, 1, 1))
    assert Suppressions([lapsed.as_document()], never).of(alert(), TODAY) is None


@pytest.fixture
def iam() -> Iterator[Stubber]:
    """boto3's client of IAM, with the answers that a test gives it, held to botocore's model; all must be asked for."""
    credentials = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    stub = Stubber(boto3.client("iam", region_name="us-east-1", **credentials))
    with stub:
        yield stub
        stub.assert_no_pending_responses()


def pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of(iam: Stubber, warned: list[str] | None = None) -> TagsOfCallers:
    return TagsOfCallers(lambda: iam.client, ACCOUNT, (warned if warned is not None else []).append)


def test_tags_are_those_of_the_role_or_user_and_are_remembered(iam, monkeypatch):
    tags, clock = tags_of(iam), [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    page = {"Tags": pairs({"team": "ci"}), "IsTruncated": True, "Marker": "more"}
    iam.add_response("list_role_tags", page, {"RoleName": "deploy"})
    iam.add_response("list_role_tags", {"Tags": pairs({"a": "b"})}, {"RoleName": "deploy", "Marker": "more"})
    iam.add_response("list_user_tags", {"Tags": pairs({"team": "people"})}, {"UserName": "alex"})
    for _ in range(3):
        assert tags(alert(session_of("deploy", "monday"))) == {"team": "ci", "a": "b"}
        assert tags(alert()) == {"team": "people"}
    clock[0] += KEPT_SECONDS
    iam.add_response("list_user_tags", {"Tags": []}, {"UserName": "alex"})
    assert tags(alert()) == {}


def test_callers_of_other_accounts_and_what_is_no_role_are_not_asked_about(iam):
    root = {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
    service = {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}
    for identity in (session_of("deploy", "monday", account="444455556666"), root, service):
        assert tags_of(iam)(alert(identity)) == {}


def test_what_cannot_be_looked_up_is_told_and_not_suppressed(iam):
    warned: list[str] = []
    # There is no such role: it was deleted after the call.
    iam.add_client_error("list_role_tags", "NoSuchEntity")
    assert tags_of(iam, warned)(alert(session_of("gone", "monday"))) == {}
    assert [line.partition(":")[0] for line in warned] == ["the tags of role gone cannot be looked up"]


def test_a_path_of_a_role_is_not_part_of_its_name(iam):
    identity = session_of("deploy", "monday")
    identity["sessionContext"]["sessionIssuer"]["arn"] = f"arn:aws:iam::{ACCOUNT}:role/teams/ci/deploy"
    iam.add_response("list_role_tags", {"Tags": pairs({"a": "b"})}, {"RoleName": "deploy"})
    assert tags_of(iam)(alert(identity)) == {"a": "b"}


@given(st.text().filter(lambda text: not set(text) & set("*?")))
def test_what_is_no_wildcard_stands_for_itself(name):
    """Above all brackets, which are sets to the functions of Python's library."""
    arn, marked = f"arn:aws:iam::{ACCOUNT}:role/{name}", f"arn:aws:iam::{ACCOUNT}:role/[ab]{name}"
    suppressions = Suppressions([{"until": "2999-01-01", "reason": "known", "actor": marked}], lambda _: {})
    found = [
        suppressions.of(Alert({"name": "x"}, {"detail": {"userIdentity": {"arn": each}}}), TODAY)
        for each in (marked, arn.replace("role/", "role/a"), arn)
    ]
    assert found == ["known", None, None]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"actor": None}, "names neither actor, account nor tag"),
        ({"until": datetime(2027, 1, 1)}, "until of a suppression is a date"),
        ({"until": "2027-01-01"}, "until of a suppression is a date"),
        ({"reason": "  "}, "gives no reason"),
        ({"detection": "KeyMade"}, "detection 'KeyMade' of the suppression 'it is known' is a name"),
        ({"actor": "*"}, "is the ARN of a role, a user, a session"),
        ({"actor": "arn:aws:iam::111122223333:*"}, "is the ARN of a role, a user, a session"),
        ({"actor": "arn:aws:s3:::files"}, "is the ARN of a role, a user, a session"),
        ({"account": "1234"}, "account '1234' of the suppression 'it is known' has 12 digits"),
        ({"tag": ("", "x")}, "is a key of 1 to 128 characters"),
        ({"tag": ("x", "y" * 257)}, "is a key of 1 to 128 characters"),
    ],
)
def test_one_that_covers_anybody_or_is_malformed_is_refused(given, said):
    with pytest.raises(InvalidProps, match=r"^[^A-Z]") as refused:
        known(**{"actor": ROLE, **given})
    assert said in str(refused.value)
