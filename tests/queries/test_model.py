"""A saved query as a value: its files, its statement, and the values that it is asked with."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from raytrail.errors import InvalidProps
from raytrail.queries import parse_query, saved_queries, saved_query

TITLE = "-- title: A title\n-- question: A question?\n"
ADDRESS = "-- parameter: address (text): an address, such as 198.51.100.7\n"
DAYS = "-- parameter: from (day): first day, such as 2026/11/01\n-- parameter: to (day): last day, such as 2026/11/07\n"
SQL = "SELECT 1 FROM ${table} WHERE account IN (${accounts}) AND region IN (${regions})"
HEADER = f"{TITLE}{ADDRESS}"


def test_a_file_is_a_header_and_a_statement() -> None:
    sql = f"{SQL} AND a = ${{address}} AND d BETWEEN ${{from}} AND ${{to}}"
    query = parse_query("q", f"{TITLE}{ADDRESS}{DAYS}-- technique: T1078.004\n\n{sql}")
    assert (query.name, query.title, query.question, query.technique) == ("q", "A title", "A question?", "T1078.004")
    assert query.description == "A question? (ATT&CK T1078.004)"
    assert [(each.name, each.kind, each.example) for each in query.parameters] == [
        ("address", "text", "198.51.100.7"),
        ("from", "day", "2026/11/01"),
        ("to", "day", "2026/11/07"),
    ]
    assert query.sql.startswith("SELECT 1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1", "must start with the lines"),
        ("-- question: A question?\n-- title: A title\nSELECT 1", "must start with the lines"),
        ("-- title: \n-- question: A question?\nSELECT 1", "must start with the lines"),
        (f"{TITLE}-- technique: T1078\n{ADDRESS}SELECT 1", "must start with the lines"),
        (f"{TITLE}-- parameter: address: an address\nSELECT 1", "must start with the lines"),
        (f"-- title: {'t' * 129}\n-- question: A question?\nSELECT 1", "takes 1 to 128 characters, got 129"),
        (f"-- title: t\n-- question: {'q' * 1025}\nSELECT 1", "takes 1024 characters, got 1025"),
        (f"{TITLE}SELECT '{'x' * 262_144}'", "takes 262144 bytes"),
        (f"{TITLE}-- technique: phishing\nSELECT 1", "is an ATT&CK id such as T1078.004, got 'phishing'"),
        (f"{HEADER}SELECT ${{days}}", r"has \$\{days\}; its placeholders are \$\{accounts\}, \$\{address\}"),
        (f"{HEADER}SELECT 1", r"declares the parameter 'address' and has no \$\{address\}"),
        (f"{HEADER}{ADDRESS}SELECT ${{address}}", r"has two meanings for \$\{address\}"),
        (f"{TITLE}{ADDRESS.replace('address', 'table')}SELECT ${{table}}", r"has two meanings for \$\{table\}"),
        (f"{HEADER}SELECT {'${address},' * 26}", "has 26 places for parameters; Athena's console asks for 25"),
        (f"{TITLE}SELECT 'why?'", "has a question mark that is no parameter"),
        (f"{TITLE}{ADDRESS.replace('(text)', '(word)')}SELECT ${{address}}", "kind of parameter 'address' is one of"),
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
        ({"regions": ["x?"]}, "regions stand in quotes"),
    ],
)
def test_a_query_is_not_rendered_for_what_would_change_its_meaning(change: dict[str, Any], message: str) -> None:
    where: dict[str, Any] = {"table": "t", "accounts": ["1"], "regions": ["r"]}
    with pytest.raises(InvalidProps, match=message):
        saved_query("root_use").render(**where | change)


def test_a_rendered_text_names_the_parameter_of_each_question_mark_in_its_comments() -> None:
    sql = f"{SQL} AND a = ${{address}} AND d BETWEEN ${{from}} AND ${{to}} OR b = ${{address}}"
    query = parse_query("q", f"{TITLE}{ADDRESS}{DAYS}\n{sql}")
    text = query.render(table="t", accounts=["1", "2"], regions=["r"])
    assert text == (
        "-- A title\n"
        "-- 1: address (text): an address, such as '198.51.100.7'\n"
        "-- 2: from (day): first day, such as '2026/11/01'\n"
        "-- 3: to (day): last day, such as '2026/11/07'\n"
        "-- 4: address (text): an address, such as '198.51.100.7'\n"
        "SELECT 1 FROM \"t\" WHERE account IN ('1', '2') AND region IN ('r')"
        " AND a = ? AND d BETWEEN ? AND ? OR b = ?"
    )
    values = {"to": "2026-11-07", "from": "2026-11-01", "address": "it's"}
    assert query.bind(values) == ["'it''s'", "'2026/11/01'", "'2026/11/07'", "'it''s'"]


def test_a_query_without_parameters_binds_none() -> None:
    assert parse_query("q", f"{TITLE}{SQL}").bind({}) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, r"^query 'address_calls' takes address, from, to; give address \(.*\), such as address=198.51.100.7$"),
        ({"address": "x", "from": "2026-11-01"}, "give to .* such as to=2026/11/07"),
        (
            {"adress": "x", "from": "2026-11-01", "to": "2026-11-01"},
            r"it has no parameter 'adress' \(did you mean 'address'\?\)$",
        ),
        ({"colour": "red"}, "it has no parameter 'colour'$"),
        ({"address": "x", "from": "2026-11-02", "to": "2026/11/01"}, "'from' is a day up to that of 'to'"),
        ({"address": "x", "from": "soon", "to": "2026/11/01"}, "parameter 'from' is a day in UTC, .*, got 'soon'"),
    ],
)
def test_an_unknown_missing_or_wrong_value_is_refused_in_one_sentence(values: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidProps, match=message):
        saved_query("address_calls").bind(values)


def test_an_unknown_query_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidProps, match=r"no saved query 'root_usage' \(did you mean 'root_use'\?\)"):
        saved_query("root_usage")


def test_the_queries_are_read_without_the_cdk_and_without_boto3() -> None:
    code = (
        "import sys; from raytrail.queries import saved_queries; assert len(saved_queries()) >= 25; "
        "print([name for name in ('aws_cdk', 'boto3', 'jsii', 'raytrail.audit') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_room_of_the_lake_offers_the_same_queries() -> None:
    from raytrail.audit import saved_queries as of_the_lake

    assert of_the_lake() == saved_queries()
