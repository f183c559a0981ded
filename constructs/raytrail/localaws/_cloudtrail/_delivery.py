"""Writes what trails selected: files to their buckets, events to their log groups, word to their topics."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from raytrail.localaws._cloudtrail._destinations import log_group_name
from raytrail.localaws._cloudtrail._digests import Digests
from raytrail.localaws._cloudtrail._late import Late
from raytrail.localaws._cloudtrail._put import ObjectWriter, error_code
from raytrail.localaws._cloudtrail._trails import Trail, Trails
from raytrail.localaws._hooks import hook
from raytrail.records import group_into_files

logger = logging.getLogger(__name__)

MAX_WAITING = 100_000
"""Records kept for a trail whose bucket takes none. AWS tries for 30 days."""


class Delivery:
    """Gathers records for a while, then delivers them; what a bucket refuses is tried again.

    It calls ministack's functions and not its server, so it records nothing about itself.
    """

    def __init__(self, trails: Trails, writer: ObjectWriter, digests: Digests, every_seconds: float) -> None:
        self._trails = trails
        self._writer = writer
        self._digests = digests
        self._every = every_seconds
        self._scope = hook("ministack.core.responses:request_scope")
        self._publish = Late("ministack.services.sns:publish_internal")
        self._publish_error = hook("ministack.services.sns:SnsPublishError")
        self._log_groups = hook("ministack.services.cloudwatch_logs:_log_groups")
        self._create_log_stream = Late("ministack.services.cloudwatch_logs:_create_log_stream")
        self._put_log_events = Late("ministack.services.cloudwatch_logs:_put_log_events")
        self._lock = threading.Lock()
        self._delivering = threading.Lock()
        self._waiting: dict[str, tuple[Trail, list[dict[str, Any]]]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cloudtrail-delivery", daemon=True)

    def start(self) -> None:
        """Start delivering on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Deliver what waits, and end the thread."""
        self._ended.set()
        self._thread.join(timeout=2)
        self.flush()

    def add(self, trail: Trail, record: dict[str, Any]) -> None:
        """Let a record wait for a trail's next delivery."""
        with self._lock:
            _, rows = self._waiting.get(trail.arn, (trail, []))
            rows.append(record)
            self._waiting[trail.arn] = trail, rows[-MAX_WAITING:]

    def flush(self) -> None:
        """Deliver what waits, now, and then the digests that are due."""
        with self._delivering:
            with self._lock:
                waiting, self._waiting = self._waiting, {}
            for trail, rows in waiting.values():
                with self._scope(trail.account_id, trail.home_region):
                    self._deliver(trail, rows)
            self._digests.turn()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self.flush()
            except Exception:
                logger.exception("a delivery of CloudTrail failed")

    def _deliver(self, trail: Trail, rows: list[dict[str, Any]]) -> None:
        status = self._trails.status(trail.arn)
        keys = []
        refused: str | None = None
        for file in group_into_files(rows, prefix=trail.prefix, organization_id=trail.organization_id):
            refused = self._writer.put(trail, file.key, file.body)
            if refused:
                break
            keys.append(file.key)
            self._digests.note(trail, file.key, file.body)
        status.note("s3", refused)
        if refused:
            # Whole, as the same records give the same keys: a file that was written is only written again.
            with self._lock:
                newer = self._waiting.get(trail.arn, (trail, []))[1]
                self._waiting[trail.arn] = trail, (rows + newer)[-MAX_WAITING:]
            return
        if trail.topic_arn:
            status.note("sns", self._notify(trail, keys))
        if trail.log_group_arn:
            status.note("logs", self._log(trail, rows))

    def _notify(self, trail: Trail, keys: Sequence[str]) -> str | None:
        for key in keys:
            try:
                message = json.dumps({"s3Bucket": trail.bucket, "s3ObjectKey": [key]}, separators=(",", ":"))
                if self._publish(trail.topic_arn, message) is None:
                    return "NotFound"
            except self._publish_error as error:
                return str(error.code)
        return None

    def _log(self, trail: Trail, rows: list[dict[str, Any]]) -> str | None:
        name = log_group_name(trail.log_group_arn)
        stream = f"{trail.account_id}_CloudTrail_{trail.home_region}"
        group = self._log_groups.get(name)
        if group is None:
            return "ResourceNotFoundException"
        if stream not in group["streams"]:
            self._create_log_stream({"logGroupName": name, "logStreamName": stream})
        rows = sorted(rows, key=_milliseconds)
        events = [
            {"timestamp": _milliseconds(row), "message": json.dumps(row, separators=(",", ":"), ensure_ascii=False)}
            for row in rows
        ]
        answer = self._put_log_events({"logGroupName": name, "logStreamName": stream, "logEvents": events})
        return None if answer[0] < 300 else error_code(answer)


def _milliseconds(record: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(record["eventTime"]).timestamp() * 1000)
