"""What is told of events by their source and name, held against every real CloudTrail record that says it itself.

Not covered: what no record of the folder is about. Of the 772 records with ``readOnly`` two thirds are of EC2, IAM, S3,
SSM and Secrets Manager; of data events there are five, and one of network activity for S3 and for CloudTrail each.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raytrail.sigma import GLOBAL_SOURCES, Call
from raytrail.sigma._reach_calls import data_types, only_data, read_only
from raytrail.sigma._reach_demands import _BY_TYPE

Json = dict[str, Any]

AT_LEAST = {"readOnly": 750, "category": 700, "eventType": 700, "awsRegion": 50}
"""Fewer records would mean that the folder was read wrongly."""

# Written by hand, in a case of a rule: S3 has no call of that name, and CloudTrail records ListObjects.
MADE_UP = {("s3.amazonaws.com", "ListBucket")}


def records(folder: Path) -> Iterator[tuple[str, Json]]:
    """Each record with its file; values that were taken out of some are ``...``."""
    for file in sorted(folder.glob("*.ndjson.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                record = row.get("record") or row.get("event", {}).get("detail") or row
                if "..." not in (record.get("eventSource", "..."), record.get("eventName", "...")):
                    yield file.name.partition(".")[0], record


@pytest.fixture(scope="module")
def real(attack_logs) -> list[tuple[str, Json]]:
    return list(records(attack_logs))


def call_of(record: Json) -> Call:
    return Call(record["eventSource"], record["eventName"])


def truth(value: object) -> bool | None:
    """A boolean, which some files have as text."""
    return {"true": True, "false": False}.get(str(value).lower())


def test_a_call_reads_or_writes_as_every_real_record_of_it_says(real):
    said = [(call_of(record), truth(record.get("readOnly"))) for _, record in real]
    compared = {(call, value) for call, value in said if value is not None}
    assert {(call, value) for call, value in compared if read_only(call) is not value} == set()
    assert len([value for _, value in said if value is not None]) >= AT_LEAST["readOnly"]
    # Many calls of both kinds, so that neither answer alone would do.
    assert min(sum(value is each for _, value in compared) for each in (True, False)) >= 60


def test_a_call_is_a_management_or_a_data_event_as_every_real_record_of_it_says(real):
    wrong, compared = set(), 0
    for _, record in real:
        management = truth(record.get("managementEvent"))
        if record.get("eventCategory") in ("Management", "Data"):
            management = record["eventCategory"] == "Management"
        if management is None or record.get("eventType") == "AwsVpceEvent":
            continue
        compared += 1
        call = call_of(record)
        if only_data(call) is management or (not management and not data_types(call)):
            wrong.add((call.source, call.name))
    assert wrong == MADE_UP
    assert compared >= AT_LEAST["category"]


def test_a_kind_of_event_is_of_the_categories_that_real_records_of_it_have(real):
    compared = 0
    for _, record in real:
        kind, category = record.get("eventType"), record.get("eventCategory")
        if kind in _BY_TYPE and category:
            assert category in _BY_TYPE[kind]
            compared += 1
    assert compared >= AT_LEAST["eventType"]


def test_global_services_are_recorded_in_their_one_region(real):
    """Since CloudTrail changed where, in November 2021. Stratus' Regions were made up, to hide the real ones."""
    seen = {
        (record["eventSource"], record["awsRegion"])
        for file, record in real
        if record["eventSource"] in GLOBAL_SOURCES and file != "stratus" and record.get("eventTime", "") >= "2021-11-22"
    }
    assert {(source, region) for source, region in seen if GLOBAL_SOURCES[source] != region} == set()
    assert {source for source, _ in seen} >= {"iam.amazonaws.com"}
