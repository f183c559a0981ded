"""What a replay comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raytrail.detection.handlers.pager.alert import Alert
from raytrail.records import RecordLine, read_records
from raytrail.replay import Detection, Match, Page, Report, account_of, actor_of, navigator_layer
from raytrail.sigma import TACTICS, Engine, attack

Json = dict[str, Any]

TAMPERING = Detection(name="trail_tampering", level="high", techniques=("T1562.008",), tactics=("defense-evasion",))
SIGN_IN = Detection(
    name="sign_in", level="medium", techniques=("T1078.004",), tactics=("initial-access", "persistence")
)
READ = Detection(name="secret_read", level="low", techniques=("T1555.006",), tactics=("credential-access",))


def match(
    detection: Detection, time: str, *, engine: Engine = "athena", actor: str = "alex", account: str = "1" * 12
) -> Match:
    return Match(
        file="f", line=1, event_id="e", detection=detection, engine=engine, actor=actor, account=account, time=time
    )


def report(*matches: Match) -> Report:
    made = Report()
    for each in matches:
        made.add(each)
    return made


def test_alerts_of_one_actor_one_detection_and_one_hour_are_one_page():
    found = report(
        match(TAMPERING, "2026-10-01T12:00:00Z"),
        match(TAMPERING, "2026-10-01T12:59:59Z"),
        match(TAMPERING, "2026-10-01T13:00:00Z"),
        match(TAMPERING, "2026-10-01T12:00:00Z", actor="sam"),
        match(SIGN_IN, "2026-10-01T12:00:00Z"),
        match(TAMPERING, "2026-10-01T12:00:00Z", account="2" * 12),
    )
    assert len(found.pages) == 5
    assert found.pages[0] == Page("1" * 12, "2026-10-01T12", "alex", "sign_in")
    assert found.pages_by_account_and_day() == {("1" * 12, "2026-10-01"): 4, ("2" * 12, "2026-10-01"): 1}
    assert found.noisiest_detections() == [("trail_tampering", 4), ("sign_in", 1)]
    assert found.noisiest_actors(1) == [("alex", 4)]


def test_what_both_engines_saw_is_one_page_and_counted_for_each():
    found = report(
        match(TAMPERING, "2026-10-01T12:00:00Z"), match(TAMPERING, "2026-10-01T12:00:00Z", engine="eventbridge")
    )
    assert (len(found.pages), found.matches("trail_tampering"), found.engines("trail_tampering")) == (
        1,
        1,
        ["eventbridge", "athena"],
    )


def test_low_levels_page_nobody_and_are_in_the_matrix():
    found = report(match(READ, "2026-10-01T12:00:00Z"))
    assert found.pages == []
    (cell,) = found.matrix()
    assert (cell.tactic, cell.technique, cell.detections, cell.alerted) == (
        "credential-access",
        "T1555.006",
        ("secret_read",),
        False,
    )


def test_the_matrix_has_a_technique_under_each_tactic_that_the_detection_is_tagged_with_in_attacks_order():
    found = report(*(match(each, "2026-10-01T12:00:00Z") for each in (READ, SIGN_IN, TAMPERING)))
    cells = [(cell.tactic, cell.technique, cell.matches) for cell in found.matrix()]
    assert cells == [
        ("initial-access", "T1078.004", 1),
        ("persistence", "T1078.004", 1),
        ("defense-evasion", "T1562.008", 1),
        ("credential-access", "T1555.006", 1),
    ]


def test_a_detection_without_tactics_counts_under_all_of_its_techniques():
    plain = Detection(name="plain", level="high", techniques=("T1078.004", "T9999"))
    assert {cell.tactic for cell in report(match(plain, "2026-10-01T12:00:00Z")).matrix()} == set(
        attack().techniques["T1078.004"].tactics
    )


@pytest.mark.parametrize(
    ("identity", "actor"),
    [
        ({"arn": "session", "sessionContext": {"sessionIssuer": {"arn": "role"}}}, "role"),
        ({"arn": "user", "sessionContext": {"sessionIssuer": {}}}, "user"),
        ({"arn": "arn:aws:sts::1:assumed-role/deploy/alex"}, "arn:aws:sts::1:assumed-role/deploy"),
        ({"principalId": "AROA:alex", "accountId": "1"}, "AROA"),
        ({"principalId": "accounts.google.com:app:alex"}, "accounts.google.com:app:alex"),
        ({"onBehalfOf": {"userId": "u-1"}, "principalId": "x"}, "u-1"),
        ({"invokedBy": "config.amazonaws.com"}, "config.amazonaws.com"),
        ({"accountId": "111122223333"}, "111122223333"),
        ({}, "unknown"),
        (None, "unknown"),
    ],
)
def test_the_sessions_of_a_role_are_one_actor(identity: Any, actor: str):
    assert actor_of({"userIdentity": identity}) == actor


def test_the_account_is_that_which_the_record_was_delivered_to():
    assert account_of({"recipientAccountId": "1", "userIdentity": {"accountId": "2"}}) == "1"
    assert account_of({"userIdentity": {"accountId": "2"}}) == "2"
    assert account_of({"userIdentity": "?"}) == "unknown"


# The tables of https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md.
FORMAT = {
    "type": "object",
    "required": ["name", "domain"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "versions": {
            "type": "object",
            "required": ["navigator", "layer"],
            "additionalProperties": False,
            "properties": {
                "attack": {"type": "string", "pattern": r"^\d+$"},
                "navigator": {"type": "string", "pattern": r"^(4\.9|[5-9]\.\d+)\.\d+$"},
                "layer": {"const": "4.5"},
            },
        },
        "description": {"type": "string"},
        "domain": {"enum": ["enterprise-attack", "mobile-attack", "ics-attack"]},
        "sorting": {"enum": [0, 1, 2, 3]},
        "hideDisabled": {"type": "boolean"},
        "layout": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "layout": {"enum": ["side", "flat", "mini"]},
                "showID": {"type": "boolean"},
                "showName": {"type": "boolean"},
                "expandedSubtechniques": {"enum": ["none", "all", "annotated"]},
            },
        },
        "techniques": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["techniqueID"],
                "additionalProperties": False,
                "properties": {
                    "techniqueID": {"type": "string", "pattern": r"^T\d{4}(\.\d{3})?$"},
                    "tactic": {"enum": list(TACTICS)},
                    "comment": {"type": "string"},
                    "enabled": {"type": "boolean"},
                    "score": {"type": "number"},
                    "color": {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
                    "metadata": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["name", "value"],
                            "additionalProperties": False,
                            "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                        },
                    },
                    "showSubtechniques": {"type": "boolean"},
                },
            },
        },
        "gradient": {
            "type": "object",
            "required": ["colors", "minValue", "maxValue"],
            "additionalProperties": False,
            "properties": {
                "colors": {"type": "array", "minItems": 2, "items": {"type": "string", "pattern": "^#[0-9a-f]{6}$"}},
                "minValue": {"type": "number"},
                "maxValue": {"type": "number"},
            },
        },
        "legendItems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["label", "color"],
                "additionalProperties": False,
                "properties": {"label": {"type": "string"}, "color": {"type": "string"}},
            },
        },
    },
}


def test_the_layer_is_one_of_the_navigators_format():
    import jsonschema

    for found in (report(), report(*(match(each, "2026-10-01T12:00:00Z") for each in (READ, SIGN_IN, TAMPERING)))):
        layer = navigator_layer(found, description="about")
        jsonschema.validate(layer, FORMAT)
        assert layer["gradient"]["maxValue"] > layer["gradient"]["minValue"]


def test_the_layer_says_what_was_seen_how_often_and_whether_somebody_was_told():
    layer = navigator_layer(report(match(TAMPERING, "2026-10-01T12:00:00Z"), match(READ, "2026-10-01T12:00:00Z")))
    by_id = {each["techniqueID"]: each for each in layer["techniques"]}
    assert layer["versions"]["attack"] == attack().version.split(".")[0]
    assert (by_id["T1562.008"]["score"], by_id["T1562.008"]["comment"]) == (1, "trail_tampering")
    colours = {each["label"].split(":")[0].split(",")[0]: each["color"] for each in layer["legendItems"]}
    assert by_id["T1562.008"]["color"] == colours["alerted"]
    assert by_id["T1555.006"]["color"] == colours["seen"]


def test_an_actor_is_the_one_that_a_page_names_on_all_real_records(attack_logs: Path):
    compared = 0
    for outcome in read_records(attack_logs):
        if isinstance(outcome, RecordLine) and isinstance(outcome.record.get("userIdentity", {}), dict | None):
            alert = Alert({"name": "x"}, {"detail": outcome.record})
            assert actor_of(outcome.record) == alert.principal, (outcome.file, outcome.line)
            compared += 1
    assert compared > 900
