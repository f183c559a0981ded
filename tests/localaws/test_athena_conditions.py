"""Many conditions over batches of records: the answers of the embedded Athena's own statements, and its refusals."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.audit.own_records import event

from raytrail.localaws.athena import (
    Batches,
    LogFiles,
    Malformed,
    Misfit,
    QueryFailed,
    Record,
    ask,
    check_conditions,
    is_plain,
    list_logs,
)
from raytrail.queries import EVENTS
from raytrail.records import RecordLine, read_records
from raytrail.sigma import catalog, statements

TABLE = EVENTS.table_input(bucket="files", accounts=("unknown",), regions=("unknown",), start_date=date.min)


def given(*records: dict[str, Any]) -> list[Record]:
    return [Record(json.dumps(record).encode(), is_plain(record)) for record in records]


def met(conditions: dict[str, str], *records: dict[str, Any]) -> tuple[list[tuple[str, int]], list[Misfit]]:
    with Batches(check_conditions(conditions, table=TABLE)) as batches:
        found, misfits = batches.ask(given(*records))
    return [tuple(each) for each in found], misfits


def test_the_conditions_are_met_by_what_the_statements_report_on_all_real_records(attack_logs: Path, tmp_path: Path):
    # A third of them is as good a witness as all, and planned in a third of the time.
    rules = [rule for rule in catalog() if rule.predicate is not None and rule.own][::3]
    records = [
        {**outcome.record, "eventID": str(number)}
        for number, outcome in enumerate(read_records(attack_logs))
        if isinstance(outcome, RecordLine)
    ]
    file = tmp_path / "a.ndjson"
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    reported, skipped = set(), set()
    for statement in statements(rules, table=EVENTS.name, accounts=None, regions=None, window=False):
        files = LogFiles(files=list_logs(file).logs)
        for row in ask(statement.sql, table=TABLE, files=files).rows:
            reported.add((row[0], row[1]))
        # Without a time a record has no partition where files have no places.
        skipped |= {each.place - 1 for each in files.skipped}
    found, _ = met({rule.name: str(rule.predicate) for rule in rules}, *records)
    assert {(name, records[place]["eventID"]) for name, place in found if place not in skipped} == reported
    assert len(reported) >= 20


def test_a_batch_is_forgotten_when_the_next_is_asked():
    with Batches(check_conditions({"stops": "eventname = 'StopLogging'"}, table=TABLE)) as batches:
        for count in (2, 1, 0, 3):
            stops = given(*[event("StopLogging", "cloudtrail")] * count, event("GetObject", "s3"))
            assert [place for _, place in batches.ask(stops)[0]] == list(range(count))


@pytest.mark.parametrize(
    "odd",
    [
        {"eventTime": None},
        {"eventTime": "2026-10-01T12:00:00+02:00"},
        {"userIdentity": None},
        {"resources": [{"ARN": "a"}, {"arn": "b"}]},
        {"readOnly": "false"},
        {"eventTime": 5, "requestParameters": "a text"},
    ],
)
def test_a_record_of_another_shape_is_asked_as_hive_reads_it(odd: dict[str, Any]):
    records = [event("GetObject", "s3"), event("StopLogging", "cloudtrail", **odd), event("GetObject", "s3")]
    assert met({"stops": "eventname = 'StopLogging'"}, *records) == ([("stops", 1)], [])


def test_a_record_that_does_not_fit_the_table_is_named_and_the_others_count():
    bad = event("StopLogging", "cloudtrail", userIdentity="ana")
    found, misfits = met(
        {"all": "useridentity.type IS NOT NULL"}, event("GetObject", "s3"), bad, event("GetObject", "s3")
    )
    assert found == [("all", 0), ("all", 2)]
    (misfit,) = misfits
    assert misfit.place == 1
    assert "userIdentity" in misfit.reason or "useridentity" in misfit.reason


def test_a_record_that_looks_plain_and_is_not_costs_only_itself():
    # What DuckDB refuses and nobody looked at: the batch is halved until it is found.
    bad = Record(
        b'{"eventSource": "s3", "eventName": "x", "eventTime": "2026-10-01T12:00:00Z", "userIdentity": "ana"}', True
    )
    records = [*given(*[event("StopLogging", "cloudtrail")] * 5), bad, *given(event("StopLogging", "cloudtrail"))]
    conditions = {"stops": "eventname = 'StopLogging' AND useridentity.type IS NOT NULL"}
    with Batches(check_conditions(conditions, table=TABLE)) as batches:
        found, misfits = batches.ask(records)
    assert [each.place for each in found] == [0, 1, 2, 3, 4, 6]
    assert [each.place for each in misfits] == [5]


@pytest.mark.parametrize(
    ("condition", "kind", "said"),
    [
        ("eventname ILIKE 'x'", Malformed, "bad: line 1"),
        ("evntname = 'x'", QueryFailed, "bad: COLUMN_NOT_FOUND"),
        ("list_sort(resources) = 1", QueryFailed, "bad: FUNCTION_NOT_FOUND"),
        ("eventname = 5", QueryFailed, "bad: TYPE_MISMATCH"),
    ],
)
def test_a_condition_that_athena_refuses_is_named(condition: str, kind: type[Exception], said: str):
    with pytest.raises(kind, match=said):
        check_conditions({"good": "eventname = 'x'", "bad": condition}, table=TABLE)


def test_a_condition_that_fails_on_a_record_is_named():
    with (
        Batches(check_conditions({"cast": "CAST(eventname AS integer) = 1"}, table=TABLE)) as batches,
        pytest.raises(QueryFailed, match="cast: "),
    ):
        batches.ask(given(event("StopLogging", "cloudtrail")))


def test_no_conditions_and_no_records_are_no_answer():
    assert met({}, event("GetObject", "s3")) == ([], [])
    assert met({"a": "true"}) == ([], [])
