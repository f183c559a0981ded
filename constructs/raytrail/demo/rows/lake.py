"""Rows of the trail and of the lake that reads it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from raytrail.demo._athena import Answer, ask
from raytrail.demo._evidence import Evidence, wait_for
from raytrail.demo._scene import Collector, Scene
from raytrail.demo._target import Target
from raytrail.errors import EvidenceMissing
from raytrail.queries import saved_queries


def trail(scene: Scene) -> Evidence:
    """Files that the trail delivered, holding the application's call to its table."""
    target, s3 = scene.target, scene.target.client("s3")
    bucket, table = target.output("TrailBucketName"), target.output("TableName")
    account = target.client("sts").get_caller_identity()["Account"]
    today = datetime.now(UTC).strftime("%Y/%m/%d")
    prefix = f"AWSLogs/{account}/CloudTrail/{target.session.region_name}/{today}/"

    def look() -> tuple[int, str, str] | None:
        keys = [
            item["Key"]
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for item in page.get("Contents", [])
        ]
        for key in reversed(keys):
            for record in json.loads(gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))["Records"]:
                if (
                    record["eventName"] == "PutItem"
                    and (record.get("requestParameters") or {}).get("tableName") == table
                    and datetime.fromisoformat(record["eventTime"]) >= scene.traffic.since.replace(microsecond=0)
                ):
                    return len(keys), key, record["eventID"]
        return None

    files, key, event_id = wait_for(
        look, seconds=target.patience_seconds, what=f"a file of the trail with PutItem on {table} below {prefix}"
    )
    return Evidence(
        row="trail",
        seen=f"{files} files today; the function's PutItem is in {key.rpartition('/')[2]}",
        proof=event_id,
        read_with="s3:GetObject",
        made_by=target.made_by("S3 by ministack, records by raytrail"),
    )


def query(title: str, *, mentions: Callable[[Scene], str]) -> Collector:
    """The answer of one saved query, which must mention something that just happened."""

    def collect(scene: Scene) -> Evidence:
        target = scene.target
        named = _named_query(target, title)
        question = next(each for each in saved_queries() if each.title == title)
        wanted, since = mentions(scene), scene.traffic.since.date().isoformat()

        def look() -> Answer | None:
            days = {"from": since, "to": datetime.now(UTC).date().isoformat()}
            answer = ask(target, named["QueryString"], question.bind(days))
            return answer if any(wanted in cell for row in answer.rows for cell in row) else None

        answer = wait_for(
            look, seconds=target.patience_seconds, what=f"{wanted!r} in the answer of the query {title!r}", pause=1
        )
        return Evidence(
            row=f"query: {title}",
            seen=f"{_rows(len(answer.rows))}, {answer.bytes_scanned:,} bytes read; {wanted!r} is among them",
            proof=answer.execution_id,
            read_with="athena:GetQueryResults",
            made_by=target.made_by("raytrail's Athena on DuckDB"),
        )

    return collect


def _named_query(target: Target, title: str) -> dict[str, Any]:
    athena = target.client("athena")
    pages = athena.get_paginator("list_named_queries").paginate(WorkGroup=target.output("WorkGroupName"))
    for page in pages:
        for identifier in page["NamedQueryIds"]:
            named: dict[str, Any] = athena.get_named_query(NamedQueryId=identifier)["NamedQuery"]
            if named["Name"] == title:
                return named
    raise EvidenceMissing(f"the workgroup {target.output('WorkGroupName')} has no saved query {title!r}")


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
