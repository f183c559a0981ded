"""Records of somebody's own as the rows of a query: as Hive's SerDe reads them, and each with its place."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from raytrail.localaws._athena import _log_records
from raytrail.localaws.athena import FILE, LINE, Located, Records, ask, with_places
from raytrail.queries import CLOUDTRAIL_COLUMNS, EVENTS

ATTACKS = Path(__file__).parents[3] / "shared" / "attack-logs"
TABLE = with_places(EVENTS.table_input(bucket="b", accounts=["1"], regions=["us-east-1"], start_date=date(2026, 1, 1)))
# Every column, and the parts of the one that has most.
COLUMNS = [
    *(column.name for column in CLOUDTRAIL_COLUMNS if column.type == "string"),
    *("useridentity.type", "useridentity.arn", "useridentity.sessioncontext.attributes.mfaauthenticated"),
    *("useridentity.sessioncontext.sessionissuer.arn", "useridentity.invokedby", "tlsdetails.tlsversion"),
    "array_join(transform(resources, r -> concat(r.arn, ' ', coalesce(r.accountid, '-'), ' ', coalesce(r.type, '-'))), "
    "',', '-')",
    "element_at(useridentity.sessioncontext.webidfederationdata.attributes, 'aud')",
    *("account", "region", '"timestamp"'),
]
EVENT = {
    "eventVersion": "1.11",
    "eventTime": "2026-11-22T10:00:00Z",
    "eventSource": "s3.amazonaws.com",
    "eventName": "GetObject",
    "awsRegion": "eu-west-1",
    "recipientAccountId": "111122223333",
    "readOnly": True,
    "userIdentity": {
        "type": "AssumedRole",
        "arn": "arn:aws:sts::111122223333:assumed-role/r/s",
        "sessionContext": {
            "attributes": {"mfaAuthenticated": "false"},
            "sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/r"},
            "webIdFederationData": {"attributes": {"aud": "app"}},
        },
    },
    "requestParameters": {"a": [1, {"b": None}], "t": 'x"y\\ü', "n": 1.50},
    "responseElements": None,
    "resources": [{"ARN": "arn:aws:s3:::b", "accountId": "111122223333", "type": "T"}, {"arn": "arn:aws:s3:::c"}],
    "tlsDetails": {"tlsVersion": "TLSv1.3"},
}


def rows(records: Sequence[Located]) -> list[list[str | None]]:
    source = Records(records=records)
    found = ask(f"SELECT {FILE}, {LINE}, {', '.join(COLUMNS)} FROM {EVENTS.name}", table=TABLE, files=source).rows
    assert not source.skipped
    return sorted(found, key=lambda row: int(str(row[1])))


def by_the_rules(records: Sequence[Located], monkeypatch: pytest.MonkeyPatch) -> list[list[str | None]]:
    """The same, each record read in Python."""
    with monkeypatch.context() as patch:
        patch.setattr(_log_records, "_load", lambda records, *_: iter(records))
        return rows(records)


def located(records: Sequence[Any]) -> list[Located]:
    return [Located("a.json", line, json.dumps(each).encode()) for line, each in enumerate(records, 1)]


def test_a_record_is_read_as_hive_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    variants: list[dict[str, Any]] = [
        {},
        {"resources": None},
        {"resources": []},
        {"requestParameters": "plain text"},
        {"requestParameters": 5, "errorMessage": {"nested": [True]}},
        {"userIdentity": None},
        {"userIdentity": {"type": 7, "accountId": "444455556666"}, "recipientAccountId": ""},
        {"eventTime": "2026-11-22 10:00:00.000000000", "unknown": {"x": 1}},
        {"awsRegion": None, "apiVersion": 20150331},
    ]
    records = located([{**EVENT, **changes} for changes in variants])
    found = rows(records)
    assert found == by_the_rules(records, monkeypatch)
    assert [row[:2] for row in found] == [["a.json", str(line)] for line in range(1, len(variants) + 1)]
    (plain,) = rows(located([EVENT]))
    assert plain[-5:-3] == ["arn:aws:s3:::b 111122223333 T,arn:aws:s3:::c - -", "app"]
    assert plain[-3:] == ["111122223333", "eu-west-1", "2026/11/22"]


def test_real_records_are_read_as_hive_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    if not ATTACKS.is_dir():
        pytest.skip("needs the folder of real records beside the repository")
    found: list[Any] = []
    for name in ("stratus", "panther_cases", "grycap_2017_account"):
        with gzip.open(ATTACKS / f"{name}.ndjson.gz") as lines:
            found += [each.get("record", each) for each in map(json.loads, lines)]
    records = located([each for each in found if each.get("eventTime")])
    assert len(records) > 400
    pairs = zip(rows(records), by_the_rules(records, monkeypatch), strict=True)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


@pytest.mark.parametrize(
    "misfit", [{**EVENT, "userIdentity": "root"}, {**EVENT, "resources": {"ARN": "x"}}, [1, 2], "x"]
)
def test_a_record_that_does_not_fit_is_named_and_costs_no_other(misfit: Any) -> None:
    source = Records(records=located([EVENT, misfit, EVENT]))
    sql = f"SELECT {LINE}, useridentity.type, cardinality(resources) FROM {EVENTS.name}"
    run = ask(sql, table=TABLE, files=source)
    assert sorted(str(line) for line, *_ in run.rows) == ["1", "3"]
    assert [(each.uri, each.place) for each in source.skipped] == [("a.json", 2)]


def test_what_is_no_json_is_named_and_costs_no_other() -> None:
    source = Records(records=[*located([EVENT, EVENT]), Located("b.json", 9, b'{"eventName": "cut')])
    run = ask(f"SELECT count(*) FROM {EVENTS.name} WHERE eventname = 'GetObject'", table=TABLE, files=source)
    assert run.rows == [["2"]]
    assert [(each.uri, each.place) for each in source.skipped] == [("b.json", 9)]


def test_more_than_is_loaded_at_once_is_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_log_records, "_BATCH", 7)
    run = ask(
        f"SELECT count(*), count(DISTINCT {LINE}) FROM {EVENTS.name}",
        table=TABLE,
        files=Records(records=located([EVENT] * 30)),
    )
    assert run.rows == [["30", "30"]]
