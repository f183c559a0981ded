"""One job of a replay: pieces of logs through both engines. What comes back is what matched, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

import orjson

from raytrail.cli._replay._pieces import Piece
from raytrail.cli._replay._reading import Read, read_piece
from raytrail.cli._replay._windows import Slot, slot_of
from raytrail.records import Aside, Refusal
from raytrail.replay import Detection, EventBus, EventRule, Match, account_of, actor_of, time_of
from raytrail.sigma import Correlation, Engine

if TYPE_CHECKING:
    from raytrail.localaws.athena import Conditions


class Kept(NamedTuple):
    """A record that correlations look at."""

    file: str
    line: int
    text: bytes
    correlations: tuple[tuple[str, Slot], ...]
    """Their names, and where the record stands in each."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What every worker needs. It can be pickled.

    Attributes:
        event_rules: The rules on the bus; none where EventBridge is not asked.
        conditions: The conditions of Athena's rules, those of correlations with them; None where it is not asked.
        told: What a condition says, by its name. A condition that is only part of a correlation says nothing.
        correlated: The correlations that look at the records of a condition, by its name.
        correlations: What these ask, by their names.
        locate: Ids of events that somebody else matched, and what they matched: their places are looked for.
    """

    event_rules: tuple[EventRule, ...] = ()
    conditions: Conditions | None = None
    told: Mapping[str, Detection] = field(default_factory=dict)
    correlated: Mapping[str, Sequence[str]] = field(default_factory=dict)
    correlations: Mapping[str, Correlation] = field(default_factory=dict)
    locate: Mapping[str, Sequence[Detection]] = field(default_factory=dict)


@dataclass(kw_only=True)
class Done:
    """What a job came to."""

    matches: list[Match] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    """Those with a record."""
    asides: Counter[str] = field(default_factory=Counter)
    places: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Records by account, Region and day."""
    stored: int = 0


class Worker:
    """Does jobs. A context manager."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._bus = EventBus(setup.event_rules)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._setup.conditions is not None:
            from raytrail.localaws.athena import Batches, is_plain

            self._is_plain = is_plain
            self._batches = self._stack.enter_context(Batches(self._setup.conditions))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stack.close()

    def do(self, job: Sequence[Piece]) -> Done:
        """Replay the records of some pieces."""
        done = Done(stored=sum(piece.stored for piece in job))
        seen: list[_Seen] = []
        for piece in job:
            for each in read_piece(piece):
                if isinstance(each, Refusal):
                    done.refusals.append(each)
                elif isinstance(each, Aside):
                    done.asides[each.kind] += 1
                else:
                    seen.append(self._see(each, done))
        if self._setup.conditions is not None:
            self._ask(seen, done)
        done.matches = [match for each in seen for match in each.matches]
        return done

    def _see(self, read: Read, done: Done) -> _Seen:
        """Let the bus see a record, and keep of it what is needed to say who matched it."""
        record = read.record
        event_id, time = record.get("eventID"), time_of(record)
        seen = _Seen(
            file=read.file,
            line=read.line,
            event_id=event_id if isinstance(event_id, str) else None,
            actor=actor_of(record),
            account=account_of(record),
            time=time,
        )
        done.files.add(read.file)
        done.places[seen.account, str(record.get("awsRegion") or "unknown"), time[:10]] += 1
        for detection in self._bus.detections(record):
            seen.add(detection, "eventbridge")
        for detection in self._setup.locate.get(seen.event_id or "", ()):
            seen.add(detection, "athena")
        if self._setup.conditions is not None:
            seen.text, seen.plain = read.text, self._is_plain(record)
        return seen

    def _ask(self, records: Sequence[_Seen], done: Done) -> None:
        from raytrail.localaws.athena import Record

        met, misfits = self._batches.ask([Record(each.text, each.plain) for each in records])
        kept: dict[int, dict[str, None]] = {}
        for condition, place in met:
            detection = self._setup.told.get(condition)
            if detection is not None:
                records[place].add(detection, "athena")
            if condition in self._setup.correlated:
                kept.setdefault(place, {}).update(dict.fromkeys(self._setup.correlated[condition]))
        for place, names in kept.items():
            seen = records[place]
            record = orjson.loads(seen.text)
            slots = tuple((name, slot_of(record, name, self._setup.correlations[name])) for name in names)
            done.kept.append(Kept(seen.file, seen.line, seen.text, slots))
        for place, reason in misfits:
            said = f"Athena cannot read this record, which EventBridge's rules saw: {reason}"
            done.refusals.append(Refusal(file=records[place].file, line=records[place].line, reason=said))


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What is kept of a record until its batch is done: thousands of them parsed would fill the memory."""

    file: str
    line: int
    event_id: str | None
    actor: str
    account: str
    time: str
    text: bytes = b""
    plain: bool = False
    matches: list[Match] | tuple[()] = ()

    def add(self, detection: Detection, engine: Engine) -> None:
        match = Match(
            file=self.file,
            line=self.line,
            event_id=self.event_id,
            detection=detection,
            engine=engine,
            actor=self.actor,
            account=self.account,
            time=self.time,
        )
        self.matches = [*self.matches, match]
