"""The messages that came out of the alert channel: SNS to SQS, read as any subscriber would."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from raytrail.demo._evidence import wait_for
from raytrail.demo._target import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message and when it was received (seconds since the epoch)."""

    body: dict[str, Any]
    received_at: float


@dataclass(kw_only=True)
class Inbox:
    """Keeps what it read, so that each row can look for its own message."""

    target: Target
    messages: list[Message] = field(default_factory=list)

    def read(self) -> None:
        """Receive and delete what is there now."""
        queue, sqs = self.target.output("AlarmInboxUrl"), self.target.client("sqs")
        while True:
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0)
            batch = answer.get("Messages", [])
            if not batch:
                return
            for message in batch:
                try:
                    body = json.loads(message["Body"])
                except ValueError:
                    body = {"text": message["Body"]}
                self.messages.append(Message(body=body, received_at=time.time()))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Read all the time, so that each message's delay is its own and not that of who looks for it.

        What was there before is thrown away, and what comes is deleted once it is read.
        """
        self.read()
        self.messages.clear()
        stopping = threading.Event()

        def listen() -> None:
            while not stopping.wait(0.2):
                self.read()

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield
        finally:
            stopping.set()
            listener.join()

    def find(self, *, since: float = 0.0, **wanted: str) -> Message | None:
        """The first message whose body has these values, and whose event is not older than ``since``."""
        for message in self.messages:
            if all(message.body.get(key) == value for key, value in wanted.items()) and _time_of(message) >= int(since):
                return message
        return None

    def wait(self, *, what: str, seconds: float, since: float = 0.0, **wanted: str) -> Message:
        """Wait, while `listening`, until a message with these values is there, not older than ``since``.

        Raises:
            EvidenceMissing: It did not come.
        """

        return wait_for(lambda: self.find(since=since, **wanted), seconds=seconds, what=what)


def _time_of(message: Message) -> float:
    """When what an alert is about happened; of what names no time, when it was received."""
    told = message.body.get("time")
    return datetime.fromisoformat(told).timestamp() if told else message.received_at
