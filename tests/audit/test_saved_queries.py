"""The saved queries: well formed, valid for Trino, and right over own and real records."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.athena_lake import TABLE, Lake
from tests.audit.own_records import TODAY, own_records
from tests.audit.query_oracle import ANSWERS, DAYS
from tests.trino_grammar import grammar_errors

from raytrail.audit._model_queries import SavedQuery, parse_query, saved_queries
from raytrail.errors import InvalidProps

ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("us-east-1", "eu-west-1")
QUERIES = {query.name: query for query in saved_queries()}
HEADER = "-- title: A title\n-- question: A question?\n"


def test_the_queries_come_in_the_order_of_their_names() -> None:
    assert list(QUERIES) == sorted(QUERIES)
    assert len({query.title for query in QUERIES.values()}) == len(QUERIES)


def test_each_query_has_an_independent_answer_to_be_held_against() -> None:
    assert set(QUERIES) == set(ANSWERS)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_names_its_partitions_and_ends_in_a_question(query: SavedQuery) -> None:
    text = query.render(table="events", accounts=["1", "2"], regions=["us-east-1"])
    assert "account IN ('1', '2')" in text
    assert "region IN ('us-east-1')" in text
    assert '"timestamp" >= date_format(current_date - INTERVAL' in text
    assert 'FROM "events"' in text
    assert "${" not in text
    assert query.question.endswith("?")
    assert query.description.startswith(query.question)


def test_an_independent_trino_grammar_takes_every_query() -> None:
    texts = [query.render(table=TABLE, accounts=ACCOUNTS, regions=REGIONS) for query in QUERIES.values()]
    assert dict(zip(QUERIES, grammar_errors(texts), strict=True)) == {name: [] for name in QUERIES}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1", "must start with the lines"),
        ("-- question: A question?\n-- title: A title\nSELECT 1", "must start with the lines"),
        ("-- title: \n-- question: A question?\nSELECT 1", "must start with the lines"),
        (f"-- title: {'t' * 129}\n-- question: A question?\nSELECT 1", "takes 1 to 128 characters, got 129"),
        (f"-- title: t\n-- question: {'q' * 1025}\nSELECT 1", "takes 1024 characters, got 1025"),
        (f"{HEADER}SELECT '{'x' * 262_144}'", "takes 262144 bytes"),
        (f"{HEADER}-- technique: phishing\nSELECT 1", "is an ATT&CK id such as T1078.004, got 'phishing'"),
        (
            f"{HEADER}SELECT ${{days}}",
            r"has \$\{days\}; the placeholders are \$\{accounts\}",
        ),
    ],
)
def test_a_file_that_athena_would_not_take_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidProps, match=message):
        parse_query("q", text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": "a-b"}, "table is lower-case letters, digits and underscores, got 'a-b'"),
        ({"table": 'a" UNION'}, "table is lower-case letters"),
        ({"accounts": []}, "accounts must name at least one"),
        ({"regions": ["x') OR ('1' = '1"]}, "regions stand in quotes"),
    ],
)
def test_a_query_is_not_rendered_for_what_would_change_its_meaning(change: dict[str, Any], message: str) -> None:
    where: dict[str, Any] = {"table": "t", "accounts": ["1"], "regions": ["r"]}
    with pytest.raises(InvalidProps, match=message):
        QUERIES["root_use"].render(**where | change)


@pytest.fixture(scope="module")
def own(local_aws: Any) -> Lake:
    """Own records over two accounts and Regions, duplicates, and days that a query must leave out."""
    lake = Lake(local_aws, accounts=ACCOUNTS, regions=REGIONS, start_date=TODAY - timedelta(days=60))
    records = own_records()
    for account, region in ((a, r) for a in ACCOUNTS for r in REGIONS):
        for days in (1, 2, 20, 25, 50):
            there = [
                {**record, "eventID": str(uuid.uuid4()), "awsRegion": region, "recipientAccountId": account}
                for record in records
                if record["eventTime"][:10] == str(TODAY - timedelta(days=days)) or days == 50
            ]
            lake.put(account, region, TODAY - timedelta(days=days), there)
            if days == 1:  # CloudTrail may deliver an event twice
                lake.put(account, region, TODAY, there[::2])
    return lake


def real_records(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.ndjson.gz")):
        for line in gzip.decompress(file.read_bytes()).splitlines():
            row = json.loads(line)
            yield row.get("record") or row.get("event", {}).get("detail") or row


@pytest.fixture(scope="module")
def real(local_aws: Any, attack_logs: Path) -> Lake:
    """Real records, as if delivered yesterday."""
    files: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in real_records(attack_logs):
        account = str(record.get("recipientAccountId") or "000000000000")
        account = account if account.isdigit() else "000000000000"
        region = str(record.get("awsRegion") or "us-east-1").strip(".") or "us-east-1"
        files.setdefault((account, region), []).append(record)
    lake = Lake(
        local_aws,
        accounts=sorted({account for account, _ in files}),
        regions=sorted({region for _, region in files}),
        start_date=TODAY - timedelta(days=10),
    )
    for (account, region), records in files.items():
        lake.put(account, region, TODAY - timedelta(days=1), records)
    return lake


def selected(lake: Lake, name: str, accounts: Any, regions: Any) -> tuple[list[dict[str, Any]], int]:
    """The records of the partitions that a query reads, and the bytes of their files."""
    since = f"{TODAY - timedelta(days=DAYS.get(name, 7)):%Y/%m/%d}"

    def chosen(account: str, region: str, day: str) -> bool:
        return account in accounts and region in regions and day >= since

    records = [record for *part, record in lake.records if chosen(*part)]
    return records, sum(size for part, size in lake.sizes.items() if chosen(*part))


@pytest.mark.local
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_answers_what_plain_python_answers_and_reads_no_byte_more(own: Lake, name: str) -> None:
    for accounts, regions in ((ACCOUNTS, REGIONS), (ACCOUNTS[:1], REGIONS[1:])):
        records, size = selected(own, name, accounts, regions)
        answer = own.ask(QUERIES[name].render(table=TABLE, accounts=accounts, regions=regions))
        assert answer.state == "SUCCEEDED", answer.reason
        expected = ANSWERS[name](records)
        assert expected, "the records must give this query something to find"
        assert answer.rows == expected
        assert answer.scanned == size


@pytest.mark.local
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_answers_the_same_over_real_records(real: Lake, name: str) -> None:
    accounts, regions = sorted({a for a, *_ in real.sizes}), sorted({r for _, r, _ in real.sizes})
    records, size = selected(real, name, accounts, regions)
    answer = real.ask(QUERIES[name].render(table=TABLE, accounts=accounts, regions=regions))
    assert answer.state == "SUCCEEDED", answer.reason
    assert unordered(answer.rows, name) == unordered(ANSWERS[name](records), name)
    assert answer.scanned == size


def unordered(rows: list[list[str | None]], name: str) -> list[str]:
    """Some records share a redacted id and time: which of them comes first, and which call was first, is open."""
    open_columns = ("first_call", "last_call") if name == "access_key_activity" else ()
    columns = ("access_key", "owner", "first_seen", "first_call", "last_seen", "last_call")
    places = [columns.index(column) for column in open_columns]
    return sorted(str([value for place, value in enumerate(row) if place not in places]) for row in rows)


@pytest.mark.local
def test_every_real_record_is_a_row_of_the_table(real: Lake) -> None:
    rows = real.rows(f"SELECT account, region, count(*) FROM {TABLE} GROUP BY 1, 2")
    counts: dict[tuple[str, str], int] = {}
    for account, region, _, _ in real.records:
        counts[(account, region)] = counts.get((account, region), 0) + 1
    assert {(str(a), str(r)): int(str(n)) for a, r, n in rows} == counts
    assert sum(counts.values()) == len(real.records) > 900
