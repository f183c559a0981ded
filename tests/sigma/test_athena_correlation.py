"""Correlations asked of the embedded Athena: what completes each kind, and what misses it by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from tests.sigma.athena_kit import Record, answers, at, compiled, completing, correlated

from raytrail.localaws.athena import FILE, LINE
from raytrail.queries import EVENTS
from raytrail.sigma import CompiledRule, Correlation
from raytrail.sigma._correlation import correlation_of
from raytrail.sigma._errors import NotExpressible
from raytrail.sigma._statement import statements

CREATED = compiled("created", "eventname = 'CreateUser'", own=False)
DELETED = compiled("deleted", "eventname = 'DeleteUser'", own=False)
LISTED = compiled("listed", "eventname = 'ListUsers'", own=False)
RULES = [CREATED, DELETED, LISTED]
ARN = ("userIdentity.arn",)


def event(seconds: float, name: str = "CreateUser", **fields: Any) -> Record:
    return at(seconds, eventName=name, **fields)


def asked(rule: CompiledRule, records: Sequence[Record]) -> list[int]:
    return completing([*RULES, rule], records)


class TestEventCount:
    RULE = correlated("event_count", "created", seconds=60, group_by=ARN, count=3)

    def test_the_event_that_reaches_the_count_completes_it(self) -> None:
        assert asked(self.RULE, [event(0), event(30), event(60)]) == [2]

    def test_one_event_less_does_not(self) -> None:
        assert asked(self.RULE, [event(0), event(30)]) == []

    def test_a_second_outside_of_the_timespan_does_not(self) -> None:
        assert asked(self.RULE, [event(0), event(30), event(61)]) == []

    def test_an_event_of_another_group_does_not(self) -> None:
        assert asked(self.RULE, [event(0), event(30), event(60, userIdentity__arn="arn:other")]) == []

    def test_an_event_of_no_group_does_not(self) -> None:
        unknown = [event(second, userIdentity__arn=None) for second in (0, 1, 2, 3)]
        assert asked(self.RULE, unknown) == []

    def test_an_event_of_another_rule_does_not(self) -> None:
        assert asked(self.RULE, [event(0), event(30), event(60, "ListUsers")]) == []

    def test_what_goes_on_is_not_said_again(self) -> None:
        assert asked(self.RULE, [event(second) for second in range(0, 200, 10)]) == [2]

    def test_what_begins_anew_is(self) -> None:
        first, later = [event(second) for second in (0, 1, 2, 3)], [event(second) for second in (100, 101, 102)]
        assert asked(self.RULE, [*first, *later]) == [2, 6]

    def test_copies_of_an_event_count_once(self) -> None:
        copies = [event(0, eventID="1"), event(30, eventID="2"), event(30, eventID="2"), event(0, eventID="1")]
        assert asked(self.RULE, copies) == []
        assert asked(self.RULE, [*copies, event(60, eventID="3")]) == [4]

    def test_events_without_an_id_all_count(self) -> None:
        assert len(asked(self.RULE, [event(7), event(7), event(7)])) == 1

    def test_gt_wants_one_more_than_gte(self) -> None:
        rule = correlated("event_count", "created", seconds=60, group_by=ARN, count=2, operator="gt")
        assert asked(rule, [event(0), event(30)]) == []
        assert asked(rule, [event(0), event(30), event(31)]) == [2]

    def test_the_events_of_several_rules_are_counted_together_and_once_each(self) -> None:
        anything = compiled("anything", "eventname IN ('CreateUser', 'DeleteUser')", own=False)
        rule = correlated("event_count", "created", "anything", seconds=60, count=3)
        two = [event(0, eventID="1"), event(1, eventID="2")]
        assert completing([CREATED, anything, rule], two) == []
        assert completing([CREATED, anything, rule], [*two, event(2, "DeleteUser", eventID="3")]) == [2]

    def test_several_fields_make_one_group(self) -> None:
        rule = correlated(
            "event_count", "created", seconds=60, group_by=["userIdentity.arn", "requestParameters.group.name"], count=2
        )
        groups = [{"group": {"name": name}} for name in ("a", "b", "a")]
        events = [event(second, requestParameters=group) for second, group in enumerate(groups)]
        assert asked(rule, events) == [2]


class TestValueCount:
    RULE = correlated(
        "value_count", "created", seconds=60, group_by=ARN, count=3, value_field="requestParameters.userName"
    )

    def made(self, *times: tuple[float, str | None]) -> list[Record]:
        return [event(second, requestParameters={"userName": name}) for second, name in times]

    def test_the_event_with_the_last_value_completes_it(self) -> None:
        assert asked(self.RULE, self.made((0, "a"), (1, "b"), (2, "b"), (60, "c"))) == [3]

    def test_one_value_less_does_not(self) -> None:
        assert asked(self.RULE, self.made((0, "a"), (1, "b"), (2, "a"), (3, "b"), (4, None))) == []

    def test_a_value_that_is_a_second_too_old_does_not(self) -> None:
        assert asked(self.RULE, self.made((0, "a"), (1, "b"), (61, "c"))) == []

    def test_a_value_seen_again_is_as_old_as_its_last_event(self) -> None:
        assert asked(self.RULE, self.made((0, "a"), (1, "b"), (50, "a"), (61, "c"))) == [3]

    def test_more_values_are_not_said_again(self) -> None:
        assert asked(self.RULE, self.made((0, "a"), (1, "b"), (2, "c"), (3, "d"), (4, "a"))) == [2]


class TestTemporal:
    RULE = correlated("temporal", "created", "deleted", "listed", seconds=60, group_by=ARN, count=3)

    def test_the_rules_in_any_order_complete_it(self) -> None:
        for order in itertools.permutations(["CreateUser", "DeleteUser", "ListUsers"]):
            assert asked(self.RULE, [event(30 * place, name) for place, name in enumerate(order)]) == [2]

    def test_one_rule_less_does_not(self) -> None:
        assert asked(self.RULE, [event(0), event(1, "DeleteUser"), event(2), event(3, "DeleteUser")]) == []

    def test_a_second_outside_of_the_timespan_does_not(self) -> None:
        assert asked(self.RULE, [event(0), event(1, "DeleteUser"), event(61, "ListUsers")]) == []

    def test_another_group_does_not(self) -> None:
        other = event(2, "ListUsers", userIdentity__arn="arn:other")
        assert asked(self.RULE, [event(0), event(1, "DeleteUser"), other]) == []

    def test_fewer_rules_may_be_enough(self) -> None:
        rule = correlated("temporal", "created", "deleted", "listed", seconds=60, count=2)
        assert asked(rule, [event(0), event(60, "ListUsers"), event(61, "DeleteUser")]) == [1]


class TestTemporalOrdered:
    RULE = correlated("temporal_ordered", "listed", "created", "deleted", seconds=60, group_by=ARN, count=3)
    WHOLE = (event(0, "ListUsers"), event(30), event(60, "DeleteUser"))

    def test_the_last_of_the_order_completes_it(self) -> None:
        assert asked(self.RULE, self.WHOLE) == [2]

    @pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
    def test_no_other_order_does(self, order: tuple[int, ...]) -> None:
        names = [str(self.WHOLE[place]["eventName"]) for place in order]
        assert asked(self.RULE, [event(10 * place, name) for place, name in enumerate(names)]) == []

    def test_a_second_outside_of_the_timespan_does_not(self) -> None:
        assert asked(self.RULE, [*self.WHOLE[:2], event(61, "DeleteUser")]) == []

    def test_a_later_beginning_counts(self) -> None:
        assert asked(self.RULE, [*self.WHOLE[:2], event(31, "ListUsers"), event(32), event(90, "DeleteUser")]) == [4]

    def test_a_beginning_after_the_middle_does_not(self) -> None:
        assert asked(self.RULE, [*self.WHOLE[:2], event(31, "ListUsers"), event(90, "DeleteUser")]) == []

    def test_what_happens_in_one_second_is_in_order(self) -> None:
        assert asked(self.RULE, [event(0, "DeleteUser"), event(0), event(0, "ListUsers")]) == [0]

    def test_what_goes_on_is_not_said_again_and_what_begins_anew_is(self) -> None:
        again = [event(61, "DeleteUser"), event(200, "ListUsers"), event(201), event(202, "DeleteUser")]
        assert asked(self.RULE, [*self.WHOLE, *again]) == [2, 6]


KINDS = st.sampled_from(["event_count", "value_count", "temporal", "temporal_ordered"])
STEPS = st.tuples(
    st.integers(0, 12),
    st.sampled_from(["CreateUser", "DeleteUser", "ListUsers"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["x", "y", "z"]),
)


@settings(max_examples=20, deadline=None)
@given(kind=KINDS, steps=st.lists(STEPS, max_size=14), seconds=st.integers(1, 20), count=st.integers(1, 3))
def test_random_events_complete_what_a_plain_walk_over_them_finds(
    kind: Any, steps: list[tuple[int, str, str, str]], seconds: int, count: int
) -> None:
    rules = ["created", "deleted", "listed"] if kind.startswith("temporal") else ["created", "deleted"]
    count = 3 if kind == "temporal_ordered" else count
    field = "requestParameters.userName" if kind == "value_count" else None
    rule = correlated(kind, *rules, seconds=seconds, group_by=ARN, count=count, value_field=field)
    clock = list(itertools.accumulate(wait for wait, *_ in steps))
    # At most one event a second: which of several in one second is named is not defined.
    times = [second + place for place, second in enumerate(clock)]
    events = [
        event(second, name, userIdentity__arn=who, requestParameters={"userName": value}, eventID=f"{second}")
        for second, (_, name, who, value) in zip(times, steps, strict=True)
    ]
    assert asked(rule, events) == _walk(rule, times, steps)


def test_correlations_that_are_counted_together_do_not_touch_each_other() -> None:
    rules = [
        replace(correlated("event_count", "created", seconds=60, group_by=ARN, count=3), name="many"),
        replace(correlated("event_count", "created", "listed", seconds=20, count=4), name="busy"),
        replace(
            correlated(
                "value_count", "created", "deleted", seconds=90, count=2, value_field="requestParameters.userName"
            ),
            name="names",
        ),
        replace(correlated("temporal", "deleted", "listed", seconds=30, group_by=["awsRegion"], count=2), name="both"),
    ]
    names, people = itertools.cycle(["CreateUser", "ListUsers", "CreateUser", "DeleteUser"]), itertools.cycle("abcab")
    events = [
        event(
            second,
            next(names),
            awsRegion=f"us-east-{second % 2 + 1}",
            requestParameters={"userName": next(people)},
            eventID=f"{second}",
        )
        for second in (0, 4, 9, 15, 22, 30, 39, 49, 60, 72, 85, 99, 200, 201, 202, 204, 208, 216, 300, 305, 309)
    ]
    (together,) = statements(
        rules, table=EVENTS.name, accounts=None, regions=None, window=False, carry=[FILE, LINE], among=RULES
    )
    rows = answers(together, events)
    for rule in rules:
        alone = asked(rule, events)
        assert alone
        assert [int(row[LINE]) - 1 for row in rows if row["rule"] == rule.name] == alone


def _walk(rule: CompiledRule, times: list[int], steps: list[tuple[int, str, str, str]]) -> list[int]:
    correlation = rule.correlation
    assert correlation is not None
    names = {"created": "CreateUser", "deleted": "DeleteUser", "listed": "ListUsers"}
    order = [names[name] for name in correlation.rules]
    found = []
    for group in ("a", "b"):
        mine = [place for place, (_, name, who, _) in enumerate(steps) if who == group and name in order]
        held, before = False, -(10**9)
        for place in mine:
            within = [
                each for each in mine if times[place] - correlation.timespan_seconds <= times[each] <= times[place]
            ]
            holds = _holds(correlation, order, [steps[each] for each in within])
            if holds and not (held and times[place] - before <= correlation.timespan_seconds):
                found.append(place)
            held, before = holds, times[place]
    return sorted(found)


def _holds(correlation: Correlation, order: list[str], within: list[tuple[int, str, str, str]]) -> bool:
    match correlation.type:
        case "event_count":
            return len(within) >= correlation.count
        case "value_count":
            return len({value for *_, value in within}) >= correlation.count
        case "temporal":
            return len({name for _, name, *_ in within}) >= correlation.count
        case _:
            coming = iter(name for _, name, *_ in within)
            return all(name in coming for name in order)


BASE = """
title: A rule
name: {name}
logsource: {{product: aws, service: cloudtrail}}
detection: {{selection: {{eventName: CreateUser}}, condition: selection}}
"""


def correlation(text: str) -> SigmaCorrelationRule:
    rules = [yaml.safe_load(BASE.format(name=name)) for name in ("one", "two")]
    rules.append({"title": "Both", "name": "both", "correlation": {"rules": ["one", "two"], **yaml.safe_load(text)}})
    collection = SigmaCollection.from_dicts(rules)
    collection.resolve_rule_references()
    (found,) = (rule for rule in collection.rules if isinstance(rule, SigmaCorrelationRule))
    return found


class TestReading:
    def test_a_count_of_values_is_read_whole(self) -> None:
        text = (
            "{type: value_count, timespan: 10m, group-by: [userIdentity.arn, awsRegion], "
            "condition: {gt: 4, field: requestParameters.secretId}}"
        )
        assert correlation_of(correlation(text)) == Correlation(
            type="value_count",
            rules=("one", "two"),
            group_by=("userIdentity.arn", "awsRegion"),
            timespan_seconds=600,
            operator="gt",
            count=4,
            value_field="requestParameters.secretId",
        )

    @pytest.mark.parametrize(
        "text", ["{type: temporal, timespan: 1h}", "{type: temporal, timespan: 1h, condition: one and two}"]
    )
    def test_a_temporal_correlation_wants_all_of_its_rules(self, text: str) -> None:
        found = correlation_of(correlation(text))
        assert (found.rules, found.count, found.timespan_seconds) == (("one", "two"), 2, 3600)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{type: event_count, timespan: 1h, condition: {lt: 4}}", "no event completes"),
            ("{type: event_count, timespan: 1h, condition: {eq: 4}}", "no event completes"),
            ("{type: event_count, timespan: 1h, condition: {gte: 2.5}}", "no whole number"),
            ("{type: value_sum, timespan: 1h, condition: {gte: 4, field: x}}", "computes with numbers"),
            ("{type: value_count, timespan: 1h, condition: {gte: 4, field: [eventName, awsRegion]}}", "name one field"),
            ("{type: value_count, timespan: 1h, condition: {gte: 4, field: requestParameters}}", "is an object"),
            ("{type: event_count, timespan: 1h, group-by: [resources.ARN], condition: {gte: 4}}", "has several"),
            ("{type: event_count, timespan: 1h, group-by: [user], condition: {gte: 4}}", "no column"),
            ("{type: event_count, timespan: 8d, condition: {gte: 4}}", "more than 7d"),
            ("{type: temporal, timespan: 1h, condition: one and not two}", "more than that all"),
            ("{type: temporal, timespan: 1h, condition: {gte: 3}}", "wants 3 rules, and it has 2"),
            ("{type: temporal_ordered, timespan: 1h, condition: {gte: 1}}", "an order has all"),
            ("{type: temporal, timespan: 1h, group-by: [who], aliases: {who: {one: a, two: b}}}", "aliases"),
        ],
    )
    def test_what_cannot_be_asked_is_refused_with_the_reason(self, text: str, reason: str) -> None:
        with pytest.raises(NotExpressible, match=reason):
            correlation_of(correlation(text))
