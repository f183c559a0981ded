"""The saved queries: valid for Trino, and right over own and real records."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from tests.athena_lake import TABLE, Answer, Lake
from tests.audit.own_records import event, role
from tests.audit.query_oracle import ANSWERS
from tests.queries.plain_reader import Record, Values
from tests.queries.world import ACCOUNTS, REGIONS, ago, own_lake, own_values, real_lake, real_values
from tests.trino_grammar import grammar_errors

from raytrail.audit._metrics import _PATTERNS
from raytrail.detection.handlers.pager.alert import Alert
from raytrail.localaws._athena._functions import FUNCTIONS
from raytrail.queries import SavedQuery, saved_queries
from raytrail.queries._view import COLUMNS

QUERIES = {query.name: query for query in saved_queries()}
WHOLE: tuple[Any, ...] = (ACCOUNTS, REGIONS, {})
PART: tuple[Any, ...] = (ACCOUNTS[:1], REGIONS[1::2], {"since": str(ago(40)), "from": str(ago(2))})


def test_there_are_at_least_25_in_the_order_of_their_names() -> None:
    assert list(QUERIES) == sorted(QUERIES)
    assert len({query.title for query in QUERIES.values()}) == len(QUERIES) >= 25


def test_each_query_has_an_independent_answer_to_be_held_against() -> None:
    assert set(QUERIES) == set(ANSWERS)


# Each kind of caller: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
_OURS, _THEIRS = "111122223333", "999988887777"
_STS = f"arn:aws:sts::{_OURS}"
CALLERS: list[Record] = [
    {"type": "Root", "principalId": _OURS, "arn": f"arn:aws:iam::{_OURS}:root", "accountId": _OURS},
    {"type": "IAMUser", "principalId": "AIDAANA", "arn": f"arn:aws:iam::{_OURS}:user/ana", "userName": "ana"},
    {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS", "accountId": _OURS, "accessKeyId": ""},
    role("deploy", "ci"),
    {"type": "AssumedRole", "principalId": "AROAOPS:eva", "arn": f"{_STS}:assumed-role/ops/eva", "accountId": _OURS},
    {"type": "Role", "principalId": "AROASTEPS", "arn": f"arn:aws:iam::{_OURS}:role/steps", "accountId": _OURS},
    {
        "type": "FederatedUser",
        "principalId": f"{_OURS}:visitor",
        "arn": f"{_STS}:federated-user/visitor",
        "sessionContext": {"sessionIssuer": {"type": "IAMUser", "arn": f"arn:aws:iam::{_OURS}:user/broker"}},
    },
    {"type": "AWSAccount", "principalId": "AROATHEIRS:job", "accountId": _THEIRS},
    {"type": "AWSAccount", "principalId": "AIDATHEIRS", "accountId": _THEIRS},
    {"type": "AWSAccount", "accountId": _THEIRS},
    {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"},
    {"type": "AWSService", "invokedBy": "cloudformation.amazonaws.com"},
    {"type": "IdentityCenterUser", "accountId": _OURS, "onBehalfOf": {"userId": "94d8-eva"}, "credentialId": "c-1"},
    {"type": "WebIdentityUser", "principalId": "accounts.google.com:app:bo", "userName": "bo"},
    {"type": "Directory", "userName": "carl", "accountId": _OURS},
    {"type": "Unknown"},
]


def text_of(query: SavedQuery) -> str:
    return query.render(table=TABLE, accounts=ACCOUNTS, regions=REGIONS)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_names_its_partitions_and_asks_a_question(query: SavedQuery) -> None:
    text = text_of(query)
    reads = text.count(f'FROM "{TABLE}"')
    assert reads == 1
    assert sum(text.count(f"account {how}") for how in (f"IN ('{ACCOUNTS[0]}'", "= ?")) >= reads
    assert sum(text.count(f"region {how}") for how in (f"IN ('{REGIONS[0]}'", "IN (?")) >= reads
    assert '"timestamp" BETWEEN ' in text
    assert "${" not in text
    assert query.question.endswith("?")
    assert query.description.startswith(query.question)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_parameters_stand_where_athena_takes_them_and_nowhere_else_is_a_question_mark(query: SavedQuery) -> None:
    text = text_of(query)
    places = list(sqlglot.parse_one(text, read="athena").find_all(exp.Placeholder))
    assert len(places) == text.count("?") == len(query.places) <= 25
    # "? parameters can be placed only in the WHERE clause"
    assert all(place.find_ancestor(exp.Where) is not None for place in places)
    assert set(query.places) == {parameter.name for parameter in query.parameters}


def test_an_independent_trino_grammar_takes_every_query() -> None:
    texts = [text_of(query) for query in QUERIES.values()]
    assert dict(zip(QUERIES, grammar_errors(texts), strict=True)) == {name: [] for name in QUERIES}


def test_the_counted_calls_against_the_trail_are_all_looked_for() -> None:
    counted = re.findall(r'eventName = "(\w+)"', _PATTERNS["TrailTampering"])
    assert len(counted) == 5
    sql = QUERIES["trail_and_detection_tampering"].sql
    assert [name for name in counted if f"('cloudtrail.amazonaws.com', '{name}')" not in sql] == []


def test_what_was_deleted_is_named_as_the_view_names_it() -> None:
    (resource,) = (column for column in COLUMNS if column.name == "resource")
    whole = resource.expression.removesuffix(")")
    assert whole in re.sub(r"coalesce\(\s+", "coalesce(", re.sub(r",\s+", ", ", QUERIES["deletions"].sql))


def called(text: str) -> set[str]:
    """The words before an opening parenthesis, outside of comments and texts."""
    bare = re.sub(r"'[^']*'|--.*", "", text)
    words = {word.lower() for word in re.findall(r"\b([A-Za-z]\w*) ?\(", re.sub(r"AS \w+\(", "", bare))}
    return words - {"and", "as", "by", "from", "in", "not", "or", "over", "unnest", "where"}


def test_every_function_is_on_the_list_that_names_the_page_of_each() -> None:
    functions = {name for query in QUERIES.values() for name in called(text_of(query))}
    assert {"row_number", "any_match", "date_parse"} < functions
    assert {name: FUNCTIONS.get(name) for name in functions if not FUNCTIONS.get(name)} == {}


@pytest.mark.parametrize(
    ("key", "price"),
    [
        ("cloudtrail.management_events.first_copy", "0e0"),
        ("cloudtrail.management_events.additional_copy", "2e0"),
        ("cloudtrail.data_events", "1e-1"),
    ],
)
def test_the_prices_of_the_trail_are_those_of_the_facts_on_their_day(root: Path, key: str, price: str) -> None:
    facts = root.parent / "shared" / "facts" / "prices.json"
    if not facts.is_file():
        pytest.skip(f"needs the file of prices at {facts.relative_to(root.parent)}")
    prices = json.loads(facts.read_text(encoding="utf-8"))
    (fact,) = [each for each in prices["prices"] if each["key"] == key]
    sql = QUERIES["trail_cost"].sql
    assert (fact["usd"], fact["unit"], fact["confidence"]) == (float(price), "per 100k events", "documentation")
    assert f"THEN {price}" in sql
    assert f"as of {prices['compiled']}" in sql


@pytest.fixture(scope="module")
def own(local_aws: Any) -> Lake:
    return own_lake(local_aws)


@pytest.fixture(scope="module")
def real(local_aws: Any, attack_logs: Path) -> Lake:
    return real_lake(local_aws, attack_logs)


def values_for(query: SavedQuery, known: Values) -> dict[str, str]:
    values = {parameter.name: known[parameter.name] for parameter in query.parameters}
    if query.name == "delivery_gaps":
        # Whole days, all of them over.
        values |= {"from": str(ago(12)), "to": str(ago(2))}
    return values


def days_read(name: str, values: Values) -> tuple[str, str]:
    """The first and the last day whose files a query has to read."""
    if "at" in values:
        at = datetime.fromisoformat(values["at"])
        back, on = {"changes_before": (60, 60), "actor_hour": (30, 90)}[name]
        return f"{at - timedelta(minutes=back):%Y/%m/%d}", f"{at + timedelta(minutes=on):%Y/%m/%d}"
    last = datetime.fromisoformat(values["to"]) + timedelta(days=name == "delivery_gaps")
    return (values.get("since") or values["from"]).replace("-", "/"), f"{last:%Y/%m/%d}"


def selected(
    lake: Lake, name: str, values: Values, accounts: Sequence[str], regions: Sequence[str]
) -> tuple[list[Record], int]:
    """The records of the partitions that a query reads, and the bytes of their files."""
    begin, end = days_read(name, values)
    accounts = [values["account"]] if "account" in values else accounts
    regions = [values["region"], "us-east-1"] if "region" in values else regions

    def chosen(account: str, region: str, day: str) -> bool:
        return account in accounts and region in regions and begin <= day <= end

    records = [
        {**record, "_account": account, "_region": region, "_day": day}
        for account, region, day, record in lake.records
        if chosen(account, region, day)
    ]
    return records, sum(size for part, size in lake.sizes.items() if chosen(*part))


def asked(
    lake: Lake, name: str, values: Values, accounts: Sequence[str], regions: Sequence[str]
) -> tuple[Answer, list[list[Any]], int]:
    """What the lake answers, what plain Python answers, and the bytes that were to be read."""
    query = QUERIES[name]
    records, size = selected(lake, name, values, accounts, regions)
    answer = lake.ask(
        query.render(table=TABLE, accounts=accounts, regions=regions), ExecutionParameters=query.bind(values)
    )
    assert answer.state == "SUCCEEDED", answer.reason
    places = {"accounts": " ".join(accounts), "regions": " ".join(regions)}
    return answer, ANSWERS[name](records, {**values, **places}), size


def readable(rows: Sequence[Sequence[str | None]], expected: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """An answer's texts as numbers where the expected value is a float: a double has many spellings."""
    places = {place for row in expected for place, value in enumerate(row) if isinstance(value, float)}
    return [
        [float(value) if value is not None and place in places else value for place, value in enumerate(row)]
        for row in rows
    ]


