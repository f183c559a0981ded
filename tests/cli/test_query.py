"""``raytrail query`` against the Athena of an embedded AWS: what it finds, says, costs, refuses and stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.athena_lake import Lake
from tests.audit.own_records import TODAY, event
from tests.cli.command import Gatekeeper, Refusal, Said, environment_with

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("eu-west-1", "us-east-1")
Ask = Callable[..., Said]


@pytest.fixture(scope="module")
def lake(local_aws: LocalAws) -> Lake:
    """Calls of ana in the last days, under the names that the kit gives a workgroup and a database."""
    lake = Lake(local_aws, accounts=ACCOUNTS, regions=REGIONS, start_date=TODAY - timedelta(days=60))
    for days, count in ((1, 3), (20, 4)):
        records = [
            event("DeleteBucket", "s3", days=days, sourceIPAddress=f"203.0.113.{number}") for number in range(count)
        ]
        lake.put(ACCOUNTS[0], "eu-west-1", TODAY - timedelta(days=days), records)
    return lake


@pytest.fixture
def ask(here: Ask, local_aws: LocalAws, lake: Lake) -> Ask:
    """Runs ``raytrail query`` with the lake's kit; a later ``--kit`` or ``--endpoint`` wins."""

    def run(*words: str) -> Said:
        return here("query", *words[:1], "--endpoint", local_aws.endpoint, "--kit", lake.name, *words[1:])

    return run


def rows(said: Said) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.out.splitlines()]


def test_the_last_seven_days_are_asked_about_unless_others_are_given(ask: Ask) -> None:
    said = ask("calls_by_actor", "--json")
    assert said.status == 0, said.err
    assert [row["calls"] for row in rows(said)] == [3]
    assert f"days {TODAY - timedelta(days=6):%Y/%m/%d} to {TODAY:%Y/%m/%d}\n" in said.err
    assert [
        row["calls"] for row in rows(ask("calls_by_actor", "--from", str(TODAY - timedelta(days=30)), "--json"))
    ] == [7]
    assert [row["calls"] for row in rows(ask("calls_by_actor", f"to={TODAY - timedelta(days=19)}", "--json"))] == [4]


def test_the_bytes_read_their_price_and_the_execution_are_said(ask: Ask, lake: Lake) -> None:
    said = ask("calls_by_actor")
    execution_id = said.err.split("execution ")[-1].strip()
    execution = lake.athena.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
    read = execution["Statistics"]["DataScannedInBytes"]
    assert 0 < read == lake.sizes[ACCOUNTS[0], "eu-west-1", f"{TODAY - timedelta(days=1):%Y/%m/%d}"]
    assert f"{read} bytes read: 0.00005 USD at 5.00 USD a TB, 10 MB at least (us-east-1, 2026-11-22)\n" in said.err
    assert f"execution {execution_id} in workgroup {lake.name}, Region us-east-1 at http" in said.err
    assert execution["ExecutionParameters"] == [
        f"'{TODAY - timedelta(days=6):%Y/%m/%d}'",
        f"'{TODAY:%Y/%m/%d}'",
    ]


def test_the_price_is_that_of_the_facts(root: Path) -> None:
    from raytrail.cli._query._cost import PRICE_DATE, PRICE_REGION, USD_PER_TB

    facts = root.parent / "shared" / "facts" / "prices.json"
    if not facts.is_file():
        pytest.skip(f"needs the file of prices at {facts.relative_to(root.parent)}")
    prices = json.loads(facts.read_text(encoding="utf-8"))
    (fact,) = [each for each in prices["prices"] if each["key"] == "athena.scanned"]
    assert (fact["usd"], fact["unit"]) == (USD_PER_TB, "per TB")
    assert (prices["region"], prices["compiled"]) == (PRICE_REGION, PRICE_DATE)


@pytest.mark.parametrize(
    ("read", "usd"),
    [(0, 0.00005), (10_000_000, 0.00005), (10_000_001, 0.000055), (1_000_000_000, 0.005), (1_000_000_000_000, 5.0)],
)
def test_a_query_costs_ten_megabytes_at_least_and_whole_ones(read: int, usd: float) -> None:
    from raytrail.cli._query._cost import cost_usd

    assert cost_usd(read) == pytest.approx(usd)


