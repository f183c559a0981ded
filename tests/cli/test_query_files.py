"""Queries over a folder of logs: the engine that ``raytrail query --local`` asks."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.athena_lake import Lake
from tests.audit.own_records import event, own_records
from tests.audit.query_oracle import ANSWERS
from tests.audit.test_saved_queries import readable, selected, unordered, values_for
from tests.cli.folder_lake import SHAPES, FolderAws, lines, trail_file
from tests.queries.plain_reader import Values
from tests.queries.world import ACCOUNTS, REGIONS, own_lake, own_values, real_lake, real_records, real_values

from raytrail.localaws import athena
from raytrail.localaws._athena import _log_files, _log_pieces
from raytrail.queries import EVENTS, saved_queries

QUERIES = {query.name: query for query in saved_queries()}
TABLE = EVENTS.table_input(bucket="files", accounts=["unknown"], regions=["unknown"], start_date=date.min)


Folder = tuple[Lake, Sequence[athena.LogFile]]
"""A lake of which the records are known, and its files as a folder."""


def files_in(path: Path) -> athena.LogFiles:
    return athena.LogFiles(files=athena.list_logs(path).logs)


def ask(path: Path, sql: str, **options: Any) -> list[list[str | None]]:
    return athena.ask(sql, table=TABLE, files=files_in(path), **options).rows


def names(path: Path) -> list[str | None]:
    return [row[0] for row in ask(path, "SELECT eventname FROM cloudtrail_events ORDER BY eventname")]


def skipped(path: Path, sql: str = "SELECT eventname FROM cloudtrail_events ORDER BY eventname") -> tuple[Any, Any]:
    """The first column of an answer, and what could not be read for it: the file's name, the place and the reason."""
    files = files_in(path)
    rows = athena.ask(sql, table=TABLE, files=files).rows
    return [row[0] for row in rows], [(Path(each.uri).name, each.place, each.reason) for each in files.skipped]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = tmp_path_factory.mktemp("own")
    return own_lake(FolderAws(folder)), athena.list_logs(folder).logs


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, attack_logs: Path) -> Folder:
    folder = tmp_path_factory.mktemp("real")
    return real_lake(FolderAws(folder), attack_logs), athena.list_logs(folder).logs


def asked(
    lake: Folder, name: str, known: Values, regions: Sequence[str] = REGIONS
) -> tuple[list[list[str | None]], list[list[Any]], int, int]:
    """What the files answer and what plain Python answers; the bytes that were read and those that had to be."""
    there, listed = lake
    query = QUERIES[name]
    values = values_for(query, known)
    records, size = selected(there, name, values, ACCOUNTS, regions)
    files = athena.LogFiles(files=listed)
    sql = query.render(table=TABLE["Name"], accounts=ACCOUNTS, regions=regions)
    rows = athena.ask(sql, table=TABLE, files=files, parameters=query.bind(values)).rows
    places = {"accounts": " ".join(ACCOUNTS), "regions": " ".join(regions)}
    expected = ANSWERS[name](records, {**values, **places})
    assert files.skipped == []
    return readable(rows, expected), expected, files.scanned_bytes, size


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_answers_what_plain_python_answers_and_reads_only_the_files_of_its_partitions(
    own: Folder, name: str
) -> None:
    # One Region is enough, but for the query that compares them.
    regions = REGIONS[1::2] if name == "first_use_of_region" else REGIONS[1:2]
    rows, expected, read, size = asked(own, name, own_values(), regions)
    assert expected, "the records must give this query something to find"
    assert (rows, read) == (expected, size)


# By the hour and by the day; all days; a row for each hour without one. Each real record is read in the test below,
# and tests/audit asks every query over all of them, of the same engine.
@pytest.mark.parametrize("name", ["actor_hour", "access_key_calls", "delivery_gaps"])
def test_a_query_over_real_records_answers_what_plain_python_answers(real: Folder, name: str) -> None:
    rows, expected, read, size = asked(real, name, real_values(real[0]))
    assert expected
    assert unordered(rows, name) == unordered(expected, name)
    assert read == size


