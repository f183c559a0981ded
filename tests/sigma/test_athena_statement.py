"""Whole statements: one scan for many rules, windows of time as parameters, and what Athena takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from tests.localaws.athena_kit import ACCOUNTS, REGIONS, Engine, packed
from tests.sigma.athena_kit import START, Record, answers, at, compiled, correlated, record
from tests.trino_grammar import grammar_errors

from raytrail.errors import InvalidProps
from raytrail.localaws.athena import FILE, LINE
from raytrail.queries import EVENTS
from raytrail.sigma import Call, CompiledRule
from raytrail.sigma._statement import MAX_STATEMENT_BYTES, Statement, statements

CREATED = compiled("created", "eventname = 'CreateUser'", calls=(Call("iam.amazonaws.com", "CreateUser"),))
DENIED = compiled("denied", "errorcode = 'AccessDenied'")
ROOT = compiled("root", "useridentity.type = 'Root'", calls=(Call("*", "*"),))
MANY = correlated("event_count", "created", seconds=600, count=3)
ALL = [CREATED, DENIED, ROOT, MANY]


def made(rules: list[CompiledRule], *, window: bool = False) -> tuple[Statement, ...]:
    return statements(rules, table=EVENTS.name, accounts=None, regions=None, window=window, carry=[FILE, LINE])


class TestSingleEvents:
    def test_there_is_a_row_for_each_rule_and_event(self) -> None:
        (statement,) = made([CREATED, DENIED, ROOT])
        events = [record(eventID="1", errorCode="AccessDenied"), record(eventName="GetUser"), record(eventID="3")]
        rows = answers(statement, events)
        assert {(row["rule"], row["eventid"]) for row in rows} == {("created", "1"), ("denied", "1"), ("created", "3")}
        assert statement.rules == ("created", "denied", "root")

    def test_a_row_says_what_an_alert_needs(self) -> None:
        (statement,) = made([CREATED])
        (row,) = answers(statement, [record(eventID="1", errorCode="EntityAlreadyExists")])
        assert row == {
            "rule": "created",
            "eventid": "1",
            "eventtime": "2026-11-22T10:30:00Z",
            "account": "111122223333",
            "region": "us-east-1",
            "actor": "arn:aws:iam::111122223333:user/ana",
            "eventsource": "iam.amazonaws.com",
            "eventname": "CreateUser",
            "sourceipaddress": "10.1.2.3",
            "errorcode": "EntityAlreadyExists",
            FILE: "records.ndjson",
            LINE: "1",
        }

    def test_copies_of_an_event_are_one_row_and_events_without_an_id_are_each_one(self) -> None:
        (statement,) = made([CREATED])
        rows = answers(statement, [record(eventID="1"), record(eventID="1"), record(), record()])
        assert [row["eventid"] for row in rows].count("1") == 1
        assert [row[LINE] for row in rows][1:] == ["3", "4"]

    def test_a_record_without_a_time_is_not_lost(self) -> None:
        (statement,) = made([CREATED])
        assert len(answers(statement, [record(eventTime=None), record(eventTime="yesterday")])) == 2

    @pytest.mark.parametrize("name", ["createuser", "Create*", "*"])
    def test_what_a_rule_says_of_its_calls_never_hides_an_event(self, name: str) -> None:
        loose = compiled("loose", "lower(eventname) = 'createuser'", calls=(Call("iam.amazonaws.com", name),))
        (statement,) = made([DENIED, loose])
        assert [row["rule"] for row in answers(statement, [record(), record(eventName="GetUser")])] == ["loose"]

    def test_rules_that_have_no_rows_of_their_own_are_not_asked(self) -> None:
        part = compiled("part", "eventname = 'X'", own=False)
        refused = compiled("refused", None, athena_reason="it has keywords")
        assert made([part, refused]) == ()

    def test_many_rules_are_asked_in_few_statements_that_fit(self) -> None:
        rules = [compiled(f"rule_{number}", f"useragent = '{'x' * 1000}{number}'") for number in range(220)]
        found = made(rules)
        assert len(found) < 10
        assert [name for each in found for name in each.rules] == [rule.name for rule in rules]
        assert all(len(each.sql.encode()) <= MAX_STATEMENT_BYTES and len(each.rules) <= 100 for each in found)

    def test_a_rule_that_is_longer_than_a_statement_is_refused(self) -> None:
        with pytest.raises(InvalidProps, match=r"statement for long is \d+ bytes long; Athena takes 262144"):
            made([compiled("long", f"useragent = '{'x' * MAX_STATEMENT_BYTES}'")])


class TestWindow:
    @pytest.mark.parametrize("statement", made(ALL, window=True), ids=["single", "correlation"])
    def test_there_is_a_parameter_for_each_question_mark(self, statement: Statement) -> None:
        assert len(statement.bind(START, START + timedelta(hours=1))) == statement.sql.count("?")

    def test_events_from_the_start_on_and_before_the_end_are_asked_about(self) -> None:
        (statement,) = made([CREATED], window=True)
        events = [at(second, eventID=str(second)) for second in (-1, 0, 3599, 3600)]
        rows = answers(statement, events, statement.bind(START, START + timedelta(hours=1)))
        assert [row["eventid"] for row in rows] == ["0", "3599"]

    @pytest.mark.parametrize("seconds", [600, 1200])
    def test_windows_side_by_side_find_each_sequence_once(self, seconds: int) -> None:
        _, statement = made([CREATED, MANY], window=True)
        times = [0, 300, 600, 601, 1200, 1210, 2500, 2900, 3100, 3101, 5000, 5300, 5600]
        events = [at(time, eventID=str(time)) for time in times]
        whole = answers(statement, events, statement.bind(START - timedelta(days=1), START + timedelta(days=1)))
        found = []
        for place in range(0, 7200, seconds):
            first = START + timedelta(seconds=place)
            found += answers(statement, events, statement.bind(first, first + timedelta(seconds=seconds)))
        assert [row["eventid"] for row in found] == [row["eventid"] for row in whole] == ["600", "3100", "5600"]

    def test_the_moments_are_in_utc_and_the_days_those_of_the_files(self) -> None:
        single, correlation = made([CREATED, MANY], window=True)
        berlin = timezone(timedelta(hours=1))
        start, end = datetime(2026, 11, 22, 1, 5, tzinfo=berlin), datetime(2026, 11, 23, 0, 30, tzinfo=berlin)
        moments = ["'2026-11-22T00:05:00Z'", "'2026-11-22T23:30:00Z'"]
        # A file that is delivered within the hour after the end lies under the next day.
        assert single.bind(start, end) == ["'2026/11/22'", "'2026/11/23'", *moments]
        # Two timespans before the start matter to sequences that end after it.
        before = ["'2026/11/21'", "'2026/11/23'", "'2026-11-21T23:45:00Z'", "'2026-11-22T23:30:00Z'"]
        assert correlation.bind(start, end) == [*before, *moments]

    def test_a_window_has_an_offset_and_an_end_after_its_start(self) -> None:
        (statement,) = made([CREATED], window=True)
        with pytest.raises(InvalidProps, match="start of a window has an offset"):
            statement.bind(datetime(2026, 1, 1), START)
        with pytest.raises(InvalidProps, match="ends after it starts"):
            statement.bind(START, START)

    def test_a_statement_without_a_window_takes_no_parameters(self) -> None:
        (statement,) = made([CREATED])
        assert "?" not in statement.sql
        assert statement.bind(START, START + timedelta(hours=1)) == []


class TestCorrelations:
    def test_the_rules_of_a_correlation_may_be_elsewhere(self) -> None:
        (found,) = statements([MANY], table="t", accounts=None, regions=None, among=[CREATED])
        assert found.rules == ("correlated",)

    def test_a_correlation_without_its_rule_is_refused(self) -> None:
        with pytest.raises(InvalidProps, match="needs the rule 'created', which is not among"):
            made([MANY])

    def test_a_correlation_of_what_athena_cannot_express_is_refused_with_the_reason(self) -> None:
        unsaid = compiled("created", None, athena_reason="it has keywords")
        with pytest.raises(InvalidProps, match="has no predicate: it has keywords"):
            made([unsaid, MANY])


class TestOnTheLake:
    def test_only_the_partitions_of_the_window_are_read(self, tmp_path: Path) -> None:
        engine = Engine(tmp_path)
        now = datetime.now(UTC).replace(microsecond=0)
        start = now.replace(hour=0, minute=0, second=0)
        for account in ACCOUNTS:
            for region in REGIONS:
                for day in (start, start - timedelta(days=1)):
                    key = f"AWSLogs/{account}/CloudTrail/{region}/{day:%Y/%m/%d}/{account}.json.gz"
                    engine.store.bodies[key] = packed(_of(day + timedelta(seconds=5), account, region))
        for statement in statements([CREATED, MANY], table=EVENTS.name, accounts=ACCOUNTS[:1], regions=REGIONS[:1]):
            engine.store.read_keys.clear()
            # Far enough from midnight that two timespans before are on the same day.
            first = start + timedelta(hours=1)
            engine.ask(statement.sql, parameters=statement.bind(first, first + timedelta(hours=1)))
            today = f"AWSLogs/{ACCOUNTS[0]}/CloudTrail/{REGIONS[0]}/{start:%Y/%m/%d}/"
            assert [key.startswith(today) for key in engine.store.read_keys] == [True]

    def test_a_column_that_athena_adds_may_be_carried(self) -> None:
        (statement,) = statements([CREATED], table="t", accounts=None, regions=None, carry=['"$path"'])
        assert statement.columns[-1] == '"$path"'
        assert statement.sql.count('"$path"') == 2


def test_athena_takes_statements_and_parameters_as_long_as_these() -> None:
    shape: Any = botocore.session.get_session().get_service_model("athena").shape_for("StartQueryExecutionInput")
    shapes = shape.members
    assert shapes["QueryString"].metadata["max"] == MAX_STATEMENT_BYTES
    for statement in made(ALL, window=True):
        literals = statement.bind(START, START + timedelta(hours=1))
        assert all(len(each) <= shapes["ExecutionParameters"].member.metadata["max"] for each in literals)


def test_an_independent_trino_grammar_takes_every_statement() -> None:
    kinds = [
        correlated(
            "value_count", "created", seconds=60, group_by=["awsRegion"], count=2, value_field="userIdentity.arn"
        ),
        correlated("temporal", "created", "denied", seconds=60, count=2),
        correlated("temporal_ordered", "created", "denied", "root", seconds=60, count=3),
    ]
    found = statements([*ALL, *kinds], table='"lake"."events"', accounts=["111122223333"], regions=["eu-west-1"])
    assert grammar_errors([each.sql for each in found]) == [[]] * 3


def _of(moment: datetime, account: str, region: str) -> Record:
    return record(eventTime=f"{moment:%Y-%m-%dT%H:%M:%SZ}", recipientAccountId=account, awsRegion=region)