def test_the_kit_s_name_is_read_from_the_settings(here: Ask, local_aws: LocalAws, tmp_path: Path, lake: Lake) -> None:
    settings = {"app": "x", "context": {"raytrail": {"name": lake.name}}}
    (tmp_path / "cdk.json").write_text(json.dumps(settings))
    said = here("query", "calls_by_actor", "--app", str(tmp_path), "--endpoint", local_aws.endpoint, "--json")
    assert [row["calls"] for row in rows(said)] == [3], said.err


def test_only_the_accounts_and_regions_asked_about_are_read(ask: Ask) -> None:
    assert len(rows(ask("calls_by_actor", "--regions", "eu-west-1", "--accounts", ACCOUNTS[0], "--json"))) == 1
    said = ask("calls_by_actor", "--regions", "us-east-1", "--json")
    assert (said.status, said.out) == (0, "")
    assert "no rows: not one file lies in the days, accounts and Regions asked about" in said.err
    assert "files in Glacier (audit.archive_after_days) are passed over until they are restored" in said.err
    assert "0 bytes read" in said.err


def test_no_rows_where_files_were_read_have_another_hint(ask: Ask) -> None:
    said = ask("root_use")
    assert (said.status, said.out) == (0, "")
    assert (
        "no rows: nothing that was read is what the query looks for; the table shows eu-west-1 and us-east-1"
        in said.err
    )
    said = ask("root_use", "--from", "2020-01-01")
    assert f"the table shows nothing before {TODAY - timedelta(days=60):%Y/%m/%d} (audit.start_date" in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["root_use", "--regions", "eu-west-1,eu-south-2"],
            "Region eu-south-2 is not among those",
        ),
        (["root_use", "--accounts", "999900001111"], "account 999900001111 is not among those that the table shows"),
        (
            ["changes_before", "at=2026-11-22T10:00:00Z", "account=111122223333", "region=eu-south-2"],
            "add it to audit.regions in cdk.json",
        ),
        (["actor_hour", "actor=ana"], "needs at (when the event happened), for example: raytrail query actor_hour"),
    ],
)
def test_what_athena_would_answer_with_silence_is_refused(ask: Ask, words: list[str], message: str) -> None:
    said = ask(*words)
    assert (said.status, said.out) == (2, "")
    assert message in said.err
    assert "execution" not in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["root_use", "--database", "elsewhere"],
            "no table cloudtrail_events in the Glue database 'elsewhere'",
        ),
        (["root_use", "--kit", "other-kit"], "in the Glue database 'other_kit'"),
        (["root_use", "--workgroup", "elsewhere"], "there is no workgroup 'elsewhere' in Region us-east-1"),
        (["root_use", "--region", "eu-north-1"], "in Region eu-north-1 at http"),
    ],
)
def test_a_lake_that_is_not_there_is_named_with_where_it_was_looked_for(
    ask: Ask, words: list[str], message: str
) -> None:
    said = ask(*words)
    assert (said.status, said.out) == (1, "")
    assert message in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "value", ["203.0.113.1' OR '1'='1", "' OR 1=1 --", "?", "\\", "203.0.113.1'); DROP TABLE cloudtrail_events"]
)
def test_a_value_is_never_more_than_a_value(ask: Ask, value: str) -> None:
    assert len(rows(ask("address_calls", "address=203.0.113.1", "--json"))) == 1
    said = ask("address_calls", f"address={value}", "--json")
    assert (said.status, said.out) == (0, ""), said.err


def test_a_failed_query_is_told_in_athena_s_words(ask: Ask, lake: Lake) -> None:
    day = TODAY - timedelta(days=40)
    lake.s3.put_object(Bucket=lake.name, Key=lake.key(ACCOUNTS[1], "us-east-1", day), Body=b"no gzip")
    said = ask("calls_by_actor", "--from", str(day), "--to", str(day))
    assert (said.status, said.out) == (1, "")
    assert "raytrail: Athena could not answer (execution " in said.err
    assert "HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split s3://" in said.err