def test_duckdb_reads_each_real_record_as_the_table_s_columns_read_it(
    attack_logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick reader and the one that knows every shape, which is the embedded Athena's, see the same in each."""
    records = [
        {**record, "eventID": f"{number}"}
        for number, record in enumerate(real_records(attack_logs))
        if athena_reads(record)
    ]
    (tmp_path / "quick").mkdir()
    (tmp_path / "slow").mkdir()
    (tmp_path / "quick" / "trail.json.gz").write_bytes(trail_file(records))
    (tmp_path / "slow" / "rows.jsonl").write_bytes(lines([{"record": record} for record in records]))
    sql = "SELECT * FROM cloudtrail_events ORDER BY eventid"
    slow = ask(tmp_path / "slow", sql)
    assert len(slow) == len(records) > 900
    monkeypatch.setattr(_log_files, "read_records", not_called)
    assert ask(tmp_path / "quick", sql) == slow


def athena_reads(record: dict[str, Any]) -> bool:
    """Whether a record is of an event, with a time as CloudTrail writes it."""
    time = record.get("eventTime")
    return (
        all(record.get(name) for name in ("eventSource", "eventName"))
        and record.get("eventType") != "AwsCloudTrailInsight"
        and isinstance(time, str)
        and len(time) == len("2026-01-31T23:59:59Z")
    )


def not_called(path: Path) -> None:
    raise AssertionError(f"{path} was not read by DuckDB")


@pytest.mark.parametrize("shape", SHAPES)
def test_records_in_any_shape_give_the_same_answer(tmp_path: Path, shape: str) -> None:
    records = [{**record, "userAgent": "agent ✓ \\ \"quoted\" 'too'"} for record in own_records()]
    name, write = SHAPES[shape]
    (tmp_path / name).write_bytes(write(records))
    sql = (
        'SELECT eventid, account, region, "timestamp", useridentity.sessioncontext.sessionissuer.arn, useragent, '
        "requestparameters FROM cloudtrail_events ORDER BY eventid"
    )
    found, unread = skipped(tmp_path, sql)
    assert unread == []
    assert found == sorted(record["eventID"] for record in records)
    assert ask(tmp_path, sql) == [
        [
            record["eventID"],
            record["recipientAccountId"],
            record["awsRegion"],
            record["eventTime"][:10].replace("-", "/"),
            record["userIdentity"].get("sessionContext", {}).get("sessionIssuer", {}).get("arn"),
            record["userAgent"],
            None
            if record["requestParameters"] is None
            else json.dumps(record["requestParameters"], separators=(",", ":"), ensure_ascii=False),
        ]
        for record in sorted(records, key=lambda record: str(record["eventID"]))
    ]


@pytest.mark.parametrize("shape", ["a trail's file", "one record a line"])
def test_files_of_a_trail_and_of_lines_are_read_by_duckdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    monkeypatch.setattr(_log_files, "read_records", not_called)
    name, write = SHAPES[shape]
    (tmp_path / name).write_bytes(write(own_records()))
    assert len(names(tmp_path)) == len(own_records())


def test_the_place_of_a_file_is_its_folder_or_else_its_name_or_else_what_the_record_says(tmp_path: Path) -> None:
    def put(path: str, name: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(trail_file([event(name, "s3", eventTime="2026-03-04T05:06:07Z")]))

    put("AWSLogs/o-abcdefghij/444455556666/CloudTrail/eu-west-1/2026/03/05/renamed.json.gz", "Folder")
    put("999900001111_CloudTrail_us-west-2_20260306T0005Z_AbCdEf0123456789.json.gz", "Name")
    put("flat.json.gz", "Record")
    sql = 'SELECT eventname, account, region, "timestamp" FROM cloudtrail_events ORDER BY 1'
    assert ask(tmp_path, sql) == [
        ["Folder", "444455556666", "eu-west-1", "2026/03/05"],
        ["Name", "999900001111", "us-west-2", "2026/03/06"],
        ["Record", "111122223333", "us-east-1", "2026/03/04"],
    ]
    assert athena.places_of(files_in(tmp_path), table=TABLE) == (
        ("111122223333", "444455556666", "999900001111"),
        ("eu-west-1", "us-east-1", "us-west-2"),
        ("2026/03/04", "2026/03/05", "2026/03/06"),
    )


def test_a_record_without_an_account_or_a_region_is_of_an_unknown_one_and_is_not_lost(tmp_path: Path) -> None:
    bare = event("Bare", "s3", recipientAccountId=None, awsRegion=None, userIdentity={"type": "AWSService"})
    odd = event("Odd", "s3", recipientAccountId="it's", awsRegion="?")
    (tmp_path / "a.json.gz").write_bytes(trail_file([bare, odd]))
    (tmp_path / "b.jsonl").write_bytes(lines([{"record": bare}, {"record": odd}]))
    assert ask(tmp_path, "SELECT DISTINCT account, region FROM cloudtrail_events") == [["unknown", "unknown"]]
    assert names(tmp_path) == ["Bare", "Bare", "Odd", "Odd"]


def test_digests_insights_and_files_that_are_no_logs_are_not_read(tmp_path: Path) -> None:
    base = tmp_path / "AWSLogs" / "111122223333"
    for folder in ("CloudTrail", "CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-NetworkActivity"):
        path = base / folder / "eu-west-1" / "2026" / "03" / "05" / "a.json.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(trail_file([event(folder, "s3")]))
    (tmp_path / "README.md").write_text("about the logs")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.json").write_text("{")
    listing = athena.list_logs(tmp_path)
    assert (listing.others, [path.name for path in listing.left]) == (3, ["README.md"])
    assert names(tmp_path) == ["CloudTrail"]


def test_what_cannot_be_read_is_named_and_loses_nothing_else(tmp_path: Path) -> None:
    good = trail_file([event("Good", "s3")])
    (tmp_path / "a_cut.json.gz").write_bytes(trail_file([event("Lost", "s3", note=str(uuid.uuid4()))] * 50)[:-40])
    (tmp_path / "b_damaged.json.gz").write_bytes(good[:40] + b"\0\0\0\0" + good[44:])
    (tmp_path / "c_text.json").write_text("this is not JSON")
    (tmp_path / "d_cut.json").write_bytes(gzip.decompress(good)[:-10])
    (tmp_path / "e_line.ndjson").write_bytes(
        lines([event("Before", "s3")]) + b"{oops\n" + lines([event("After", "s3")])
    )
    (tmp_path / "f_empty.json").write_bytes(b"")
    (tmp_path / "g_nothing_happened.json.gz").write_bytes(trail_file([]))
    (tmp_path / "h_good.json.gz").write_bytes(good)
    (tmp_path / "i_new.json.gz").write_bytes(trail_file([event("New", "s3", eventVersion="9.99", never={"seen": 1})]))
    (tmp_path / "j_other.json").write_text('{"Records": [{"s3": {"bucket": "a notification of S3"}}]}')
    (tmp_path / "k_no_time.json.gz").write_bytes(trail_file([event("Timeless", "s3", eventTime=None)]))
    (tmp_path / "l_type.json.gz").write_bytes(trail_file([event("Kept", "s3"), event("Odd", "s3", user="root")]))
    found, unread = skipped(tmp_path)
    assert found == ["After", "Before", "Good", "Kept", "New"]
    named = [(name, place) for name, place, _ in unread]
    assert named == [
        ("a_cut.json.gz", 0),
        ("b_damaged.json.gz", 0),
        ("c_text.json", 1),
        ("d_cut.json", 1),
        ("e_line.ndjson", 2),
        ("j_other.json", 1),
        ("k_no_time.json.gz", 1),
        ("l_type.json.gz", 2),
    ]
    reasons = {name: reason for name, _, reason in unread}
    assert "truncated or damaged gzip" in reasons["a_cut.json.gz"]
    assert "not JSON" in reasons["c_text.json"]
    assert "lacks eventSource" in reasons["j_other.json"]
    assert "eventTime is a time such as" in reasons["k_no_time.json.gz"]
    assert '"root" for field useridentity' in reasons["l_type.json.gz"]


def test_lines_before_the_place_where_a_file_is_cut_are_kept(tmp_path: Path) -> None:
    many = lines([event("Line", "s3", note=uuid.uuid4().hex) for _ in range(3000)])
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(many)[:-2000])
    found, unread = skipped(tmp_path)
    assert 2000 < len(found) < 3000
    assert [(name, place) for name, place, _ in unread] == [("a.ndjson.gz", 0)]


def test_a_bad_line_far_into_a_file_is_named_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_log_pieces, "_BLOCK", 200_000)
    monkeypatch.setattr(_log_pieces, "_CHUNK", 50_000)
    records = lines([event("Line", "s3") for _ in range(2000)]).splitlines(keepends=True)
    records[1499] = b'{"eventName": \n'
    (tmp_path / "a.ndjson").write_bytes(b"".join(records))
    found, unread = skipped(tmp_path)
    assert len(found) == 1999
    assert [(name, place) for name, place, _ in unread] == [("a.ndjson", 1500)]


def test_half_a_surrogate_pair_costs_a_letter_and_not_the_record(tmp_path: Path) -> None:
    text = json.dumps({"Records": [event("Half", "s3", userAgent="HALF")]}).replace("HALF", "a\\ud800b")
    (tmp_path / "a.json").write_text(text)
    assert ask(tmp_path, "SELECT eventname, useragent FROM cloudtrail_events") == [["Half", "a?b"]]


def test_a_value_that_is_too_large_to_be_read_whole_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_log_files, "MAX_DOCUMENT", 1024 * 1024)
    big = [event("Big", "s3", note="x" * 1000)] * 1500
    (tmp_path / "list.json").write_text(json.dumps(big))
    (tmp_path / "rows.jsonl").write_bytes(lines([{"record": record} for record in big]))
    found, unread = skipped(tmp_path)
    assert found == ["Big"] * 1500
    assert [(name, place) for name, place, _ in unread] == [("list.json", 0)]


