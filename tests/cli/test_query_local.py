"""``raytrail query`` without an AWS: the list, what is typed, ``--local``, and the forms of an answer."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.audit.own_records import event
from tests.cli.command import Said, environment_with, raytrail
from tests.cli.folder_lake import lines, trail_file

from raytrail.queries import SavedQuery, saved_queries

Here = Callable[..., Said]

ROOT = {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two days of two accounts in CloudTrail's layout, with three calls by ana and one by bob."""
    folder = tmp_path / "logs"
    for account, day, who in (
        ("111122223333", "2026/11/01", ["ana", "ana"]),
        ("111122223333", "2026/11/02", ["ana"]),
        ("444455556666", "2026/11/02", ["bob"]),
    ):
        records = [
            event(
                "DeleteBucket",
                "s3",
                eventTime=f"{day.replace('/', '-')}T10:00:0{number}Z",
                recipientAccountId=account,
                awsRegion="eu-west-1",
                sourceIPAddress=f"198.51.100.{number}",
                user={"type": "IAMUser", "arn": f"arn:aws:iam::{account}:user/{name}", "accountId": account},
            )
            for number, name in enumerate(who)
        ]
        path = folder / "AWSLogs" / account / "CloudTrail" / "eu-west-1" / day / "a.json.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(trail_file(records))
    return folder


def rows(said: Said) -> list[dict[str, object]]:
    return [json.loads(line) for line in said.out.splitlines()]


def test_without_a_name_the_queries_are_listed_with_their_parameters(here: Here) -> None:
    said = here("query")
    assert said.status == 0
    listed = {line.split()[0]: line for line in said.out.splitlines()[1:]}
    assert list(listed) == [query.name for query in saved_queries()]
    assert "What changed in the hour before" in listed["changes_before"]
    assert listed["changes_before"].endswith("at account region")
    assert listed["address_calls"].endswith("address [from] [to]")
    assert "raytrail query" in said.err


def test_the_list_as_json_says_what_each_parameter_is(here: Here) -> None:
    said = here("query", "--json")
    found = {str(row["name"]): row for row in rows(said)}
    assert list(found) == [query.name for query in saved_queries()]
    assert found["actor_hour"]["parameters"] == [
        {"name": one.name, "kind": one.kind, "meaning": one.meaning, "example": one.example}
        for query in saved_queries()
        if query.name == "actor_hour"
        for one in query.parameters
    ]


@pytest.mark.parametrize("query", saved_queries(), ids=lambda query: str(query.name))
def test_a_missing_parameter_is_named_with_a_command_that_has_it(here: Here, logs: Path, query: SavedQuery) -> None:
    needed = [parameter for parameter in query.parameters if parameter.name not in ("from", "to")]
    if needed:
        said = here("query", query.name, "--local", str(logs))
        assert said.status == 2
        assert all(f"{parameter.name} ({parameter.meaning})" in said.err for parameter in needed)
        example = shlex.split(said.err.split("for example: raytrail ")[1].strip())
    else:
        example = ["query", query.name]
    said = here(*example, "--local", str(logs))
    assert said.status == 0, said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["root_usage"], "there is no saved query 'root_usage' (did you mean 'root_use'?)"),
        (["root_use", "from"], "takes its parameters as key=value, got 'from'"),
        (["root_use", "form=2026-11-01"], "has no parameter 'form' (did you mean 'from'?)"),
        (["root_use", "from=yesterday"], "parameter 'from' is a day in UTC, such as 2026/11/01, got 'yesterday'"),
        (["root_use", "from=2026-11-01", "from=2026-11-02"], "from is given twice"),
        (["root_use", "from=2026-11-01", "--from", "2026-11-02"], "--from and from= say the same"),
        (["root_use", "--from", "2026-11-02", "--to", "2026-11-01"], "'from' is a day up to that of 'to'"),
        (["actor_hour", "actor=ana", "at=2026-11-01T10:00:00Z", "--from", "2026-11-01"], "leave out --from"),
        (["actor_hour", "actor=ana", "at=10:00"], "parameter 'at' is a date and time in ISO 8601"),
        (["root_use", "--json", "--csv"], "--json and --csv are two forms of one answer"),
        (["root_use", "--accounts", "111122223333,"], "--accounts takes values with commas between them"),
        (["root_use", "--region", "eu-west-1", "--kit", "x"], "--local asks no AWS; leave out --region and --kit"),
        (["root_use", "--accounts", "1'or'1"], "cannot be one of them"),
    ],
)
def test_what_is_typed_wrong_is_said_in_one_sentence(
    here: Here, logs: Path, arguments: list[str], message: str
) -> None:
    said = here("query", *arguments, "--local", str(logs))
    assert (said.status, said.out) == (2, "")
    assert message in said.err
    assert said.err.count("\n") == 1