def test_the_workgroup_s_limit_of_bytes_is_named_with_a_way_out(ask: Ask, lake: Lake) -> None:
    day = TODAY - timedelta(days=50)
    name = f"{lake.name}-small"
    lake.athena.create_work_group(
        Name=name,
        Configuration={
            "ResultConfiguration": {"OutputLocation": f"s3://{lake.name}-results/"},
            "BytesScannedCutoffPerQuery": 10_000_000,
        },
    )
    lake.s3.put_object(Bucket=lake.name, Key=lake.key(ACCOUNTS[1], "us-east-1", day), Body=os.urandom(10_000_001))
    said = ask("calls_by_actor", "--from", str(day), "--to", str(day), "--workgroup", name)
    assert (said.status, said.out) == (1, "")
    assert f"workgroup '{name}' ended the query at its limit of bytes for one query, with 10.0 MB read" in said.err
    assert "fewer days, accounts or Regions, or raise audit.query_limit_gb" in said.err


def test_more_rows_than_a_page_holds_are_all_fetched_and_a_limit_fetches_fewer(ask: Ask, lake: Lake) -> None:
    day = TODAY - timedelta(days=30)
    records = [event(f"Delete{number}", "s3", days=30) for number in range(2100)]
    lake.put(ACCOUNTS[1], "eu-west-1", day, records)
    days = ["--from", str(day), "--to", str(day), "--json"]
    said = ask("calls_by_actor", *days, "--limit", "0")
    assert sorted(row["eventname"] for row in rows(said)) == sorted(record["eventName"] for record in records)
    assert "2100 rows\n" in said.err
    for limit in (1, 999, 1000, 2000):
        said = ask("calls_by_actor", *days, "--limit", str(limit))
        assert len(rows(said)) == limit
        assert f"the first {limit} rows; --limit shows more" in said.err


def test_a_refusal_of_aws_says_who_may_not_do_what(here: Ask, local_aws: LocalAws, lake: Lake) -> None:
    for service, matching, call in (
        ("glue", "GetTable", "GetTable"),
        ("athena", "StartQueryExecution", "StartQueryExecution"),
        ("athena", "GetQueryResults", "GetQueryResults"),
    ):
        denied = Refusal(service=service, matching=matching, code="AccessDeniedException", message="not you")
        with Gatekeeper(local_aws.endpoint, denied) as gate:
            said = here("query", "calls_by_actor", "--endpoint", gate.endpoint, "--kit", lake.name)
        assert (said.status, said.out) == (1, "")
        assert f"may not call {call} in us-east-1: not you" in said.err


def test_nothing_listening_is_said_with_what_to_start(here: Ask, lake: Lake) -> None:
    said = here("query", "root_use", "--endpoint", "http://127.0.0.1:9", "--kit", lake.name)
    assert said.status == 1
    assert "nothing answers at http://127.0.0.1:9" in said.err


def test_ctrl_c_stops_the_execution(local_aws: LocalAws, lake: Lake) -> None:
    day = TODAY - timedelta(days=55)
    body = [event("DeleteBucket", "s3", days=55) for _ in range(8000)]
    for _ in range(3):
        lake.put(ACCOUNTS[1], "us-east-1", day, body)
    command = [str(Path(sys.executable).parent / "raytrail"), "query", "calls_by_actor", "--from", str(day)]
    process = subprocess.Popen(
        [*command, "--to", str(day), "--endpoint", local_aws.endpoint, "--kit", lake.name],
        env=environment_with(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    assert first.startswith("execution "), first
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert "Traceback" not in err
    deadline = time.monotonic() + 30
    execution_id = first.split()[1]
    while (state := _state(lake, execution_id)) in ("QUEUED", "RUNNING") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert state == "CANCELLED"


def _state(lake: Lake, execution_id: str) -> str:
    execution = lake.athena.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
    return str(execution["Status"]["State"])
