"""CloudTrail records that somebody already has, put where a trail would have put them."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from raytrail.demo._athena import ask
from raytrail.demo._evidence import Evidence, wait_for
from raytrail.demo._inbox import Inbox
from raytrail.demo._target import Target
from raytrail.errors import EvidenceMissing, InvalidProps, RaytrailError
from raytrail.records import Aside, RecordLine, Refusal, group_into_files, place_of, read_records
from raytrail.settings import DEFAULT_REGIONS, AuditSettings

SHOWN_LINES = 5
SHOWN_REFUSALS = 20
"""Refusals that the report lists; it counts all."""


@dataclass(kw_only=True)
class Logs:
    """The records of some files, and what was refused.

    Attributes:
        records: Those that can be given a key, in the order read.
        refusals: File, line and reason of the others.
        read: How many there were.
        files_unread: Files that are none of CloudTrail's, with the reason.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    read: int = 0
    files_unread: list[Refusal] = field(default_factory=list)

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Logs:
        """Read files and folders of any shape that `raytrail.records` reads.

        Raises:
            RaytrailError: A path is not there.
        """
        logs = cls()
        for path in paths:
            if not path.exists():
                raise RaytrailError(f"--logs {path}: there is no such file or folder")
            for outcome in read_records(path):
                if isinstance(outcome, Refusal) and outcome.line == 0:
                    logs.files_unread.append(outcome)
                    continue
                logs.read += 1
                match outcome:
                    case RecordLine():
                        try:
                            place_of(outcome.record)
                        except InvalidProps as error:
                            logs.refusals.append(Refusal(file=outcome.file, line=outcome.line, reason=str(error)))
                        else:
                            logs.records.append(outcome.record)
                    case Aside():
                        reason = f"not an API event but {outcome.kind}"
                        logs.refusals.append(Refusal(file=outcome.file, line=outcome.line, reason=reason))
                    case Refusal():
                        logs.refusals.append(outcome)
        return logs

    def settings(self, account: str) -> dict[str, Any]:
        """Settings of the app under which the lake's tables show these records too, beside those of ``account``."""
        if not self.records:
            return {}
        places = [place_of(record) for record in self.records]
        audit = {
            "accounts": sorted({account, *(place[0] for place in places)}),
            "regions": sorted({*DEFAULT_REGIONS, *(place[1] for place in places)}),
            "start_date": min([AuditSettings().start_date, *(place[2].date() for place in places)]).isoformat(),
        }
        return {"audit": audit}


def load(target: Target, logs: Logs) -> dict[str, Any]:
    """Put the records into the trail's bucket under their true keys, and let EventBridge see them.

    Returns:
        What the report says under ``loaded``.

    Raises:
        EvidenceMissing: Athena does not show as many rows more as were loaded.
    """
    if not logs.records:
        return _summary(logs, rows=0, scanned=0)
    before, _ = _count(target, logs.records)
    bucket = target.output("TrailBucketName")
    for file in group_into_files(logs.records):
        target.client("s3").put_object(Bucket=bucket, Key=file.key, Body=file.body, ContentEncoding="gzip")
    after, scanned = _count(target, logs.records)
    rows = after - before
    if rows != len(logs.records):
        raise EvidenceMissing(f"{len(logs.records)} records were loaded, and Athena shows {rows} rows more")
    lines = "\n".join(json.dumps(record) for record in logs.records)
    target.emulator("raytrail", "/records?to=events", lines.encode())
    return _summary(logs, rows=rows, scanned=scanned)


def alerts_of(target: Target, logs: Logs) -> Counter[str]:
    """How many alerts of each detection came for the loaded records, by the pager's log: paged, counted or suppressed.

    The caller has let the pager finish (`settle`).
    """
    ids = {record["eventID"] for record in logs.records if "eventID" in record}
    pages = (
        target.client("logs").get_paginator("filter_log_events").paginate(logGroupName=target.output("PagerLogGroup"))
    )
    messages = (event["message"] for page in pages for event in page["events"])
    lines = [json.loads(message) for message in messages if message.startswith('{"outcome"')]
    told = {(line["detection"], line["event_id"]) for line in lines if line.get("event_id") in ids}
    return Counter(detection for detection, _ in told)


