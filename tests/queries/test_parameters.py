"""The parameters of a saved query: what is taken, what is refused, and that a text arrives as the text that it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import TokenType
from tests.athena_lake import TABLE, Lake
from tests.audit.own_records import event
from tests.trino_grammar import grammar_errors

from raytrail.errors import InvalidProps
from raytrail.queries import QueryParameter, saved_query

NASTY = (
    "' OR '1'='1",
    "'; DROP TABLE cloudtrail_events; --",
    "'') UNION SELECT 1 --",
    "''",
    "\\",
    "\\'",
    "?",
    "${table}",
    "/* */",
    "-- ",
    "a\u2019b",
    "\u0661\u0662",
    "\U0001f511",
    "$$",
    "%_",
)
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(alphabet=st.sampled_from("'\\\"`?;-*/%$(){} aZ\u2019"), min_size=1, max_size=20),
    st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40),
)


def parameter(kind: str, example: str = "x") -> QueryParameter:
    return QueryParameter(name="it", kind=kind, meaning="a thing", example=example)


TEXT = parameter("text")


@pytest.mark.parametrize(
    ("kind", "value", "literal"),
    [
        ("text", "ana", "'ana'"),
        ("text", "O'Neill", "'O''Neill'"),
        ("text", "''", "''''''"),
        ("day", "2026-11-01", "'2026/11/01'"),
        ("day", "2026/11/01", "'2026/11/01'"),
        ("instant", "2026-11-22T10:00:00Z", "'2026-11-22T10:00:00Z'"),
        ("instant", "2026-11-22T00:30:00+02:00", "'2026-11-21T22:30:00Z'"),
        ("account", "000011112222", "'000011112222'"),
        ("region", "eu-west-1", "'eu-west-1'"),
        ("region", "us-gov-east-1", "'us-gov-east-1'"),
        ("integer", "3", "3"),
        ("integer", "-007", "-7"),
    ],
)
def test_a_value_becomes_the_literal_of_its_kind(kind: str, value: str, literal: str) -> None:
    assert parameter(kind, value).literal(value) == literal


@pytest.mark.parametrize(
    ("kind", "good", "values"),
    [
        ("text", "x", ["", "two\nlines", "\x00", "a\x7f", "a\x85b", "\ud800"]),
        ("day", "2026-11-01", ["", "2026-13-01", "2026-02-30", "2026/11-01", "20261101", "yesterday", "2026-11-01\n"]),
        (
            "instant",
            "2026-11-22T10:00:00Z",
            [
                "2026-11-22T10:00:00",
                "2026-11-22",
                "10:00",
                "2026-11-22T10:00:00.5Z",
                "now",
                "0001-01-01T00:00:00+02:00",
            ],
        ),
        ("account", "111122223333", ["1", "1111222233334", "11112222333a", "\u0661" * 12, "111122223333\n"]),
        ("region", "eu-west-1", ["", "eu", "EU-WEST-1", "eu-west-1'", "eu west 1", "eu-west-1\n"]),
        ("integer", "1", ["", "1.5", "1e3", "0x1", "\u0661", "1" * 19, "1;", "--1"]),
    ],
)
def test_a_value_of_another_kind_is_refused_in_one_sentence(kind: str, good: str, values: list[str]) -> None:
    for value in values:
        with pytest.raises(InvalidProps, match=rf"^parameter 'it' is .*, such as {good}, got ") as refused:
            parameter(kind, good).literal(value)
        assert "\n" not in str(refused.value)


def test_a_literal_is_at_most_as_long_as_athena_takes() -> None:
    assert len(TEXT.literal("x" * 1022)) == 1024
    with pytest.raises(InvalidProps, match="makes a literal of 1025 characters; Athena takes 1024"):
        TEXT.literal("'" + "x" * 1021)


def test_athenas_limit_is_that_of_botocores_model(local_aws: Any) -> None:
    model = local_aws.client("athena").meta.service_model.shape_for("ExecutionParameter")
    assert model.metadata == {"max": 1024, "min": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Too-Loud"}, "name is lower-case letters"),
        ({"kind": "colour"}, "kind of parameter 'it' is one of text, instant, day, account, region, integer"),
        ({"kind": "day"}, "parameter 'it' is a day in UTC"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_when_it_is_made(change: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidProps, match=message):
        QueryParameter(**{"name": "it", "kind": "text", "meaning": "a thing", "example": "x", **change})


@given(TEXTS)
def test_a_text_is_one_token_of_trino_whatever_it_says(text: str) -> None:
    tokens = sqlglot.tokenize(TEXT.literal(text), read="trino")
    assert [(token.token_type, token.text) for token in tokens] == [(TokenType.STRING, text)]


def test_an_independent_trino_grammar_takes_the_literals_of_nasty_texts() -> None:
    statements = [f"SELECT 1 WHERE 'a' = {TEXT.literal(text)} AND 1 = 1" for text in NASTY]
    assert grammar_errors(statements) == [[] for _ in NASTY]


DAY_BY_DAY = count()


@pytest.fixture(scope="module")
def lake(local_aws: Any) -> Lake:
    return Lake(local_aws, accounts=["111122223333"], regions=["us-east-1"], start_date=date(2020, 1, 1))


def a_day_of_calls_from(lake: Lake, texts: Sequence[str]) -> str:
    """A day of its own with a call from each text: Call0 from the first."""
    day = date(2020, 1, 1) + timedelta(days=next(DAY_BY_DAY))
    calls = [event(f"Call{n}", "s3", sourceIPAddress=text) for n, text in enumerate(texts)]
    lake.put("111122223333", "us-east-1", day, calls)
    return str(day)


@pytest.mark.local
def test_a_saved_query_finds_the_nasty_text_that_is_bound_and_no_other(lake: Lake) -> None:
    day = a_day_of_calls_from(lake, NASTY)
    query = saved_query("address_calls")
    sql = query.render(table=TABLE, accounts=["111122223333"], regions=["us-east-1"])
    for number, text in enumerate(NASTY):
        literals = query.bind({"address": text, "from": day, "to": day})
        rows = lake.rows(sql, ExecutionParameters=literals)
        assert [row[3] for row in rows] == [f"Call{number}"]


@pytest.mark.local
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=2, max_size=12, unique=True))
def test_whatever_text_is_bound_reaches_the_engine_as_that_text(lake: Lake, texts: list[str]) -> None:
    day = a_day_of_calls_from(lake, texts)
    # One statement for all texts: each finds the call that comes from it.
    wanted = " OR ".join(f"eventname = 'Call{number}' AND sourceipaddress = ?" for number in range(len(texts)))
    literals = [parameter("day", day).literal(day), *map(TEXT.literal, texts)]
    sql = f'SELECT eventname FROM {TABLE} WHERE "timestamp" = ? AND ({wanted})'
    rows = lake.rows(sql, ExecutionParameters=literals)
    assert sorted(rows) == sorted([f"Call{number}"] for number in range(len(texts)))
