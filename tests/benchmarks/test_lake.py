"""The byte benchmark: what counts as missed, and that its records lie where it looks for them."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.lake import ACCOUNTS, ASKED, DAYS, REGIONS, Report, Row, samples, spread

from raytrail.records import group_into_files


def row(**changes: Any) -> Row:
    return Row(**{"table": "kit's", "objects": 2, "bytes_at_store": 100, "bytes_by_athena": 100, "rows": 20, **changes})


def report(**changes: Any) -> Report:
    given: dict[str, Any] = {
        **{"records": 1, "files": 1, "bytes_in_bucket": 1, "kit": [row()], "console": []},
        **{"partition_objects": 2, "partition_bytes": 100, "partition_rows": 20},
    }
    return Report(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({}, 0),
        ({"kit": [row(bytes_at_store=101)]}, 1),
        ({"kit": [row(bytes_at_store=99)]}, 1),
        ({"kit": [row(objects=3)]}, 1),
        ({"kit": [row(), row(rows=19)]}, 1),
        # The other table may read what it likes, but has to give the same answer.
        ({"console": [row(bytes_at_store=9000, objects=50)]}, 0),
        ({"console": [row(rows=21)]}, 1),
        # What Athena says of itself is shown, and judged by nobody.
        ({"kit": [row(bytes_by_athena=5)]}, 0),
    ],
)
def test_a_byte_more_or_less_at_the_store_is_a_goal_missed(changes, missed):
    assert len(report(**changes).missed) == missed


def test_each_account_region_and_day_has_as_many_records_and_no_event_twice():
    records = list(spread(samples(None), 3))
    assert len({record["eventID"] for record in records}) == len(records) == len(ACCOUNTS) * len(REGIONS) * DAYS * 3
    files = group_into_files(records)
    account, region, day = ASKED
    assert {file.count for file in files} == {3}
    assert sum(f"/{account}/CloudTrail/{region}/{day:%Y/%m/%d}/" in file.key for file in files) == 1


def test_the_same_records_are_made_up_each_time():
    assert samples(None) == samples(None)
