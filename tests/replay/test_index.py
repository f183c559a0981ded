"""The index of patterns leaves nothing out that a full evaluation finds, and the bus respects the states of rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.replay import matcher

from raytrail.records import RecordLine, read_records
from raytrail.replay import (
    ALL_MANAGEMENT,
    DISABLED,
    ENABLED,
    Detection,
    EventBus,
    EventRule,
    PatternIndex,
    compile_pattern,
    event_of,
    is_quiet,
    rules_of_catalogue,
)
from raytrail.sigma import catalog

Json = dict[str, Any]

LEAST_MATCHES = 100
"""Of the catalogue's patterns on the real records: fewer would compare nothing with nothing."""

# Every operator that may stand where the index looks.
ROUTES: dict[str, Json] = {
    "exact": {"source": ["aws.iam"], "detail": {"eventName": ["CreateUser", "CreateRole"]}},
    "prefix": {"detail": {"eventName": [{"prefix": "Create"}]}},
    "prefix in any case": {"detail": {"eventName": [{"prefix": {"equals-ignore-case": "CREATE"}}]}},
    "suffix": {"detail": {"eventName": [{"suffix": "Role"}]}},
    "wildcard": {"detail": {"eventName": [{"wildcard": "*User*"}]}},
    "any case": {"detail": {"eventName": [{"equals-ignore-case": "createuser"}]}},
    "anything but": {"detail": {"eventName": [{"anything-but": ["CreateUser"]}]}},
    "no name": {"source": [{"prefix": "aws."}]},
    "absent": {"detail": {"eventName": [{"exists": False}]}},
    "either": {"$or": [{"source": ["aws.s3"]}, {"detail": {"eventName": ["CreateUser"], "x": [1]}}]},
    "service": {"detail": {"eventSource": ["iam.amazonaws.com"], "x": [{"exists": False}]}},
    "several in one": {"detail": {"eventName": ["CreateUser", {"prefix": "Delete"}, {"exists": False}]}},
}
EVENTS: list[Json] = [
    {"source": source, "detail-type": "t", "detail": {"eventSource": service, **name, **more}}
    for source, service in (("aws.iam", "iam.amazonaws.com"), ("aws.s3", "s3.amazonaws.com"))
    for name in (
        {},
        *({"eventName": each} for each in ("CreateUser", "createuser", "DeleteRole", None, 5, ["CreateUser"])),
    )
    for more in ({}, {"x": 1})
]


def everything(patterns: dict[Any, Json], event: Json) -> list[Any]:
    return [key for key, pattern in patterns.items() if matcher.matches(pattern, event)]


def test_the_index_finds_what_the_other_engine_finds_one_by_one():
    index = PatternIndex((key, compile_pattern(pattern)) for key, pattern in ROUTES.items())
    # Twice: the second time from what it remembers.
    for event in EVENTS * 2:
        assert index.matching(event) == everything(ROUTES, event), event


def test_a_key_of_several_patterns_is_found_once():
    index = PatternIndex((("a"), compile_pattern(pattern)) for pattern in ROUTES.values())
    assert index.matching(EVENTS[2]) == ["a"]


def test_names_that_somebody_makes_up_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("raytrail.replay._index._MOST_ROUTES", 10)
    index = PatternIndex([("exact", compile_pattern(ROUTES["exact"]))])
    for number in range(95):
        index.matching(
            {"source": "aws.iam", "detail-type": "t", "detail": {"eventSource": "x", "eventName": f"N{number}"}}
        )
        assert len(index._by_route) <= 10
    assert index.matching(EVENTS[2]) == ["exact"]


def test_the_index_is_the_full_evaluation_by_the_other_engine_on_all_real_records(attack_logs: Path):
    rules = [rule for rule in catalog() if rule.patterns]
    patterns = {(rule.name, number): pattern for rule in rules for number, pattern in enumerate(rule.patterns)}
    index = PatternIndex((key, compile_pattern(pattern)) for key, pattern in patterns.items())
    records = matches = 0
    for outcome in read_records(attack_logs):
        if isinstance(outcome, RecordLine):
            records += 1
            event = event_of(outcome.record)
            found = index.matching(event)
            assert found == everything(patterns, event), (outcome.file, outcome.line)
            matches += len(found)
    print(f"{records} records by {len(patterns)} patterns: {matches} matches, each found by both engines")
    assert matches >= LEAST_MATCHES


def rule(state: Any, **detail: Any) -> EventRule:
    return EventRule(
        name=state, detection=Detection(name=state.lower(), level="high"), pattern={"detail": detail}, state=state
    )


RULES = [rule(state, eventName=["GetX", "PutX"]) for state in (ENABLED, ALL_MANAGEMENT, DISABLED)]


@pytest.mark.parametrize(
    ("record", "woken"),
    [
        ({"eventName": "PutX", "readOnly": False}, [ENABLED, ALL_MANAGEMENT]),
        ({"eventName": "GetX", "readOnly": True}, [ALL_MANAGEMENT]),
        ({"eventName": "GetX", "readOnly": "true", "managementEvent": "true"}, [ALL_MANAGEMENT]),
        # A data event that only reads is no management event.
        ({"eventName": "GetX", "readOnly": True, "managementEvent": False}, [ENABLED, ALL_MANAGEMENT]),
        ({"eventName": "ListX", "readOnly": False}, []),
    ],
)
def test_a_rule_sees_what_its_state_lets_it_see(record: Json, woken: list[str]):
    bus = EventBus(RULES)
    full = {"eventSource": "x.amazonaws.com", **record}
    assert [each.state for each in bus.rules_woken(full)] == woken
    assert [each.name for each in bus.detections(full)] == [state.lower() for state in woken]


def test_an_event_has_the_envelope_that_eventbridge_gives_it(attack_logs: Path):
    compared = 0
    for outcome in read_records(attack_logs / "custodian_eventbridge_envelopes.ndjson.gz"):
        assert isinstance(outcome, RecordLine)
        real = {**outcome.wrapper["event"], "detail": outcome.record}
        made = event_of(outcome.record)
        # Times differ by the delivery; ids are EventBridge's own.
        ignored = ("id", "time", "version", "resources")
        for name in real.keys() - set(ignored) - {"debug"}:
            if name == "account" and not outcome.record.get("recipientAccountId"):
                continue
            assert made[name] == real[name], (name, outcome.line)
            compared += 1
        assert set(real) - {"debug"} <= set(made)
        assert not is_quiet(made)
    assert compared >= 30


def test_the_rules_of_the_catalogue_ask_for_reads_where_they_need_them():
    states = {rule.detection.name: rule.state for rule in rules_of_catalogue(catalog())}
    assert states["trail_tampering"] == ENABLED
    # Root may read.
    assert states["root_use"] == ALL_MANAGEMENT
    assert {rule.detection.name for rule in rules_of_catalogue(catalog())} <= {
        rule.name for rule in catalog() if rule.own
    }
