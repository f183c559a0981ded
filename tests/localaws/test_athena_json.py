"""SQL/JSON paths and addresses: what Trino's documentation says of them, and what a plain reading of it gives."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._grammar import parse
from raytrail.localaws._athena._translate import PRELUDE, to_duckdb

NAMES = ("a", "b", "c-d")

# The table of https://trino.io/docs/current/functions/json.html#json-query
CUSTOMERS = {
    101: '{"comment" : "nice", "children" : [10, 13, 16]}',
    102: '{"comment" : "problematic", "children" : [8, 11]}',
    103: '{"comment" : "knows best", "children" : [2]}',
}


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute(PRELUDE)
        yield connection


def ask(engine: duckdb.DuckDBPyConnection, expression: str, value: str | None = None) -> Any:
    sql = to_duckdb(parse(f"SELECT {expression} FROM (SELECT ? AS j)", ["NULL" if value is None else _literal(value)]))
    row = engine.execute(sql).fetchone()
    assert row is not None
    return row[0]


def query(engine: duckdb.DuckDBPyConnection, value: str | None, path: str) -> Any:
    found = ask(engine, f"json_query(j, {_literal(path)} WITH ARRAY WRAPPER)", value)
    return None if found is None else json.loads(found)


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "found"),
        [
            ("lax $.children[*]", {101: [10, 13, 16], 102: [8, 11], 103: [2]}),
            ("lax $.children", {101: [[10, 13, 16]], 102: [[8, 11]], 103: [[2]]}),
            ("lax $.comment", {101: ["nice"], 102: ["problematic"], 103: ["knows best"]}),
            ("lax $.nothing", {101: None, 102: None, 103: None}),
        ],
    )
    def test_the_documented_customers_are_asked_as_documented(
        self, engine: duckdb.DuckDBPyConnection, path: str, found: dict[int, Any]
    ) -> None:
        assert {id: query(engine, text, path) for id, text in CUSTOMERS.items()} == found

    @pytest.mark.parametrize(
        ("value", "path", "found"),
        [
            # "In lax mode, the second object is silently skipped"
            (
                '[{"customer": 100, "region": "AFRICA"}, {"region": "ASIA"}, {"customer": 300, "comment": null}]',
                "lax $.customer",
                [100, 300],
            ),
            # "<path>[*] --> 1, "a", null, {"key1" : 1.0, "key2" : true}, -2e3"
            ('[[1, "a", null], {"k": 1, "l": true}, -2]', "lax $[*][*]", [1, "a", None, {"k": 1, "l": True}, -2]),
            ('{"a": null}', "lax $.a", [None]),
            ('{"a": []}', "lax $.a[*]", None),
            ('{"A": 1}', "lax $.a", None),
            ('{"a.b": {"c d": 5}}', 'lax $."a.b"."c d"', [5]),
            ("no JSON", "lax $.a", None),
            (None, "lax $.a", None),
        ],
    )
    def test_the_lax_mode_goes_through_arrays_and_leaves_out_what_is_missing(
        self, engine: duckdb.DuckDBPyConnection, value: str | None, path: str, found: Any
    ) -> None:
        assert query(engine, value, path) == found

    @settings(max_examples=150, deadline=None)
    @given(data=st.data())
    def test_a_path_finds_what_a_walk_through_the_value_finds(
        self, engine: duckdb.DuckDBPyConnection, data: st.DataObject
    ) -> None:
        leaves = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "q\"'\\", "ü"])
        nested = st.recursive(
            leaves,
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=3)
            ),
            max_leaves=12,
        )
        value = data.draw(st.dictionaries(st.sampled_from(NAMES), nested, min_size=1))
        steps = data.draw(st.lists(st.sampled_from([*NAMES, None]), min_size=1, max_size=4))
        path = "lax $" + "".join("[*]" if step is None else f'."{step}"' for step in steps)
        assert query(engine, json.dumps(value), path) == (_walk([value], steps) or None)

    def test_the_elements_are_values_of_json_for_a_condition(self, engine: duckdb.DuckDBPyConnection) -> None:
        array = "CAST(json_parse(json_query(j, 'lax $.a[*]' WITH ARRAY WRAPPER)) AS array(json))"
        value = '{"a": [1, "x", true, null, {"b": 1}, [2]]}'
        texts = f"array_join(transform({array}, v -> json_extract_scalar(v, '$')), ',', '-')"
        assert ask(engine, texts, value) == "1,x,true,-,-,-"
        assert ask(engine, f"array_join(transform({array}, v -> json_format(v)), ' ')", value) == (
            '1 "x" true null {"b":1} [2]'
        )
        assert ask(engine, f"any_match({array}, v -> json_extract_scalar(v, '$') = 'x')", "{}") is None

    @pytest.mark.parametrize(
        "call",
        [
            "json_query(j, 'lax $.a')",
            "json_query(j, 'lax $.a' WITH CONDITIONAL WRAPPER)",
            "json_query(j, 'strict $.a' WITH ARRAY WRAPPER)",
            "json_query(j, 'lax $.a[last]' WITH ARRAY WRAPPER)",
            "json_query(j, 'lax $.a.size()' WITH ARRAY WRAPPER)",
            "json_query(j, 'lax $.a?(@ > 1)' WITH ARRAY WRAPPER)",
            "json_query(j, 'lax $..a' WITH ARRAY WRAPPER)",
            "json_query(j, '$.a' WITH ARRAY WRAPPER)",
        ],
    )
    def test_what_is_not_emulated_says_so(self, engine: duckdb.DuckDBPyConnection, call: str) -> None:
        with pytest.raises(QueryFailed, match="NOT_SUPPORTED"):
            ask(engine, call, "{}")


class TestAddresses:
    @settings(max_examples=150, deadline=None)
    @given(
        address=st.ip_addresses(v=4) | st.ip_addresses(v=6),
        network=st.one_of(
            st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), st.tuples(st.ip_addresses(v=6), st.integers(0, 128))
        ),
        near=st.booleans(),
        compressed=st.booleans(),
    )
    def test_an_address_is_inside_of_a_network_where_python_says_so(
        self, engine: duckdb.DuckDBPyConnection, address: Any, network: Any, near: bool, compressed: bool
    ) -> None:
        found = ipaddress.ip_network(f"{network[0]}/{network[1]}", strict=False)
        if near:
            address = found.broadcast_address
        # Trino takes an IPv6 address that maps an IPv4 one for the IPv4 one.
        assume(getattr(address, "ipv4_mapped", None) is None)
        text = str(address) if compressed else address.exploded
        inside = f"contains({_literal(str(found))}, TRY_CAST(j AS ipaddress))"
        assert ask(engine, inside, text) is (address in found)

    @pytest.mark.parametrize(
        "text",
        ["cloudtrail.amazonaws.com", "AWS Internal", "10.0.0.256", "10.0.0", "1::2::3", "1:2:3:4:5:6:7", "g::", ""],
    )
    def test_what_is_no_address_is_in_no_network_and_fails_no_query(
        self, engine: duckdb.DuckDBPyConnection, text: str
    ) -> None:
        assert ask(engine, "contains('0.0.0.0/0', TRY_CAST(j AS ipaddress))", text) is None

    def test_the_addresses_of_the_documentation_are_told_apart(self, engine: duckdb.DuckDBPyConnection) -> None:
        network = "contains('2001:0db8:0:0:0:ff00:0042:8329/128', TRY_CAST(j AS ipaddress))"
        assert ask(engine, network, "2001:0db8:0:0:0:ff00:0042:8329") is True
        assert ask(engine, network, "2001:0db8:0:0:0:ff00:0042:8328") is False

    @pytest.mark.parametrize(
        ("expression", "code"),
        [
            ("contains('10.0.0.0/99', TRY_CAST(j AS ipaddress))", "INVALID_FUNCTION_ARGUMENT"),
            ("contains(j, TRY_CAST(j AS ipaddress))", "INVALID_FUNCTION_ARGUMENT"),
            ("contains('10.0.0.0/8', CAST(j AS ipaddress))", "NOT_SUPPORTED"),
        ],
    )
    def test_what_is_not_emulated_says_so(self, engine: duckdb.DuckDBPyConnection, expression: str, code: str) -> None:
        with pytest.raises(QueryFailed, match=code):
            ask(engine, expression, "10.0.0.1")


def _walk(items: list[Any], steps: list[str | None]) -> list[Any]:
    for step in steps:
        flat = [inner for item in items for inner in (item if isinstance(item, list) else [item])]
        items = flat if step is None else [item[step] for item in flat if isinstance(item, dict) and step in item]
    return items


def _literal(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
