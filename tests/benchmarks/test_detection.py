"""The benchmark of detections: what it generates, and what counts as missed."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.detection import SIZES, Sample, growth_line, records, too_slow

from raytrail.records import missing_field
from raytrail.replay import EventBus, rules_of_catalogue
from raytrail.sigma import catalog


def sample(**changes: Any) -> Sample:
    given = {"records": SIZES[-1], "bytes": 1, "seconds": 60.0, "processor": 100.0, "memory": 2 * 1024**3, "matches": 1}
    return Sample(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "missed"),
    [({}, 0), ({"seconds": 60.1}, 1), ({"memory": 2 * 1024**3 + 1}, 1), ({"records": 10, "seconds": 900.0}, 0)],
)
def test_only_a_million_records_are_judged(changes: dict[str, Any], missed: int):
    assert len(too_slow([sample(**changes)])) == missed


def test_growth_leaves_the_start_of_the_command_out():
    samples = [
        sample(records=count, processor=5 + each * count) for count, each in ((10, 1.0), (100, 1.0), (1000, 1.0))
    ]
    assert "1.00 times" in growth_line(samples)


def test_generated_records_vary_and_are_not_only_misses():
    made = list(records(3000))
    assert made == list(records(3000))
    assert len({record["eventID"] for record in made}) == 3000
    assert all(missing_field(record) is None for record in made)
    calls = {(record["eventSource"], record["eventName"]) for record in made}
    actors = {record["userIdentity"]["arn"] for record in made}
    assert len(calls) > 150
    assert len(actors) > 300
    bus = EventBus(rules_of_catalogue(catalog()))
    seen = sum(bool(bus.detections(record)) for record in made)
    assert 0.01 * len(made) < seen < 0.2 * len(made)
