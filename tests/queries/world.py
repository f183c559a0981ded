"""Lakes to ask the saved queries: three accounts, four Regions and ninety days in the layout of a trail's bucket."""

from __future__ import annotations

import gzip
import json
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.athena_lake import Lake
from tests.audit.own_records import TODAY, event, later_records, lone_records, own_records, role
from tests.queries.plain_reader import Record, field, identity, scalar, text
from tests.queries.variations import every_name, near_misses

ACCOUNTS = ("111122223333", "444455556666", "777788889999")
REGIONS = ("us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2")
DAYS = 90
ALL_FILED = 14

Files = dict[tuple[str, str, date], list[Record]]


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def own_lake(aws: Any) -> Lake:
    """Own records over every account and Region, with copies of events, a late delivery, and days without a file.

    There is a file for each of the last days, for each day on which something happens, and for every twentieth with its
    neighbours: queries begin there, and one that begins a day early or late reads other files.
    """
    busy = {record["eventTime"][:10] for record in [*own_records(), *later_records(), *near_misses(), *every_name()]}
    files: Files = {
        (account, region, ago(days)): [
            event("DescribeInstances", "ec2", days=days, at="03:00:00", readOnly=True, user=role("watch", "watch"))
        ]
        for account in ACCOUNTS
        for region in REGIONS
        for days in range(DAYS)
        if days <= ALL_FILED or days % 20 in (19, 0, 1) or str(ago(days)) in busy
        if (account, region) != (ACCOUNTS[1], REGIONS[2]) or days not in (10, 11)
    }
    for (account, region, day), records in files.items():
        # The last Region comes into use in the last days.
        known = region != REGIONS[-1] or day >= ago(2)
        for record in [*own_records(), *later_records()] if known else []:
            if record["eventTime"][:10] == str(day):
                records.append({**record, "awsRegion": region, "recipientAccountId": account})
    # What happened shortly before midnight lies under the day of its delivery.
    files[ACCOUNTS[0], REGIONS[1], ago(1)] += lone_records()
    for record in [*near_misses(), *every_name()]:
        day = date.fromisoformat(record["eventTime"][:10])
        if (ACCOUNTS[0], REGIONS[1], day) in files:
            files[ACCOUNTS[0], REGIONS[1], day].append(record)
    lake = Lake(aws, accounts=ACCOUNTS, regions=REGIONS, start_date=ago(DAYS))
    for (account, region, day), records in files.items():
        lake.put(account, region, day, [{**record, "eventID": str(uuid.uuid4())} for record in records])
    for account, region, day, record in copies(lake):
        lake.put(account, region, day, [record])
    return lake


def copies(lake: Lake) -> list[tuple[str, str, date, Record]]:
    """Every fortieth event again: CloudTrail may deliver one twice, in the same day's folder or in the next one's."""
    again = [
        (account, region, datetime.strptime(day, "%Y/%m/%d").date() + timedelta(days=number % 2), record)
        for number, (account, region, day, record) in enumerate(lake.records[::40])
    ]
    return [each for each in again if each[2] <= TODAY]


def real_lake(aws: Any, folder: Path) -> Lake:
    """Real records, moved to the accounts, Regions and days of the layout: their order, their times of day and all
    else is theirs."""
    records = list(real_records(folder))
    files: Files = defaultdict(list)
    for number, record in enumerate(records):
        block, day = number // 6, ago(DAYS - 1 - number * DAYS // len(records))
        account, region = ACCOUNTS[block % len(ACCOUNTS)], REGIONS[block % len(REGIONS)]
        time = str(record.get("eventTime"))
        moved = {"eventTime": f"{day}{time[10:]}"} if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}Z", time) else {}
        there = {**record, **moved, "recipientAccountId": account, "awsRegion": region}
        files[account, region, day].append(there)
    lake = Lake(aws, accounts=ACCOUNTS, regions=REGIONS, start_date=ago(DAYS))
    for (account, region, day), group in files.items():
        lake.put(account, region, day, group)
    return lake


def real_records(folder: Path) -> Iterator[Record]:
    for file in sorted(folder.glob("*.ndjson.gz")):
        for line in gzip.decompress(file.read_bytes()).splitlines():
            row = json.loads(line)
            yield row.get("record") or row.get("event", {}).get("detail") or row


def own_values() -> dict[str, str]:
    return {
        "since": str(ago(60)),
        "from": str(ago(6)),
        "to": str(TODAY),
        "principal": "arn:aws:iam::111122223333:role/admin",
        "address": "203.0.113.9",
        "access_key": "ASIAEVA",
        "resource": "arn:aws:s3:::orders",
        "actor": "arn:aws:iam::111122223333:user/ana",
        "at": f"{ago(1)}T08:30:00Z",
        "account": ACCOUNTS[0],
        "region": REGIONS[1],
        "at_least": "2",
    }


def real_values(lake: Lake) -> dict[str, str]:
    """Ask for what stands in the records most often, and for the hour of a change in their midst."""
    records = [record for *_, record in lake.records]
    changes = [
        each for each in lake.records if text(field(each[3], "readOnly")) == "false" and "errorCode" not in each[3]
    ]
    account, region, _, change = changes[len(changes) // 2]
    return {
        **own_values(),
        "since": str(ago(DAYS - 1)),
        "from": str(ago(DAYS - 30)),
        "principal": most_common(identity(record, "arn") for record in records),
        "address": most_common(text(field(record, "sourceIPAddress")) for record in records),
        "access_key": most_common(identity(record, "accessKeyId") for record in records),
        "resource": most_common(scalar(record, "requestParameters", "bucketName") for record in records),
        "actor": str(identity(change, "arn")),
        "at": str(change["eventTime"]),
        "account": account,
        "region": region,
        "at_least": "1",
    }


def most_common(values: Iterator[str | None]) -> str:
    return Counter(value for value in values if value).most_common(1)[0][0]
