"""Views and parameters of the embedded Athena: what a name stands for, and which partitions a predicate reaches."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from tests.localaws.athena_kit import ACCOUNTS, REGIONS, TODAY, Engine, packed, prefix

from raytrail.localaws._athena._errors import Malformed, QueryFailed

DAY = f"{TODAY:%Y/%m/%d}"
LATEST = (
    "SELECT account, region, eventid, eventname FROM (SELECT account, region, eventid, eventname, "
    "row_number() OVER (PARTITION BY account, region, eventid) AS copy FROM cloudtrail_events) WHERE copy = 1"
)
LATEST_COLUMNS = ["account", "region", "eventid", "eventname"]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Two accounts and two Regions, with one event each that was delivered twice."""
    made = Engine(tmp_path)
    for account in ACCOUNTS:
        for region in REGIONS:
            record = {"eventID": f"{account}/{region}", "eventName": "GetObject", "eventTime": f"{TODAY}T10:00:00Z"}
            made.store.bodies[f"{prefix(account, region)}one.json.gz"] = packed(record, record)
    made.view("latest", LATEST, LATEST_COLUMNS)
    return made


def read(engine: Engine) -> set[tuple[str, str]]:
    """The accounts and Regions whose files were read."""
    return {(key.split("/")[1], key.split("/")[3]) for key in engine.store.read_keys}


def only(account: str | None = None, region: str | None = None) -> set[tuple[str, str]]:
    return {(a, r) for a in ACCOUNTS for r in REGIONS if account in (None, a) and region in (None, r)}


class TestWhatAViewStandsFor:
    def test_a_view_answers_what_its_statement_answers(self, engine: Engine) -> None:
        assert engine.ask("SELECT * FROM latest ORDER BY 1, 2") == engine.ask(f"{LATEST} ORDER BY 1, 2")

    def test_a_view_may_stand_on_a_view(self, engine: Engine) -> None:
        engine.view("names", "SELECT DISTINCT eventname FROM latest WHERE region = 'eu-west-1'", ["eventname"])
        assert engine.ask("SELECT n.eventname FROM names AS n") == [["GetObject"]]
        assert read(engine) == only(region="eu-west-1")

    def test_a_with_clause_of_that_name_goes_before_the_view_and_not_into_it(self, engine: Engine) -> None:
        assert engine.ask("WITH latest AS (SELECT 1 AS n) SELECT n FROM latest") == [["1"]]
        sql = "WITH cloudtrail_events AS (SELECT 1 AS n) SELECT count(*) FROM latest, cloudtrail_events"
        assert engine.ask(sql) == [["4"]]

    def test_names_in_a_view_are_looked_up_in_its_own_database(self, engine: Engine) -> None:
        engine.view("elsewhere", "SELECT eventid FROM cloudtrail_events", ["eventid"], schema="other")
        with pytest.raises(QueryFailed, match=r"INVALID_VIEW: .* Table 'awsdatacatalog.other.cloudtrail_events'"):
            engine.ask("SELECT * FROM elsewhere")

    def test_a_view_of_itself_is_refused(self, engine: Engine) -> None:
        engine.view("a", "SELECT x FROM b", ["x"])
        engine.view("b", "SELECT x FROM a", ["x"])
        with pytest.raises(QueryFailed, match=r"^VIEW_IS_RECURSIVE: .*View 'awsdatacatalog.lake.a' is recursive"):
            engine.ask("SELECT x FROM a")

    @pytest.mark.parametrize(
        ("sql", "columns", "code"),
        [
            ("SELECT eventid, region FROM cloudtrail_events", ["eventid"], "VIEW_IS_STALE: line 1:15: View "),
            ("SELECT eventid FROM cloudtrail_events", ["id"], "VIEW_IS_STALE"),
            (
                "SELECT eventid FROM cloudtrail_events QUALIFY 1 = 1",
                ["eventid"],
                "INVALID_VIEW: line 1:15: Failed parsing",
            ),
            (
                "SELECT strptime(eventid) AS x FROM cloudtrail_events",
                ["x"],
                "INVALID_VIEW: .*'strptime' not registered",
            ),
        ],
    )
    def test_a_view_that_athena_would_not_run_is_refused(
        self, engine: Engine, sql: str, columns: list[str], code: str
    ) -> None:
        engine.view("v", sql, columns)
        with pytest.raises(QueryFailed, match=f"^{code}"):
            engine.ask("SELECT 1 FROM v")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("SELECT 1", "is a view of another engine than Athena's"),
            ("/* Presto View: e30= */", "Invalid view JSON of awsdatacatalog.lake.v: no "),
            (f"/* Presto View: {base64.b64encode(b'text').decode()} */", "Invalid view JSON"),
        ],
    )
    def test_a_text_that_is_no_view_of_athena_is_refused(self, engine: Engine, text: str, said: str) -> None:
        engine.view_of_text("v", text)
        with pytest.raises(QueryFailed, match=said):
            engine.ask("SELECT 1 FROM v")


