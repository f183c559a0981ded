"""The benchmark of the local query: what growth is, and that its files hold what it counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks.query import Sample, Size, distinct_files, growth_of
from tests.audit.own_records import own_records

from benchmarks import query
from raytrail.localaws import athena
from raytrail.records import RecordLine, read_records


def size(bytes: int, *processor: float) -> Size:
    samples = [Sample(wall=each * 2, processor=each, memory=int(each)) for each in processor]
    return Size(bytes=bytes, files=1, samples=samples)


def test_growth_compares_a_byte_with_a_byte_and_leaves_the_start_out():
    start, small = size(0, 2.0), size(100, 12.0)
    assert growth_of("processor", start, small, size(1000, 102.0)) == 1
    assert growth_of("wall", start, small, size(1000, 202.0)) == 2


def test_the_median_of_the_times_counts_and_the_most_of_the_memory():
    measured = size(1, 1.0, 9.0, 2.0)
    assert (measured.wall, measured.processor, measured.memory) == (4.0, 2.0, 9)


def test_its_files_hold_as_many_records_as_it_counts_each_with_an_id_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(query, "DISTINCT_FILES", 3)
    monkeypatch.setattr(query, "RECORDS_PER_FILE", 20)
    files = list(distinct_files(own_records(), tmp_path / "pool"))
    found: list[dict[str, Any]] = [
        outcome.record for file in files for outcome in read_records(file) if isinstance(outcome, RecordLine)
    ]
    assert len(found) == 60
    assert len({record["eventID"] for record in found}) == 60


def test_the_files_lie_where_the_query_looks_for_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[Any] = []

    def listed(folder: Path, files: int, expected: int) -> Sample:
        listing = athena.list_logs(folder)
        seen.append((files, expected, {(file.place.account, file.place.region) for file in listing.logs if file.place}))
        return Sample(wall=1, processor=1, memory=1)

    pool = tmp_path / "a.json.gz"
    pool.write_bytes(b"x" * 100)
    monkeypatch.setattr(query, "FOLDER", tmp_path)
    monkeypatch.setattr(query, "run", listed)
    made = query.measure([pool], 1300 / query.GIGABYTE, 1)
    [(files, expected, places)] = seen
    assert (made.files, files, expected) == (13, 13, query.RECORDS_PER_FILE)
    assert places == {(account, region) for account in query.ACCOUNTS for region in query.REGIONS}