def test_an_answer_has_the_rows_and_says_what_was_read_and_of_which_days(here: Here, logs: Path) -> None:
    said = here("query", "calls_by_actor", "--local", str(logs), "--json")
    assert said.status == 0
    assert [(row["actor"], row["calls"], row["failed"], row["last_seen"]) for row in rows(said)] == [
        ("arn:aws:iam::111122223333:user/ana", 3, 0, "2026-11-02T10:00:00Z"),
        ("arn:aws:iam::444455556666:user/bob", 1, 0, "2026-11-02T10:00:00Z"),
    ]
    assert "2 rows\n3 of 3 files read, " in said.err
    assert "2 account(s), 1 Region(s), and the days 2026/11/01 to 2026/11/02" in said.err


@pytest.mark.parametrize(
    ("options", "files", "calls"),
    [
        (["--from", "2026-11-02"], 2, [1, 1]),
        (["to=2026/11/01"], 1, [2]),
        (["--accounts", "111122223333"], 2, [3]),
        (["--accounts", "111122223333,444455556666", "--regions", "eu-west-1"], 3, [3, 1]),
        (["--regions", "us-east-1"], 0, []),
    ],
)
def test_only_the_files_of_the_days_accounts_and_regions_asked_about_are_read(
    here: Here, logs: Path, options: list[str], files: int, calls: list[int]
) -> None:
    said = here("query", "calls_by_actor", *options, "--local", str(logs), "--json")
    assert [row["calls"] for row in rows(said)] == calls
    assert f"{files} of 3 files read" in said.err


def test_no_rows_are_an_answer_with_a_hint(here: Here, logs: Path) -> None:
    said = here("query", "calls_by_actor", "--local", str(logs), "--regions", "us-east-1")
    assert (said.status, said.out) == (0, "")
    assert "no rows: the logs have no Region us-east-1, only eu-west-1\n" in said.err
    said = here("query", "root_use", "--local", str(logs), "--csv")
    assert said.status == 0
    assert "no rows: nothing in the files is what the query looks for\n" in said.err


@pytest.mark.parametrize(
    "value",
    ["198.51.100.1' OR '1'='1", "' OR 1=1 --", "x'); DROP TABLE cloudtrail_events; --", "?", "${table}", "'; SELECT 1"],
)
def test_a_value_is_never_more_than_a_value(here: Here, logs: Path, value: str) -> None:
    said = here("query", "address_calls", f"address={value}", "--local", str(logs), "--json")
    assert (said.status, said.out) == (0, ""), said.err


def test_a_pipe_gets_whole_values_without_what_a_terminal_obeys(here: Here, tmp_path: Path) -> None:
    agent = "x" * 500 + "\x1b[31mred\x1b[0m\nline"
    (tmp_path / "a.json").write_bytes(trail_file([event("DeleteBucket", "s3", user=ROOT, userAgent=agent)]))
    said = here("query", "root_use", "--local", str(tmp_path))
    assert "x" * 500 + " [31mred [0m line" in said.out
    assert "\x1b" not in said.out


def test_csv_and_json_carry_every_letter_and_nothing_for_null(here: Here, tmp_path: Path) -> None:
    agent = 'a "quoted", comma\nand line ✓'
    (tmp_path / "a.json").write_bytes(trail_file([event("DeleteBucket", "s3", user=ROOT, userAgent=agent)]))
    asked = ["query", "root_use", "--local", str(tmp_path)]
    table = list(csv.DictReader(io.StringIO(here(*asked, "--csv").out)))
    (again,) = rows(here(*asked, "--json"))
    assert agent in table[0].values()
    assert {name: "" if value is None else str(value) for name, value in again.items()} == table[0]
    assert None in again.values()