class TestHowFarAPredicateReaches:
    """As Trino's PredicatePushDown: through windows and groupings by the columns that these are partitioned by."""

    @pytest.mark.parametrize(
        ("sql", "reads"),
        [
            ("SELECT count(*) FROM latest WHERE account = '111122223333'", only(ACCOUNTS[0])),
            ("SELECT count(*) FROM latest l WHERE l.region = 'eu-west-1' AND eventname <> ''", only(None, "eu-west-1")),
            ("SELECT count(*) FROM (SELECT * FROM latest) x WHERE x.account = '111122223333'", only(ACCOUNTS[0])),
            (
                "WITH x AS (SELECT * FROM latest) SELECT count(*) FROM x WHERE account = '111122223333'",
                only(ACCOUNTS[0]),
            ),
            (
                "SELECT count(*) FROM (VALUES 1) AS one (n) JOIN latest l ON true WHERE l.account = '111122223333'",
                only(ACCOUNTS[0]),
            ),
            # Not the keys of the window.
            ("SELECT count(*) FROM latest WHERE eventname = 'GetObject'", only()),
            # One condition on two things at once.
            ("SELECT count(*) FROM latest WHERE account = '111122223333' OR eventname = 'x'", only()),
            # The side that may be missing: its rows decide what the other side is joined to.
            (
                "SELECT count(*) FROM (VALUES 1) AS one (n) LEFT JOIN latest l ON true WHERE l.account IS NULL",
                only(),
            ),
            # A window over everything ranks all accounts together.
            (
                "SELECT n FROM (SELECT account, row_number() OVER (ORDER BY account) AS n FROM cloudtrail_events) "
                "WHERE account = '444455556666'",
                only(),
            ),
            # Of two windows, both must be partitioned by it.
            (
                "SELECT 1 FROM (SELECT account, row_number() OVER (PARTITION BY account) AS a, "
                "row_number() OVER (PARTITION BY region) AS r FROM cloudtrail_events) WHERE account = '444455556666'",
                only(),
            ),
            (
                "SELECT n FROM (SELECT account, count(*) AS n FROM cloudtrail_events GROUP BY account) "
                "WHERE account = '444455556666'",
                only(ACCOUNTS[1]),
            ),
            ("SELECT n FROM (SELECT account, count(*) AS n FROM cloudtrail_events GROUP BY 1) WHERE n > 1", only()),
            (
                "SELECT account FROM (SELECT account, count(*) FROM cloudtrail_events GROUP BY 1 ORDER BY 1 LIMIT 1) "
                "WHERE account = '444455556666'",
                only(),
            ),
        ],
    )
    def test_only_the_partitions_that_can_matter_are_read(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch, sql: str, reads: Any
    ) -> None:
        pruned = engine.ask(sql)
        assert read(engine) == reads
        # Without any pruning the answer is the same.
        monkeypatch.setattr("raytrail.localaws._athena._plan._names_only", lambda *_: False)
        assert engine.ask(sql) == pruned
        assert read(engine) == only()


class TestParameters:
    def test_they_are_counted_in_the_order_of_the_text(self, engine: Engine) -> None:
        sql = (
            "WITH a AS (SELECT eventid FROM cloudtrail_events WHERE account = ?) "
            "SELECT ? AS x, count(*) FROM a WHERE 'z' = ?"
        )
        assert engine.ask(sql, parameters=["'444455556666'", "'second'", "'z'"]) == [["second", "4"]]
        assert read(engine) == only(ACCOUNTS[1])

    @pytest.mark.parametrize(
        ("parameter", "value"),
        [
            ("'it''s ? \" -- no; comment'", "it's ? \" -- no; comment"),
            ("'`'", "`"),
            ("-5", "-5"),
            ("CAST('2026-11-01' AS DATE)", "2026-11-01"),
            ("DATE '2026-11-01'", "2026-11-01"),
            ("NULL", None),
        ],
    )
    def test_a_parameter_is_a_constant(self, engine: Engine, parameter: str, value: str | None) -> None:
        assert engine.ask("SELECT ?", parameters=[parameter]) == [[value]]

    @pytest.mark.parametrize(
        "parameter",
        ["us-east-1", "text", '"eventname"', "(SELECT 1)", "'a'; SELECT 1", "", "'open", "*", "1, 2", "'a' FROM t"],
    )
    def test_what_is_no_constant_is_refused(self, engine: Engine, parameter: str) -> None:
        with pytest.raises(Malformed, match=r"^Invalid execution parameter"):
            engine.ask("SELECT ?", parameters=[parameter])

    def test_a_parameter_cannot_reach_out_of_its_place(self, engine: Engine) -> None:
        with pytest.raises(QueryFailed, match="TYPE_MISMATCH"):
            engine.ask("SELECT eventid FROM cloudtrail_events WHERE region = ?", parameters=["'x' OR true"])

    @pytest.mark.parametrize("given", [[], ["1", "2"]])
    def test_as_many_are_given_as_there_are_places(self, engine: Engine, given: list[str]) -> None:
        with pytest.raises(Malformed, match=f"Incorrect number of parameters: expected 1 but found {len(given)}"):
            engine.ask("SELECT ? AS q, 'what?' AS text -- ?", parameters=given)
