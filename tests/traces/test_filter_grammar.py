"""The text of filters: what AWS prints, what people write, and what is refused, where, and in which words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traces.expressions_kit import filters

from raytrail.errors import InvalidFilter, InvalidProps
from raytrail.traces import as_filter, duration, element, fault, parse_filter, response_time, service
from raytrail.traces._filter_keywords import KEYWORDS, OPERATORS

EXPRESSIONS = Path(__file__).parent / "expressions"
PRINTED: dict[str, Any] = json.loads((EXPRESSIONS / "printed.json").read_text())
PUBLIC: dict[str, Any] = json.loads((EXPRESSIONS / "public.json").read_text())


# What AWS prints, and what people write


@pytest.mark.parametrize(
    "expression", sorted({expression for page in PRINTED["pages"].values() for expression in page})
)
def test_an_expression_that_aws_prints_is_read(expression: str) -> None:
    filter = parse_filter(expression)
    assert parse_filter(str(filter)) == filter
    assert not filter.uses_parentheses


@pytest.mark.parametrize("misprint", PRINTED["misprints"])
def test_a_misprint_of_aws_is_refused_at_its_place_and_read_as_it_was_meant(misprint: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filter(misprint["printed"])
    assert refusal.value.column == misprint["column"]
    filter = parse_filter(misprint["meant"])
    assert parse_filter(str(filter)) == filter


def test_the_keywords_and_operators_are_those_that_aws_lists() -> None:
    listed = PRINTED["keywords"]
    assert {name: keyword.kind for name, keyword in KEYWORDS.items()} == {
        name: kind for kind in ("boolean", "number", "string") for name in listed[kind]
    }
    for kind, operators in listed["operators"].items():
        assert OPERATORS[kind] == tuple(operators)


@pytest.mark.parametrize("public", PUBLIC["read"])
def test_an_expression_that_people_use_is_read(public: dict[str, str]) -> None:
    filter = parse_filter(public["expression"])
    assert parse_filter(str(filter)) == filter


@pytest.mark.parametrize("public", PUBLIC["refused"])
def test_an_expression_of_people_that_cannot_work_is_refused_with_the_fix(public: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filter(public["expression"])
    assert refusal.value.column == public["column"]
    assert public["says"] in str(refusal.value)


# Ways of writing


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("FAULT", "fault"),
        ("fault = TRUE", "fault"),
        ("fault = false", "!fault"),
        ("fault != true", "!fault"),
        ("fault != false", "fault"),
        ("ResponseTime>5", "responsetime > 5"),
        ("duration > +5", "duration > 5"),
        ("duration > .5", "duration > 0.5"),
        ("duration > 5e-1", "duration > 0.5"),
        ("ok error fault", "ok AND error AND fault"),
        ("ok error AND fault", "ok AND error AND fault"),
        ("((ok or error)) Or fault", "ok OR error OR fault"),
        ("(ok and error) fault", "ok AND error AND fault"),
        ("(fault)", "fault"),
        ('http.url contains "x"', 'http.url CONTAINS "x"'),
        ('service( "a" ){fault}', 'service("a") { fault }'),
        ('service(id(type:"t",name:"a"))', 'service(id(name: "a", type: "t"))'),
        ("annotation [ age ]", "annotation[age]"),
        ("ANNOTATION.Age", "annotation[Age]"),
        ("fault\n  AND\tok", "fault AND ok"),
        ('service() { name contains "AND" }', 'service() { name CONTAINS "AND" }'),
        ('user = "(fault OR ok) AND {"', 'user = "(fault OR ok) AND {"'),
    ],
)
def test_ways_of_writing_come_out_as_one(text: str, canonical: str) -> None:
    assert str(parse_filter(text)) == canonical


@given(filters, st.sampled_from([str.upper, str.title]))
def test_upper_and_lower_case_of_words_make_no_difference(filter: Any, change: Any) -> None:
    words = (
        *KEYWORDS,
        "service",
        "edge",
        "annotation",
        "and",
        "or",
        "contains",
        "id",
        "type",
        "account.id",
        "group.name",
    )
    pieces = str(filter).split(" ")
    assert parse_filter(" ".join(change(each) if each.lower() in words else each for each in pieces)) == filter


# Refusals


REFUSED: list[tuple[str, int, str, str]] = [
    ("", 1, "a filter expression is empty", ""),
    ("  \n", 1, "a filter expression is empty", ""),
    ("resposetime > 5", 1, "did you mean responsetime?", "a keyword"),
    ("response_time > 5", 1, "did you mean responsetime?", "a keyword"),
    ("httpstatus = 200", 1, "did you mean http.status?", "a keyword"),
    ("fault AND faults", 11, "did you mean fault?", "a keyword"),
    ("qqq", 1, "its keywords are at https://docs.aws.amazon.com/", "a keyword"),
    ("NOT fault", 1, "X-Ray negates with !, as in !fault", "a keyword"),
    ('user LIKE "x"', 6, "X-Ray searches with CONTAINS", "a keyword"),
    ('responsetime > "5"', 16, 'responsetime > compares with a number, got "5"; write 5 without quotes', "a number"),
    ("responsetime > 5s", 16, "5s is no number; times are in seconds", ""),
    ("responsetime > fault", 16, "fault is no value", ""),
    ("duration == 5", 10, "duration is a number and has no ==; it has = != < <= > >=; write =", ""),
    ('duration CONTAINS "5"', 10, "duration is a number and has no CONTAINS", "= or !="),
    ('http.url > "x"', 10, "http.url is a string and has no >", "CONTAINS"),
    ("http.url CONTAINS 5", 19, 'http.url CONTAINS compares with a string, got 5; write "5"', "a string in double"),
    ("user = alice", 8, 'a string stands in double quotes: "alice"', "a string in double quotes"),
    ("user = 'alice'", 8, "a string stands in double quotes", "a string in double quotes"),
    ("user = \u201calice\u201d", 8, "a string stands in double quotes", "a string in double quotes"),
    ('user = "alice', 8, "no closing double quote", ""),
    ('user = "a\\"b"', 8, "AWS documents no escapes", ""),
    ("fault > 1", 7, "fault is a boolean and has no >; it has = !=", "= or !="),
    ('fault = "true"', 9, "write true without quotes", "true or false"),
    ("fault = 1", 9, "fault = compares with true or false, got 1", "true or false"),
    ("http.status", 1, "http.status is a number: compare it", ""),
    ("fault && error", 7, "X-Ray has no &&; write AND", ""),
    ("fault || error", 7, "X-Ray has no ||; write OR", ""),
    ("fault AND", 10, "the expression ends too early; expected a keyword", "a keyword"),
    ("fault AND OR error", 11, "no keyword OR; it stands between two conditions", "a keyword"),
    ("fault)", 6, ") cannot stand here; expected AND, OR or the end", "the end"),
    ("(fault", 7, "the expression ends too early; expected )", ")"),
    ("()", 2, ") cannot stand here; expected a keyword", "a keyword"),
    ("duration >", 11, "the expression ends too early; expected a string in double quotes, a number", "a number"),
    ('service("a") { fault', 21, "the expression ends too early; expected }", "}"),
    ('service("a") { }', 16, "} cannot stand here; expected a keyword", "a keyword"),
    ("service", 8, "expected ( or {", "( or {"),
    ('service("a", "b")', 12, ", cannot stand here; expected )", ")"),
    ('edge("a") { fault }', 9, ") cannot stand here; expected ,", ","),
    ("edge", 5, "expected ( or {", "( or {"),
    ("edge()", 6, ") cannot stand here", "a string in double quotes or id("),
    ("service(id())", 12, ") cannot stand here", "name:, type: or account.id:"),
    ('service(id(nam: "a"))', 12, "id() has no nam; it has name, type and account.id", "name:"),
    ('service(id(name: "a", name: "b"))', 23, "id() has name twice", "name:"),
    ('service { service("a") }', 11, "service has no meaning in service() { }; it stands outside braces", ""),
    ('service { group.name = "x" }', 11, "group.name has no meaning in service() { }", ""),
    ("service { fault AND last }", 21, "last has no meaning in service() { }; it stands in rootcause", ""),
    ("last", 1, "last has no meaning outside braces", ""),
    ("edge { inferred }", 8, "inferred has no meaning in edge() { }; it stands outside braces", ""),
    ("source.annotation[a]", 1, "source.annotation[a] has no meaning outside braces; it stands in edge", ""),
    ("fault { ok }", 1, "fault has no braces; service, edge and rootcause.… have", ""),
    ("annotation", 1, "it needs a key in brackets, as in annotation[age]", ""),
    ("annotation.a.b", 1, "write annotation[a.b]", ""),
    ('annotation["age"] > 5', 1, "write it without quotes", ""),
    ("annotation[a-b]", 1, "letters, digits, underscores and dots, got 'a-b'", ""),
    ('annotation[age] > "5"', 19, 'annotation[age] > compares with a number, got "5"', ""),
    ("rootcause.fault.service", 1, "rootcause.fault.service needs a filter in braces", "{"),
    ("rootcause.error.service { last }", 1, "did you mean rootcause.fault.service?", ""),
    ("rootcause.responsetime.exception { last }", 1, "did you mean rootcause.responsetime.", ""),
    ("rootcause.fault.entity { coverage > 1 }", 26, "coverage has no meaning in rootcause.fault.entity", ""),
    ("group.name", 1, "group.name is compared by = or !=", "= or !="),
    ("group.name = slow", 14, 'group.name is compared with a string, got slow; write "slow"', ""),
    ('group.name CONTAINS "x"', 12, "has no CONTAINS; it has = !=", ""),
    ('rootcause.json = "x"', 18, "compared with a root cause, as in #[{…}]", "#["),
    (
        'rootcause.json = #[{"Nonsense": 1}]',
        18,
        "a root cause has the fields Services, ClientImpacting, got Nonsense",
        "",
    ),
    ("rootcause.json = #[{]", 21, "] cannot stand here", "}"),
    ("duration = #[{}]", 12, "#[…] is a root cause", ""),
    ("!http.status = 200", 1, "write http.status != 200", ""),
    ("!duration > 5", 1, "! stands before a keyword without a comparison; write duration <= 5", ""),
    ("!(fault OR error)", 1, "! stands before one keyword, not before parentheses; write !fault AND !error", ""),
    ("!rootcause.fault.service { last }", 1, "AWS shows ! before a service", ""),
    ("!!fault", 2, "! cannot stand here", "a keyword"),
    ("%", 1, "% cannot stand here; expected a keyword", "a keyword"),
    ("fault\nAND\n  qqq", 13, "no keyword qqq", "a keyword"),
]


@pytest.mark.parametrize(("text", "column", "says", "expected"), REFUSED)
def test_what_is_wrong_is_said_with_its_place_and_what_is_expected(
    text: str, column: int, says: str, expected: str
) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filter(text)
    assert (refusal.value.column, says in str(refusal.value)) == (column, True), refusal.value
    assert expected in refusal.value.expected


def test_the_message_shows_the_line_and_points_at_the_place() -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filter("fault AND\n  resposetime > 5")
    first, line, pointer = str(refusal.value).split("\n")
    assert first.endswith("did you mean responsetime? (column 13)")
    assert line == "    resposetime > 5"
    assert line[pointer.index("^") :].startswith("resposetime")


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("fault AND error OR ok", ["(fault AND error) OR ok", "fault AND (error OR ok)"]),
        ("fault OR error ok", ["fault OR (error AND ok)", "(fault OR error) AND ok"]),
        (
            "ok AND fault OR error AND partial",
            ["(ok AND fault) OR (error AND partial)", "ok AND (fault OR error) AND partial"],
        ),
    ],
)
def test_and_beside_or_is_refused_with_both_readings(text: str, readings: list[str]) -> None:
    with pytest.raises(InvalidFilter, match="AWS does not say which binds tighter") as refusal:
        parse_filter(text)
    for reading in readings:
        assert reading in str(refusal.value)
        assert str(parse_filter(reading)) == reading
    assert refusal.value.expected in ("AND", "OR")


def test_and_beside_or_is_refused_in_braces_too() -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filter('service("a") { fault OR error AND ok }')
    assert refusal.value.column == 31


@pytest.mark.parametrize(
    "text", ["(" * 3000 + "fault" + ")" * 3000, "#" * 9, "rootcause.json = #[" + '{"Services":[' * 3000]
)
def test_depth_and_junk_are_refused_in_order(text: str) -> None:
    with pytest.raises(InvalidFilter):
        parse_filter(text)


@given(st.text(st.sampled_from('fault()[]{}!=<>"AND OR service annotation.,:#0 5x\n'), max_size=40))
def test_whatever_is_given_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    try:
        filter = parse_filter(text)
    except InvalidFilter as error:
        refusal = error
    else:
        assert parse_filter(str(filter)) == filter
        return
    assert 1 <= refusal.column <= len(text) + 1
    assert str(refusal).splitlines()[0]
    assert not any(terminal in str(refusal) for terminal in ("LPAR", "RBRACE", "$END", "JSON_", "Token("))


@given(filters, st.data())
def test_an_expression_that_lost_a_character_never_breaks_the_parser(filter: Any, data: st.DataObject) -> None:
    text = str(filter)
    place = data.draw(st.integers(0, len(text) - 1))
    try:
        read = parse_filter(text[:place] + text[place + 1 :])
    except InvalidFilter:
        return
    assert parse_filter(str(read)) == read


# What a prop takes


def test_a_prop_takes_a_text_or_a_filter() -> None:
    assert as_filter("fault") == as_filter(fault) == fault


def test_a_prop_refuses_what_may_not_stand_alone() -> None:
    with pytest.raises(InvalidFilter):
        as_filter("fault AND")
    with pytest.raises(InvalidProps, match="last has no meaning outside braces"):
        as_filter(element.last)
    with pytest.raises(InvalidProps, match="made by the builder"):
        as_filter(response_time)  # type: ignore[arg-type]  # it is the misuse


def test_lark_is_imported_by_the_first_expression_that_is_read_and_not_before() -> None:
    script = (
        "import sys, raytrail.traces as t; "
        "str(t.service('a').fault & (t.response_time > 5)); assert 'lark' not in sys.modules; "
        "t.parse_filter('fault'); assert 'lark' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_built_filter_is_what_is_read() -> None:
    assert parse_filter("duration < 3") == (duration < 3)
    assert parse_filter('service("a") { fault }') == service("a").fault
