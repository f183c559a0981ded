"""Reading CloudTrail files: every shape, each place named, nothing lost."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.records import Aside, Outcome, RecordLine, Refusal, read_bytes, read_records


def record(name: str = "StopLogging", **fields: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "eventTime": "2026-03-01T10:20:30Z",
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "eventID": f"id-of-{name}",
        "recipientAccountId": "111122223333",
        **fields,
    }


def read(data: str | bytes) -> list[Outcome]:
    return list(read_bytes(data.encode() if isinstance(data, str) else data, "a.json"))


def names(outcomes: list[Outcome]) -> list[str]:
    return [outcome.record["eventName"] for outcome in outcomes if isinstance(outcome, RecordLine)]


A, B = record("CreateUser"), record("DeleteUser")

SHAPES = {
    "a file of a trail": json.dumps({"Records": [A, B]}),
    "a file of a trail, indented": json.dumps({"Records": [A, B]}, indent=2),
    "a bare array": json.dumps([A, B]),
    "a bare array, indented": json.dumps([A, B], indent=4),
    "one record a line": json.dumps(A) + "\n" + json.dumps(B) + "\n",
    "one record a line, with blank lines and Windows line ends": json.dumps(A) + "\r\n\r\n" + json.dumps(B),
    "indented records one after the other": json.dumps(A, indent=1) + "\n" + json.dumps(B, indent=1),
    "a file of a trail on each line": "\n".join(json.dumps({"Records": [row]}) for row in (A, B)),
    "rows that keep the record in `record`": "\n".join(json.dumps({"label": 1, "record": row}) for row in (A, B)),
    "rows that keep the record in `event`": json.dumps([{"event": A}, {"event": B}]),
    "EventBridge events": "\n".join(
        json.dumps({"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": row}) for row in (A, B)
    ),
    "rows with EventBridge events": "\n".join(json.dumps({"path": "x", "event": {"detail": row}}) for row in (A, B)),
    "what lookup-events prints": json.dumps(
        {"Events": [{"EventName": row["eventName"], "CloudTrailEvent": json.dumps(row)} for row in (A, B)]}, indent=4
    ),
    "what filter-log-events prints": json.dumps(
        {"events": [{"timestamp": 1, "message": json.dumps(row)} for row in (A, B)], "searchedLogStreams": []}
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_every_shape_gives_the_same_records(shape: str, packed: bool) -> None:
    data = SHAPES[shape].encode()
    outcomes = read(gzip.compress(data) if packed else data)
    assert [type(outcome) for outcome in outcomes] == [RecordLine, RecordLine]
    assert [outcome.record for outcome in outcomes if isinstance(outcome, RecordLine)] == [A, B]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_single_record_is_read_whether_indented_or_not(indent: int | None) -> None:
    assert read(json.dumps(A, indent=indent)) == [RecordLine(file="a.json", line=1, record=A)]


def test_a_record_that_itself_lists_events_is_one_record() -> None:
    odd = record("PutEvents", Events=[1, 2], event={"eventName": "x", "eventSource": "y"})
    assert [outcome.record for outcome in read(json.dumps(odd)) if isinstance(outcome, RecordLine)] == [odd]


def test_the_line_is_that_of_the_file_in_lines_and_the_place_in_a_records_file() -> None:
    in_lines = read("\n\n" + json.dumps(A) + "\n\n" + json.dumps(B))
    assert [outcome.line for outcome in in_lines] == [3, 5]
    in_list = read(json.dumps({"Records": [A, B]}, indent=2))
    assert [outcome.line for outcome in in_list] == [1, 2]


def test_indented_records_carry_the_line_they_start_on() -> None:
    text = json.dumps(A, indent=1) + "\n\n" + json.dumps(B, indent=1)
    assert [outcome.line for outcome in read(text)] == [1, 3 + json.dumps(A, indent=1).count("\n")]


def test_the_wrapper_keeps_what_was_around_the_record() -> None:
    row = {"technique": "T1", "key": True, "event": {"id": "e", "detail": A}}
    [outcome] = read(json.dumps(row))
    assert isinstance(outcome, RecordLine)
    assert outcome.wrapper == {"technique": "T1", "key": True, "event": {"id": "e"}}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"eventName": ', "not JSON: Expecting value at column 15"),
        ("nonsense", "not JSON: Expecting value at column 1"),
        ("[1]", "not a CloudTrail record: a number, not an object"),
        ('{"eventSource": "s3.amazonaws.com"}', "not a CloudTrail record: it lacks eventName"),
        ('{"record": {"eventName": "X"}}', "not a CloudTrail record: it lacks eventSource"),
        ('{"detail-type": "EC2 Instance State-change Notification", "detail": {}}', "it lacks eventSource"),
        ("[" * 100_000, "not JSON: "),
    ],
)
def test_one_bad_line_is_refused_in_words_and_loses_no_other(line: str, reason: str) -> None:
    outcomes = read("\n".join([json.dumps(A), line, json.dumps(B)]))
    assert names(outcomes) == ["CreateUser", "DeleteUser"]
    [refusal] = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert refusal.line == 2
    assert reason in refusal.reason
    assert str(refusal) == f"a.json:2: {refusal.reason}"


def test_a_bad_first_line_loses_no_other() -> None:
    outcomes = read("time,name\n" + json.dumps(A) + "\n" + '{"cut": ' + "\n" + json.dumps(B))
    assert [(type(outcome), outcome.line) for outcome in outcomes] == [
        (Refusal, 1),
        (RecordLine, 2),
        (Refusal, 3),
        (RecordLine, 4),
    ]


def test_a_broken_indented_record_is_one_refusal_and_the_next_is_read() -> None:
    broken = json.dumps(A, indent=2).replace('"CreateUser"', "CreateUser")
    outcomes = read(json.dumps(A, indent=2) + "\n" + broken + "\n" + json.dumps(B, indent=2))
    assert [type(outcome) for outcome in outcomes] == [RecordLine, Refusal, RecordLine]
    assert names(outcomes) == ["CreateUser", "DeleteUser"]


def test_a_byte_that_is_not_text_costs_its_line_only() -> None:
    bad = json.dumps(record("Bad")).encode().replace(b"Bad", b"B\xffd")
    outcomes = read(b"\n".join([json.dumps(A).encode(), bad, json.dumps(B).encode()]))
    assert [(type(outcome), outcome.line) for outcome in outcomes] == [(RecordLine, 1), (Refusal, 2), (RecordLine, 3)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_understood(encoding: str) -> None:
    named = record("CreateUser", requestParameters={"userName": "Zoë"})
    data = (json.dumps(named, ensure_ascii=False) + "\n" + json.dumps(B)).encode(encoding)
    outcomes = read(data)
    assert [outcome.record for outcome in outcomes if isinstance(outcome, RecordLine)] == [named, B]


def test_truncated_gzip_gives_the_lines_before_the_cut_and_a_refusal() -> None:
    noise = random.Random(1)
    rows = [record("Call", eventID=str(number), noise=noise.random()) for number in range(2_000)]
    whole = gzip.compress("\n".join(map(json.dumps, rows)).encode())
    outcomes = read(whole[: len(whole) // 2])
    assert len(names(outcomes)) > 100
    assert isinstance(outcomes[-1], Refusal)
    assert "truncated or damaged gzip" in outcomes[-1].reason


def test_a_file_of_nothing_gives_nothing() -> None:
    assert read("") == read("\n \n") == read('{"Records": []}') == []


def test_a_file_that_does_not_exist_is_a_refusal(tmp_path: Path) -> None:
    [outcome] = read_records(tmp_path / "absent.json")
    assert isinstance(outcome, Refusal)
    assert "No such file" in outcome.reason


def test_a_folder_is_read_in_order_with_digests_and_insights_told_apart(tmp_path: Path) -> None:
    day = Path("AWSLogs/111122223333")
    digest = {"awsAccountId": "111122223333", "digestS3Object": "x", "digestStartTime": "t", "logFiles": []}
    insight = {"eventType": "AwsCloudTrailInsight", "eventCategory": "Insight", "insightDetails": {}, "eventID": "i"}
    aggregated = {"eventCategory": "Data", "timeWindow": {}, "summary": {}, "eventID": "g"}
    for name, document in {
        "CloudTrail/us-east-1/2026/03/01/b.json.gz": {"Records": [B]},
        "CloudTrail/us-east-1/2026/03/01/a.json.gz": {"Records": [A]},
        "CloudTrail-Digest/us-east-1/2026/03/01/d.json.gz": digest,
        "CloudTrail-Insight/us-east-1/2026/03/01/i.json.gz": {"Records": [insight]},
        "CloudTrail-Aggregated/us-east-1/2026/03/01/g.json.gz": {"Records": [aggregated]},
    }.items():
        path = tmp_path / day / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(json.dumps(document).encode()))
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "notes.txt").write_text("not read")

    outcomes = list(read_records(tmp_path))
    assert names(outcomes) == ["CreateUser", "DeleteUser"]
    assert {o.kind: o.document for o in outcomes if isinstance(o, Aside)} == {
        "digest": digest,
        "insight": insight,
        "aggregated": aggregated,
    }
    [refusal] = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert refusal.file.endswith("notes.txt")


@given(st.binary(max_size=300))
def test_no_bytes_whatever_end_in_an_exception(data: bytes) -> None:
    for outcome in read_bytes(data):
        assert isinstance(outcome, RecordLine | Aside | Refusal)


@given(st.lists(st.sampled_from([json.dumps(A), "{", "nope", '{"a": 1}', "]", "7"]), max_size=12))
def test_no_good_line_is_lost_among_bad_ones(lines: list[str]) -> None:
    outcomes = read("\n".join(lines))
    expected = [number for number, line in enumerate(lines, 1) if line == json.dumps(A)]
    found = [outcome.line for outcome in outcomes if isinstance(outcome, RecordLine)]
    assert len(found) == len(expected)
    if len(lines) > 1:
        assert found == expected


ROWS = {
    "stratus.ndjson.gz": 173,
    "panther_cases.ndjson.gz": 148,
    "benign_admin_invictus_warmup_a.ndjson.gz": 488,
    "grycap_2017_account.ndjson.gz": 142,
    "streamalert_cases.ndjson.gz": 37,
    "fivexl_cases.ndjson.gz": 7,
    "custodian_eventbridge_envelopes.ndjson.gz": 10,
    "trailscraper_tests.ndjson.gz": 5,
}


@pytest.mark.parametrize("file", ROWS)
def test_every_row_of_the_real_files_is_a_record(attack_logs: Path, file: str) -> None:
    table = (attack_logs / "README.md").read_text(encoding="utf-8")
    assert f"| {file} | {ROWS[file]} |" in table, "the folder's own table names another number of rows"
    outcomes = list(read_records(attack_logs / file))
    assert [type(outcome) for outcome in outcomes] == [RecordLine] * ROWS[file]
    assert [outcome.line for outcome in outcomes] == list(range(1, ROWS[file] + 1))


def test_labels_of_the_real_rows_are_kept_beside_the_record(attack_logs: Path) -> None:
    outcomes = [o for o in read_records(attack_logs / "stratus.ndjson.gz") if isinstance(o, RecordLine)]
    assert all({"technique", "tactic", "key"} <= outcome.wrapper.keys() for outcome in outcomes)
    assert not any("record" in outcome.wrapper for outcome in outcomes)