def test_the_limit_is_said_where_it_cuts(here: Here, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(trail_file([event("DeleteBucket", "s3", user=ROOT) for _ in range(3)]))
    asked = ["query", "root_use", "--local", str(tmp_path), "--json"]
    said = here(*asked, "--limit", "2")
    assert len(rows(said)) == 2
    assert "the first 2 rows; --limit shows more, and --limit 0 all" in said.err
    for limit in ("3", "0"):
        said = here(*asked, "--limit", limit)
        assert len(rows(said)) == 3
        assert "3 rows\n" in said.err


def test_unreadable_files_are_named_and_the_status_says_so(here: Here, logs: Path) -> None:
    (logs / "cut.json.gz").write_bytes(trail_file([event("Lost", "s3")])[:-9])
    (logs / "lines.ndjson").write_bytes(lines([event("DeleteTable", "dynamodb")]) + b"{a\n{b\n{c\n{d\n{e\n")
    said = here("query", "deletions", "--local", str(logs), "--json")
    assert said.status == 3
    assert [row["deletions"] for row in rows(said)] == [3, 1, 1]
    assert f"not read: {logs}/cut.json.gz: truncated or damaged gzip" in said.err
    assert f"not read: {logs}/lines.ndjson:2: not JSON" in said.err
    assert f"not read: {logs}/lines.ndjson: 2 more of it" in said.err


def test_a_file_is_asked_as_a_folder_is(here: Here, logs: Path) -> None:
    (file, *_) = sorted(logs.rglob("*.gz"))
    (row,) = rows(here("query", "deletions", "--local", str(file), "--json"))
    assert row["deletions"] == 2


@pytest.mark.parametrize(("what", "message"), [("missing", "No such file"), ("empty", "there are no CloudTrail logs")])
def test_a_folder_without_logs_cannot_be_asked(here: Here, tmp_path: Path, what: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("nothing")
    said = here("query", "root_use", "--local", str(tmp_path / what))
    assert (said.status, said.out) == (2, "")
    assert message in said.err


def test_without_the_extra_it_says_what_to_install(logs: Path) -> None:
    code = "import sys; sys.modules['duckdb'] = None; from raytrail.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "query", "root_use", "--local", str(logs)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr == "raytrail: --local needs the package duckdb; install raytrail[cli,local]\n"


def test_the_list_needs_neither_duckdb_nor_the_cdk() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['duckdb', 'sqlglot', 'aws_cdk', 'ministack'])); "
        "from raytrail.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code, "query"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.splitlines()[1].split()[0]) == (0, "access_key_activity")


def test_ctrl_c_ends_it_with_nothing_left_behind(tmp_path: Path) -> None:
    logs, temporary = tmp_path / "logs", tmp_path / "temporary"
    logs.mkdir()
    temporary.mkdir()
    record = event("DeleteBucket", "s3")
    body = trail_file([{**record, "eventID": f"{number}"} for number in range(5000)])
    for number in range(400):
        (logs / f"{number}.json.gz").write_bytes(body)
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "raytrail"), "query", "calls_by_actor", "--local", str(logs)],
        env=environment_with(TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(temporary.rglob("*.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert "stopped" in err
    assert "Traceback" not in err
    assert list(temporary.iterdir()) == []


def test_a_reader_that_goes_away_is_no_error(logs: Path) -> None:
    command = f"{Path(sys.executable).parent / 'raytrail'} query deletions --local {logs} --json | head -n 1"
    ended = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert len(ended.stdout.splitlines()) == 1
    assert "Traceback" not in ended.stderr


def test_the_help_says_what_the_statuses_mean() -> None:
    said = raytrail("query", "--help")
    assert said.status == 0
    assert "--local" in said.out
    assert "The status is 0 for an answer" in " ".join(said.out.split())