@pytest.mark.local
@pytest.mark.parametrize("where", [WHOLE, PART], ids=["everywhere", "one account"])
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_answers_what_plain_python_answers_and_reads_no_byte_more(own: Lake, name: str, where: Any) -> None:
    accounts, regions, changes = where
    values = values_for(QUERIES[name], {**own_values(), **changes})
    answer, expected, size = asked(own, name, values, accounts, regions)
    assert expected, "the records must give this query something to find"
    assert readable(answer.rows, expected) == expected
    assert answer.scanned == size


@pytest.mark.local
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("actor_hour", {"actor": "arn:aws:iam::111122223333:role/night", "at": f"{ago(2)}T23:40:00Z"}),
        ("changes_before", {"at": f"{ago(1)}T00:50:00Z", "account": ACCOUNTS[0], "region": REGIONS[1]}),
    ],
)
def test_an_hour_around_midnight_is_found_under_both_days(own: Lake, name: str, values: Values) -> None:
    answer, expected, size = asked(own, name, values, ACCOUNTS, REGIONS)
    assert [row[0] for row in answer.rows] == [f"{ago(2)}T23:58:00Z"]
    assert (answer.rows, answer.scanned) == (expected, size)


@pytest.mark.local
def test_whomever_an_alert_names_is_found_in_their_hour(local_aws: Any) -> None:
    records = [
        event("DeleteTrail", "cloudtrail", at=f"10:{number:02d}:00", userIdentity=identity)
        for number, identity in enumerate(CALLERS)
    ]
    lake = Lake(local_aws, accounts=ACCOUNTS, regions=REGIONS, start_date=ago(2))
    lake.put(ACCOUNTS[0], REGIONS[0], ago(1), records)
    found = {}
    for record in records:
        alert = Alert({}, {"detail": record})
        answer, expected, _ = asked(lake, "actor_hour", {"actor": alert.principal, "at": alert.time}, ACCOUNTS, REGIONS)
        assert answer.rows == expected
        found[alert.principal] = [row[-1] for row in answer.rows]
    assert list(found.values()) == [[record["eventID"]] for record in records], found


