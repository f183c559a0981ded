"""The keys and files that a trail writes, and the way back through the reader."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.errors import InvalidProps
from raytrail.records import RecordLine, group_into_files, object_key, read_bytes
from raytrail.records import _keys as keys

ACCOUNT = "111122223333"
MOMENT = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)


def test_a_key_is_laid_out_as_aws_documents_it() -> None:
    key = object_key(account_id=ACCOUNT, region="eu-west-1", time=MOMENT, unique="Mu0KsOhtH1ar15ZZ")
    assert key == (
        "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/"
        "111122223333_CloudTrail_eu-west-1_20260301T2359Z_Mu0KsOhtH1ar15ZZ.json.gz"
    )


@pytest.mark.parametrize("prefix", ["logs", "logs/", "/logs"])
def test_prefix_and_organization_come_where_aws_puts_them(prefix: str) -> None:
    key = object_key(
        account_id=ACCOUNT,
        region="us-east-1",
        time=MOMENT,
        unique="A",
        prefix=prefix,
        organization_id="o-abcdefghij",
    )
    assert key.startswith("logs/AWSLogs/o-abcdefghij/111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_")


def test_the_time_in_a_key_is_utc() -> None:
    local = MOMENT.astimezone(timezone(timedelta(hours=5)))
    assert object_key(account_id=ACCOUNT, region="us-east-1", time=local, unique="A") == object_key(
        account_id=ACCOUNT, region="us-east-1", time="2026-03-01T23:59:59Z", unique="A"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"account_id": "12345"},
        {"region": "Europe"},
        {"time": "yesterday"},
        {"time": datetime(2026, 3, 1)},
        {"unique": "a/b"},
        {"organization_id": "r-1"},
    ],
)
def test_what_cannot_stand_in_a_key_is_refused(wrong: dict[str, Any]) -> None:
    good: dict[str, Any] = {"account_id": ACCOUNT, "region": "us-east-1", "time": MOMENT, "unique": "A"}
    with pytest.raises(InvalidProps):
        object_key(**{**good, **wrong})


records = st.builds(
    lambda account, region, time, name, note: {
        "eventVersion": "1.11",
        "eventSource": "iam.amazonaws.com",
        "eventName": name,
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "awsRegion": region,
        "recipientAccountId": account,
        "requestParameters": note,
    },
    account=st.sampled_from([ACCOUNT, "444455556666"]),
    region=st.sampled_from(["us-east-1", "eu-west-1", "us-gov-west-1"]),
    time=st.datetimes(datetime(2020, 1, 1), datetime(2026, 12, 31)),
    name=st.text(min_size=1, max_size=8),
    note=st.none() | st.dictionaries(st.text(max_size=4), st.text(max_size=8) | st.integers() | st.booleans()),
)


@given(st.lists(records, max_size=12))
def test_files_give_back_the_records_they_were_made_of(rows: list[dict[str, Any]]) -> None:
    files = group_into_files(rows)
    assert sum(file.count for file in files) == len(rows)
    assert len({file.key for file in files}) == len(files)
    found = [outcome for file in files for outcome in read_bytes(file.body, file.key)]
    assert all(isinstance(outcome, RecordLine) for outcome in found)
    as_text = Counter(json.dumps(o.record, sort_keys=True) for o in found if isinstance(o, RecordLine))
    assert as_text == Counter(json.dumps(row, sort_keys=True) for row in rows)
    for outcome in found:
        assert isinstance(outcome, RecordLine)
        row = outcome.record
        day = row["eventTime"][:10].replace("-", "/")
        assert f"AWSLogs/{row['recipientAccountId']}/CloudTrail/{row['awsRegion']}/{day}/" in outcome.file


@given(st.lists(records, max_size=6))
def test_the_same_records_give_the_same_bytes(rows: list[dict[str, Any]]) -> None:
    assert group_into_files(rows) == group_into_files([dict(row) for row in rows])


def test_a_file_is_one_object_with_its_records_in_the_order_given() -> None:
    rows = [
        {"eventTime": f"2026-03-01T10:0{n}:00Z", "awsRegion": "us-east-1", "recipientAccountId": ACCOUNT, "n": n}
        for n in (2, 0, 1)
    ]
    [file] = group_into_files(rows, prefix="p")
    assert json.loads(gzip.decompress(file.body)) == {"Records": rows}
    assert file.key.startswith(f"p/AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/03/01/{ACCOUNT}_CloudTrail_us-east-1_")
    assert "_20260301T1002Z_" in file.key


def test_a_file_larger_than_aws_writes_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_FILE_BYTES", 400)
    rows = [
        {"eventTime": "2026-03-01T10:00:00Z", "awsRegion": "us-east-1", "recipientAccountId": ACCOUNT, "n": n}
        for n in range(20)
    ]
    files = group_into_files(rows)
    assert len(files) > 1
    assert all(len(gzip.decompress(file.body)) < 450 for file in files)
    assert sum(file.count for file in files) == 20


def test_a_record_without_a_place_is_refused_by_its_id() -> None:
    row = {"eventTime": "...", "awsRegion": "us-east-1", "recipientAccountId": ACCOUNT, "eventID": "e-1"}
    with pytest.raises(InvalidProps, match=r"record e-1: time .* is not as in eventTime"):
        group_into_files([row])


def test_the_account_of_the_caller_stands_in_when_the_recipient_is_missing() -> None:
    row = {
        "eventTime": "2026-03-01T10:00:00Z",
        "awsRegion": "us-east-1",
        "userIdentity": {"accountId": "444455556666"},
    }
    [file] = group_into_files([row])
    assert file.key.startswith("AWSLogs/444455556666/")
