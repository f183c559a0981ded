"""Plain Python's answers to the queries that compare days with a history, count what was delivered, or miss it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.queries.plain_reader import (
    ADDRESS,
    AGENT,
    DAY,
    ERROR,
    FILED_ACCOUNT,
    FILED_REGION,
    ID,
    NAME,
    SOURCE,
    TIME,
    Record,
    Values,
    actor,
    changed,
    distinct,
    field,
    first,
    grouped,
    identity,
    named,
    ordered,
    scalar,
    span,
    text,
)

Rows = list[list[Any]]
CODE = ("cloudformation.amazonaws.com", "Terraform/", "Pulumi/")


def day(value: str) -> str:
    return value.replace("-", "/")


def first_use_of_service(records: Sequence[Record], values: Values) -> Rows:
    known = {who: min(map(DAY, group)) for (who,), group in grouped(records, actor).items()}
    rows = [
        (who, known[who], service, span(group)[0], distinct(group))
        for (who, service), group in grouped(records, actor, SOURCE).items()
        if min(map(DAY, group)) >= day(values["from"])
    ]
    return ordered(rows, -4, 1, 3)


def first_use_of_region(records: Sequence[Record], values: Values) -> Rows:
    groups = grouped([record for record in records if changed(record)], FILED_ACCOUNT, FILED_REGION)
    rows = [
        (*key, span(group)[0], distinct(group, actor), distinct(group))
        for key, group in groups.items()
        if min(map(DAY, group)) >= day(values["from"])
    ]
    return ordered(rows, -3, 1, 2)


def unused_keys(records: Sequence[Record], values: Values) -> Rows:
    used: dict[str, list[Record]] = defaultdict(list)
    made: dict[str, list[Record]] = defaultdict(list)
    deleted = set()
    for record in records:
        used[str(identity(record, "accessKeyId"))].append(record)
        if NAME(record) == "CreateAccessKey":
            made[str(scalar(record, "responseElements", "accessKey", "accessKeyId"))].append(record)
        if NAME(record) == "DeleteAccessKey" and ERROR(record) is None and TIME(record) is not None:
            deleted.add(named(record, "accessKeyId"))
    rows = []
    for key in {*used, *made}:
        last_day = max(map(DAY, used.get(key, ())), default="")
        if not key.startswith("AKIA") or key in deleted or last_day >= day(values["from"]):
            continue
        owners = [identity(record, "userName") for record in used.get(key, ())]
        owners += [scalar(record, "responseElements", "accessKey", "userName") for record in made.get(key, ())]
        owner = max((name for name in owners if name is not None), default=None)
        rows.append((key, owner, span(made.get(key, ()))[0], span(used.get(key, ()))[1]))
    return ordered(rows, 4, 1)


def manual_changes(records: Sequence[Record], values: Values) -> Rows:
    def resource(record: Record) -> str | None:
        of_names = ("bucketName", "functionName", "roleName", "userName", "groupName", "groupId", "tableName")
        of_ids = ("topicArn", "queueUrl", "keyId", "logGroupName", "instanceId", "vpcId", "subnetId", "routeTableId")
        return named(record, *of_names, *of_ids, "dBInstanceIdentifier", "name")

    def by_code(record: Record) -> bool:
        services = (identity(record, "invokedBy"), ADDRESS(record))
        return CODE[0] in services or any(mark in (AGENT(record) or "") for mark in CODE)

    def by_service(record: Record) -> bool:
        return identity(record, "invokedBy") is not None or (ADDRESS(record) or "").endswith(".amazonaws.com")

    rows = set()
    changes = [record for record in records if changed(record) and resource(record) is not None]
    for group in grouped(changes, FILED_ACCOUNT, SOURCE, resource).values():
        last = span([record for record in group if by_code(record)])[1]
        for record in group:
            if last is None or by_code(record) or by_service(record) or DAY(record) < day(values["from"]):
                continue
            where = (FILED_ACCOUNT(record), FILED_REGION(record))
            what = (SOURCE(record), NAME(record), resource(record))
            rows.add((TIME(record), *where, actor(record), *what, AGENT(record), last, ID(record)))
    return ordered(rows, -1, 10)


def trail_cost(records: Sequence[Record], _: Values) -> Rows:
    def kind(record: Record) -> str | None:
        of_data = text(field(record, "managementEvent")) == "false"
        return first(text(field(record, "eventCategory")), "Data" if of_data else "Management")

    rows = []
    for key, group in grouped(records, FILED_ACCOUNT, kind, SOURCE).items():
        events = distinct(group)
        # What has no verified price gets none.
        prices = {"Management": (0.0, 2.0), "Data": (0.1, 0.1)}.get(str(key[1]), (None, None))
        costs = [None if price is None else round(price * events / 1e5, 6) for price in prices]
        rows.append((*key, events, *costs))
    return ordered(rows, -4, 1, 2, 3)


def delivery_gaps(records: Sequence[Record], values: Values) -> Rows:
    heard = {(FILED_ACCOUNT(record), FILED_REGION(record), (TIME(record) or "")[:13]) for record in records}
    begin = datetime.fromisoformat(f"{values['from']}T00:00:00")
    end = datetime.fromisoformat(f"{values['to']}T00:00:00") + timedelta(days=1)
    hours = [begin + timedelta(hours=count) for count in range(int((end - begin).total_seconds() // 3600))]
    rows = []
    for account in values["accounts"].split():
        for region in values["regions"].split():
            silence: list[datetime] = []
            for hour in [*hours, None]:
                if hour is not None and (account, region, f"{hour:%Y-%m-%dT%H}") not in heard:
                    silence.append(hour)
                elif silence:
                    until = silence[-1] + timedelta(hours=1)
                    rows.append((account, region, f"{silence[0]:%FT%TZ}", f"{until:%FT%TZ}", len(silence)))
                    silence = []
    return ordered(rows, -5, 1, 2, 3)


ANSWERS = (delivery_gaps, first_use_of_region, first_use_of_service, manual_changes, trail_cost, unused_keys)