@pytest.mark.local
def test_whoever_deletes_most_comes_first_with_ten_examples(local_aws: Any) -> None:
    def deleted(key: int, by: Record) -> Record:
        resources = [{"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::orders/{key:03d}"}]
        return event("DeleteObject", "s3", at=f"10:00:{key % 60:02d}", user=by, resources=resources)

    lake = Lake(local_aws, accounts=ACCOUNTS, regions=REGIONS, start_date=ago(2))
    records = [deleted(key, role("cleaner", "eva")) for key in range(500)]
    lake.put(ACCOUNTS[0], REGIONS[0], ago(1), [*(deleted(1, role("admin", "bo")) for _ in range(2)), *records])
    values = {"from": str(ago(1)), "to": str(ago(1))}
    answer, expected, _ = asked(lake, "deletions", values, ACCOUNTS, REGIONS)
    assert answer.rows == expected
    most, other = [(row[0], *row[5:8]) for row in answer.rows]
    examples = ", ".join(f"arn:aws:s3:::orders/{key:03d}" for key in range(10))
    assert most == ("arn:aws:iam::111122223333:role/cleaner", "500", "500", examples)
    assert other == ("arn:aws:iam::111122223333:role/admin", "2", "1", "arn:aws:s3:::orders/001")


@pytest.mark.local
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_answers_the_same_over_real_records(real: Lake, name: str) -> None:
    values = values_for(QUERIES[name], real_values(real))
    answer, expected, size = asked(real, name, values, ACCOUNTS, REGIONS)
    assert unordered(readable(answer.rows, expected), name) == unordered(expected, name)
    assert answer.scanned == size


def unordered(rows: list[list[Any]], name: str) -> list[str]:
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


@pytest.mark.local
def test_most_queries_find_something_in_the_real_records(real: Lake) -> None:
    found = {}
    for name, query in QUERIES.items():
        values = values_for(query, real_values(real))
        records, _ = selected(real, name, values, ACCOUNTS, REGIONS)
        places = {"accounts": " ".join(ACCOUNTS), "regions": " ".join(REGIONS)}
        found[name] = len(ANSWERS[name](records, {**values, **places}))
    assert sum(count > 0 for count in found.values()) >= 25, [name for name, count in found.items() if not count]