def test_many_files_are_read_in_batches_whose_bytes_are_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_log_pieces, "_BATCH_FILES", 3)
    logs, temporary = tmp_path / "logs", tmp_path / "temporary"
    logs.mkdir()
    temporary.mkdir()
    for number in range(10):
        write = trail_file if number % 4 else lines
        (logs / f"{number}.json").write_bytes(write([event(f"E{number}", "s3")]))
    seen: list[athena.Progress] = []
    files = athena.LogFiles(files=athena.list_logs(logs).logs, on_progress=seen.append)
    run = athena.ask("SELECT eventname FROM cloudtrail_events ORDER BY 1", table=TABLE, files=files, folder=temporary)
    assert [row[0] for row in run.rows] == [f"E{number}" for number in range(10)]
    assert list(temporary.iterdir()) == []
    total = sum(file.size for file in files.files)
    assert len(seen) > 3
    assert seen[-1] == (total, total)
    assert [each.done for each in seen] == sorted(each.done for each in seen)


def test_no_more_rows_are_fetched_than_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(trail_file([event(f"E{number}", "s3") for number in range(5)]))
    sql = "SELECT eventname FROM cloudtrail_events ORDER BY 1"
    fewer = athena.ask(sql, table=TABLE, files=files_in(tmp_path), most=3)
    assert ([row[0] for row in fewer.rows], fewer.more) == (["E0", "E1", "E2"], True)
    all_of_them = athena.ask(sql, table=TABLE, files=files_in(tmp_path), most=5)
    assert (len(all_of_them.rows), all_of_them.more) == (5, False)


def test_a_statement_that_fails_on_athena_fails_here_with_its_words(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(trail_file([event("Good", "s3")]))
    for sql, message in {
        "SELECT nonsense FROM cloudtrail_events": "COLUMN_NOT_FOUND",
        "SELECT eventname FROM elsewhere": "TABLE_NOT_FOUND",
        "SELECT CAST(eventname AS integer) FROM cloudtrail_events": "INVALID_CAST_ARGUMENT",
        "SELECT eventname FROM cloudtrail_events WHERE CAST(eventname AS integer) = 1": "INVALID_CAST_ARGUMENT",
    }.items():
        with pytest.raises(athena.QueryFailed, match=message):
            ask(tmp_path, sql)
