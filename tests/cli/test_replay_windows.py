"""Which records a correlation is spared: none that takes part in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrail.cli._replay import _windows
from raytrail.cli._replay._windows import NO_TIME, Windows, fewest, slot_of
from raytrail.sigma import Correlation

START = datetime(2026, 10, 1, tzinfo=UTC)


def correlation(**given: Any) -> Correlation:
    whole = {
        "type": "event_count",
        "rules": ("r",),
        "group_by": ("userIdentity.arn",),
        "timespan_seconds": 600,
        "count": 3,
    }
    return Correlation(**{**whole, **given})


def record(seconds: int, who: Any = "ana") -> dict[str, Any]:
    return {
        "userIdentity": {"arn": who},
        "eventTime": f"{START + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}",
    }


@settings(max_examples=200, deadline=None)
@given(
    moments=st.lists(st.tuples(st.integers(0, 4000), st.sampled_from(["ana", "bob"])), max_size=25),
    timespan=st.sampled_from([1, 60, 600, 3600]),
    count=st.integers(2, 5),
)
def test_whatever_takes_part_in_a_correlation_is_looked_at(
    moments: list[tuple[int, str]], timespan: int, count: int
) -> None:
    asked = correlation(timespan_seconds=timespan, count=count)
    windows = Windows()
    slots = [slot_of(record(*moment), "c", asked) for moment in moments]
    for slot in slots:
        windows.add(slot)
    for end, who in moments:
        span = [place for place, (at, whose) in enumerate(moments) if whose == who and end - timespan <= at <= end]
        if len(span) >= fewest(asked):
            assert all(windows.may_complete(slots[place], fewest(asked)) for place in span)


VALUES = "requestParameters.items.id"


@settings(max_examples=200, deadline=None)
@given(
    moments=st.lists(st.tuples(st.integers(0, 2000), st.lists(st.integers(0, 9), max_size=6)), max_size=12),
    count=st.integers(2, 6),
)
def test_whatever_brings_values_of_an_array_is_looked_at(moments: list[tuple[int, list[int]]], count: int) -> None:
    asked = correlation(type="value_count", value_field=VALUES, count=count)
    windows = Windows()
    records = [
        # Columns have no capitals, so that a rule may write them as it likes.
        {**record(at), "requestparameters": {"items": [{"id": each} for each in ids]}}
        for at, ids in moments
    ]
    slots = [slot_of(each, "c", asked) for each in records]
    for slot in slots:
        windows.add(slot)
    for end, _ in moments:
        span = [place for place, (at, _) in enumerate(moments) if end - asked.timespan_seconds <= at <= end]
        if len({each for place in span for each in moments[place][1]}) >= count:
            assert all(windows.may_complete(slots[place], fewest(asked)) for place in span)


def test_a_time_without_an_offset_is_one_in_utc() -> None:
    with_offset, without = ({"eventTime": f"2026-10-01T12:00:00{end}"} for end in ("Z", ""))
    assert slot_of(with_offset, "c", correlation()) == slot_of(without, "c", correlation())


def test_a_lonely_record_is_spared_and_one_without_a_time_is_not() -> None:
    asked = correlation()
    windows = Windows()
    lonely = [slot_of(record(number * 3600), "c", asked) for number in range(20)]
    others = [slot_of(record(number, "bob"), "c", asked) for number in range(3)]
    timeless = slot_of({"eventTime": "?"}, "c", asked)
    for slot in (*lonely, *others, timeless):
        windows.add(slot)
    assert not any(windows.may_complete(slot, 3) for slot in lonely)
    assert all(windows.may_complete(slot, 3) for slot in (*others, timeless))
    assert timeless.window == NO_TIME


def test_groups_that_share_a_count_are_looked_at_rather_than_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_windows, "_SIZE", 4)
    windows = Windows()
    slots = [slot_of(record(0, f"user-{number}"), "c", correlation()) for number in range(20)]
    for slot in slots:
        windows.add(slot)
    assert all(windows.may_complete(slot, 3) for slot in slots)


@pytest.mark.parametrize(
    ("given", "least"),
    [
        ({}, 3),
        ({"operator": "gt"}, 4),
        ({"type": "value_count", "value_field": "eventName"}, 3),
        # One record may match all of the rules.
        ({"type": "temporal", "rules": ("a", "b")}, 1),
    ],
)
def test_the_fewest_records_that_complete_a_correlation(given: dict[str, Any], least: int) -> None:
    assert fewest(correlation(**given)) == least


def test_an_array_and_a_missing_field_do_not_tell_groups_apart() -> None:
    asked = correlation(group_by=("a.b", "c"))
    groups = {slot_of({"a": value}, "c", asked).group for value in ([{"b": 1}], {"b": [1]}, {"b": {"x": 1}})}
    assert len(groups) == 1
    assert slot_of({"a": {"b": 1}}, "c", asked).group not in groups
