"""Correlations: whole statements of Athena's SQL over the records that their rules matched.

What a correlation looks at was kept on disk while the records went by: memory does not grow with it.
"""

from __future__ import annotations

import itertools
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import orjson

from raytrail.cli._replay._windows import Slot, Windows, fewest
from raytrail.cli._replay._work import Kept
from raytrail.queries import EVENTS
from raytrail.replay import Detection, Match, match_of
from raytrail.sigma import CompiledRule, statements

TABLE: Mapping[str, Any] = EVENTS.table_input(
    bucket="files", accounts=("unknown",), regions=("unknown",), start_date=date.min
)
"""The lake's table. Its location and partitions do not matter: the records are in hand."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Records as they were kept, to be read again by each scan of a statement."""

    path: Path
    wanted: bytearray
    """For each record in the file whether it is."""

    def __iter__(self) -> Iterator[Any]:
        from raytrail.localaws.athena import Located

        with self.path.open("rb") as stream:
            for line in itertools.compress(stream, self.wanted):
                file, number, record = line.rstrip(b"\n").split(b"\t", 2)
                yield Located(orjson.loads(file), int(number), record)


class Correlations:
    """Keeps what correlations look at, and asks them at the end. A context manager.

    Args:
        correlations: The correlations.
        rules: The rules that they name, by name.
    """

    def __init__(self, correlations: Sequence[CompiledRule], rules: Mapping[str, CompiledRule]) -> None:
        self._correlations = {rule.name: rule for rule in correlations}
        self._rules = rules
        self._files: dict[str, IO[bytes]] = {}
        self._slots: dict[str, array[int]] = {}
        self._windows = Windows()

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="raytrail-")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            for stream in self._files.values():
                stream.close()
        finally:
            self._folder.cleanup()

    def keep(self, records: Iterable[Kept]) -> None:
        """Keep records for the correlations that they are for."""
        for each in records:
            line = b"%b\t%d\t%b\n" % (orjson.dumps(each.file), each.line, each.text)
            for name, slot in each.correlations:
                if name not in self._files:
                    self._files[name] = self._path(name).open("wb")
                self._files[name].write(line)
                self._slots.setdefault(name, array("q")).extend(slot)
                self._windows.add(slot)

    def matches(self) -> Iterator[Match]:
        """What the correlations see: each match is the event that completes one."""
        for name in sorted(self._files):
            self._files[name].close()
            rule = self._correlations[name]
            assert rule.correlation is not None
            least = fewest(rule.correlation)
            slots = iter(self._slots[name])
            wanted = bytearray(
                self._windows.may_complete(Slot(*each), least) for each in zip(slots, slots, slots, strict=True)
            )
            if any(wanted):
                yield from self._ask(rule, wanted)

    def _ask(self, rule: CompiledRule, wanted: bytearray) -> Iterator[Match]:
        from raytrail.localaws.athena import FILE, LINE, Records, ask, with_places

        kept = _Kept(self._path(rule.name), wanted)
        completing = {
            (row[-2], row[-1])
            for statement in statements(
                [rule],
                table=EVENTS.name,
                accounts=None,
                regions=None,
                window=False,
                carry=[FILE, LINE],
                among=self._rules.values(),
            )
            for row in ask(statement.sql, table=with_places(TABLE), files=Records(records=kept)).rows
        }
        detection = Detection.of(rule)
        for each in kept:
            if (each.file, str(each.line)) in completing:
                yield match_of(each.file, each.line, orjson.loads(each.record), detection, "athena")

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / f"{name}.kept"