def pages_of(inbox: Inbox, logs: Logs) -> int:
    """How many pages came for the loaded records."""
    ids = {record["eventID"] for record in logs.records if "eventID" in record}
    return sum("detection" in message.body and message.body.get("event_id") in ids for message in inbox.messages)


def settle(target: Target) -> None:
    """Wait until no alert is on its way: what was loaded may set off many at once."""
    sqs, queue = target.client("sqs"), target.output("PagerQueueUrl")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def look() -> bool | None:
        waiting = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return True if all(waiting[name] == "0" for name in names) else None

    # What a rule has just matched reaches the queue at once; what the pager has published, the inbox a moment later.
    for _ in range(2):
        time.sleep(1)
        wait_for(look, seconds=120, what="the end of the alerts on their way to the pager")


def evidence(target: Target, summary: dict[str, Any]) -> Evidence:
    """The row of the loaded records."""
    alerts = ", ".join(f"{name} {count}" for name, count in sorted(summary["alerts"].items())) or "none"
    alerts += f", {summary['pages']} pages" if summary["alerts"] else ""
    refusals = [
        f"refused {each['file']}:{each['line']}: {each['reason']}" for each in summary["refusals"][:SHOWN_LINES]
    ]
    more = summary["refused"] - len(refusals)
    return Evidence(
        row="loaded logs",
        seen=(
            f"{summary['read']} records read, {summary['loaded']} loaded, {summary['refused']} refused; "
            f"{summary['rows_in_athena']} rows in Athena, {summary['bytes_scanned']:,} bytes read; alerts: {alerts}"
        ),
        proof=target.output("TrailBucketName"),
        read_with="athena:GetQueryResults, sqs:ReceiveMessage",
        made_by="S3 by ministack, Athena and EventBridge by raytrail",
        lines=(
            "rules see the events of their own Region and of global services alone, as on AWS",
            *(f"{each['file']}: {each['reason']}" for each in summary["files_unread"][:SHOWN_LINES]),
            *refusals,
            *([f"and {more} more refusals, of which report.json lists the first {SHOWN_REFUSALS}"] if more > 0 else []),
        ),
    )


def _summary(logs: Logs, *, rows: int, scanned: int) -> dict[str, Any]:
    return {
        "read": logs.read,
        "loaded": len(logs.records),
        "refused": len(logs.refusals),
        "refusals": [
            {"file": Path(each.file).name, "line": each.line, "reason": each.reason}
            for each in logs.refusals[:SHOWN_REFUSALS]
        ],
        "files_unread": [
            {"file": Path(each.file).name, "reason": each.reason} for each in logs.files_unread[:SHOWN_REFUSALS]
        ],
        "rows_in_athena": rows,
        "bytes_scanned": scanned,
        "alerts": {},
        "pages": 0,
    }


def _count(target: Target, records: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Rows of the lake's table in the accounts, Regions and days of the records, and the bytes read for it."""
    places = [place_of(record) for record in records]
    accounts, regions = sorted({place[0] for place in places}), sorted({place[1] for place in places})
    first, last = min(place[2] for place in places), max(place[2] for place in places)
    sql = (
        f'SELECT count(*) FROM "{target.output("EventsTableName")}" '  # noqa: S608 - our own names and checked values
        f"WHERE account IN ({_texts(accounts)}) AND region IN ({_texts(regions)}) "
        f"AND \"timestamp\" BETWEEN '{_day(first.date())}' AND '{_day(last.date())}'"
    )
    answer = ask(target, sql)
    return int(answer.rows[0][0]), answer.bytes_scanned


def _texts(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _day(day: date) -> str:
    return day.strftime("%Y/%m/%d")
