"""From exchanges to records, and from records to whoever takes them."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from raytrail.localaws._cloudtrail._delivery import Delivery
from raytrail.localaws._cloudtrail._history import History
from raytrail.localaws._cloudtrail._identity import Callers
from raytrail.localaws._cloudtrail._record import build
from raytrail.localaws._cloudtrail._selectors import category, covers, selects
from raytrail.localaws._cloudtrail._trails import Trail, Trails
from raytrail.localaws._hooks import hook
from raytrail.localaws._world import Exchange

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A record that CloudTrail made, as its listeners get it."""

    record: dict[str, Any]
    account_id: str
    """The account of the embedded AWS in which it happened; a record brought in from elsewhere names another."""
    on_a_trail: bool
    """Whether some trail that logs selects it."""


Listener = Callable[[Recorded], None]
_Call = tuple[Exchange, dict[str, Any], str, tuple[Trail, ...]]
"""A call that waits: what was exchanged, by whom, in which account, and the trails that judge it."""

listeners: list[Listener] = []
"""Called with each record, in its account and Region, on the recorder's thread. One server is one process."""


class Recorder:
    """Turns each exchange into a record on a thread of its own, in the order of the calls.

    A call is judged by the trails as they stood before it, so the call that stops a trail, or blinds it, is the
    last that the trail takes; the call that starts a trail is its first.
    """

    def __init__(self, trails: Trails, delivery: Delivery, history: History, callers: Callers) -> None:
        self._trails = trails
        self._delivery = delivery
        self._history = history
        self._callers = callers
        self._account = hook("ministack.core.responses:get_account_id")
        self._scope = hook("ministack.core.responses:request_scope")
        self._before: tuple[Trail, ...] = ()
        self._queue: queue.SimpleQueue[_Call | threading.Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="cloudtrail-recorder", daemon=True)

    def start(self) -> None:
        """Start recording on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Record what is waiting, and end the thread."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def catch_up(self) -> None:
        """Wait until what was called so far is recorded."""
        reached = threading.Event()
        self._queue.put(reached)
        reached.wait(timeout=30)

    def observe(self, exchange: Exchange) -> None:
        """Take note of an exchange. A `World.observers` function: it only looks up and queues."""
        before, self._before = self._before, self._trails.current()
        if exchange.service:
            account = str(self._account())
            identity = self._callers.identity(exchange.access_key_id, account)
            judging = tuple(trail for trail in before if trail.logging)
            known = {trail.arn for trail in judging}
            begun = tuple(trail for trail in self._before if trail.logging and trail.arn not in known)
            self._queue.put((exchange, identity, account, judging + begun))

    def take(self, record: dict[str, Any], account_id: str, trails: tuple[Trail, ...] | None = None) -> None:
        """Give a record to history, trails and listeners.

        Args:
            record: The record.
            account_id: The account of the embedded AWS in which it happened.
            trails: The trails that judge it. Default: those that log now.
        """
        if trails is None:
            trails = tuple(trail for trail in self._trails.current() if trail.logging)
        if category(record) == "Management":
            self._history.add(record, account_id)
        taken = [trail for trail in trails if trail.account_id == account_id and _takes(trail, record)]
        for trail in taken:
            self._delivery.add(trail, record)
        self.tell(record, account_id, on_a_trail=bool(taken))

    def tell(self, record: dict[str, Any], account_id: str, *, on_a_trail: bool) -> None:
        """Give a record to the listeners alone, as one whose file is in a trail's bucket already."""
        recorded = Recorded(record=record, account_id=account_id, on_a_trail=on_a_trail)
        with self._scope(account_id, str(record["awsRegion"])):
            for listener in listeners:
                try:
                    listener(recorded)
                except Exception:
                    logger.exception("a listener failed on %s", record.get("eventName"))

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
                continue
            exchange, identity, account, trails = item
            try:
                record = build(exchange, identity, account)
                if record is not None:
                    self.take(record, account, trails)
            except Exception:
                logger.exception("no record could be made of %s %s", exchange.method, exchange.path)


def _takes(trail: Trail, record: dict[str, Any]) -> bool:
    return covers(
        record,
        home_region=trail.home_region,
        multi_region=trail.multi_region,
        global_events=trail.global_events,
    ) and selects(trail.selectors, record)
