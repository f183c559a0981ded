"""The windows of scheduled detections, on a table of the embedded AWS: side by side whatever happens to a schedule."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from raytrail.detection.handlers.scheduled.windows import KEPT, LONGEST, Window, Windows

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def table(local_aws: LocalAws) -> Iterator[Any]:
    dynamodb = local_aws.session().resource("dynamodb", endpoint_url=local_aws.endpoint)
    made = dynamodb.create_table(
        TableName=f"windows-{uuid.uuid4().hex[:8]}",
        KeySchema=[{"AttributeName": "group", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("group", "entry")],
        BillingMode="PAY_PER_REQUEST",
    )
    yield made
    made.delete()


@pytest.fixture
def windows(table: Any) -> Windows:
    return Windows(table, f"stack/Scheduled-{uuid.uuid4().hex}")


def asked(windows: Windows, hour: float, period: float = 1) -> tuple[float, float]:
    """The window of a run, in hours from noon."""
    found = windows.of(NOON + hour * HOUR, period * HOUR, NOON)
    return (found.start - NOON) / HOUR, (found.end - NOON) / HOUR


def test_the_first_window_is_as_long_as_the_period(windows: Windows) -> None:
    assert asked(windows, 0, period=4) == (-4, 0)


def test_windows_lie_side_by_side(windows: Windows) -> None:
    assert [asked(windows, hour) for hour in range(4)] == [(-1, 0), (0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    ("before", "after", "next_end"),
    [
        pytest.param(4, 1, 1, id="a shorter period"),
        # The first run by the new one comes an hour after the change, and the last by the old one was three before.
        pytest.param(4, 1, 3.5, id="a shorter period, in the middle of the old one"),
        pytest.param(1, 4, 4, id="a longer period"),
        pytest.param(1, 1, 2, id="a shorter lag"),
        pytest.param(1, 1, 0.25, id="a longer lag"),
        pytest.param(1, 1, 7, id="runs that were never started"),
    ],
)
def test_a_change_leaves_no_gap_and_asks_nothing_twice(
    windows: Windows, before: float, after: float, next_end: float
) -> None:
    asked(windows, 0, period=before)
    assert asked(windows, next_end, period=after) == (0, next_end)


def test_a_run_that_is_repeated_asks_the_same_whatever_came_after_and_whatever_the_period_is_now(
    windows: Windows,
) -> None:
    once = [asked(windows, hour, period=4) for hour in (0, 4, 8)]
    assert [asked(windows, hour, period=1) for hour in (4, 8, 0)] == [once[1], once[2], once[0]]


def test_a_time_that_was_passed_over_is_asked_about_from_the_run_before_it(windows: Windows) -> None:
    assert [asked(windows, hour) for hour in (0, 3, 2)] == [(-1, 0), (0, 3), (0, 2)]


def test_what_is_too_far_back_is_left_out_and_said(windows: Windows) -> None:
    asked(windows, 0)
    found = windows.of(NOON + LONGEST + 5 * HOUR, HOUR, NOON)
    assert found == Window(NOON + 5 * HOUR, NOON + LONGEST + 5 * HOUR, unasked=5 * HOUR)


def test_two_schedules_do_not_know_each_other(windows: Windows, table: Any) -> None:
    asked(windows, 0)
    assert asked(Windows(table, "another"), 5) == (4, 5)


def test_a_window_is_kept_for_as_long_as_its_run_may_be_repeated(windows: Windows, table: Any) -> None:
    asked(windows, 0)
    (item,) = table.query(
        KeyConditionExpression="#group = :group",
        ExpressionAttributeNames={"#group": "group"},
        ExpressionAttributeValues={":group": windows.schedule},
    )["Items"]
    assert item["expires"] == int((NOON + KEPT).timestamp())
    assert timedelta(days=14) < KEPT
