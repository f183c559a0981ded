"""What a check looks like: lines for a person, or JSON for a program."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from raytrail.cli._output import write
from raytrail.cli._terminal import clean, show
from raytrail.integrity import HARMED, ChainName, Covered, Outcome, Status

LISTED = 3
"""How many files of which the same is unverified are named one by one; of more, the newest and the oldest."""

_COLOURS = {Status.VERIFIED: "green", Status.UNVERIFIED: "yellow"}
_WORDS = {"digest": "digests", "log": "log files"}


@dataclass(slots=True)
class _Alike:
    """Files of which the same is unverified, for the same reason."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    last: str = ""

    def add(self, path: str) -> None:
        self.count += 1
        self.last = path
        if len(self.first) < LISTED:
            self.first.append(path)


class Lines:
    """A line for each file that was harmed, as it is found; at the end, what is unverified, and what was covered."""

    def __init__(self, terminal: Console) -> None:
        self._terminal = terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=terminal,
            transient=True,
            disable=not terminal.is_terminal,
        )
        self._task = self._progress.add_task("looking for digests", total=None)
        self._checked: Counter[str] = Counter()
        self._alike: dict[tuple[str, str, ChainName | None], _Alike] = {}
        self._covered: list[Covered] = []

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._progress.stop()

    def add(self, outcome: Outcome) -> None:
        """Take what was found."""
        if isinstance(outcome, Covered):
            self._covered.append(outcome)
            return
        self._checked[outcome.kind] += 1
        checked = f"{self._checked['digest']} digests and {self._checked['log']} log files checked"
        self._progress.update(self._task, description=checked)
        if outcome.status in HARMED or (outcome.status is Status.UNVERIFIED and outcome.kind not in _WORDS):
            self._say(outcome.status, f"{outcome.kind} {clean(outcome.path)}: {clean(outcome.reason)}")
        elif outcome.status is Status.UNVERIFIED:
            self._alike.setdefault((outcome.kind, outcome.reason, outcome.chain), _Alike()).add(outcome.path)

    def end(self, counts: Mapping[Status, int]) -> None:
        """Say what it comes to."""
        self._progress.stop()
        for (kind, reason, _), alike in self._alike.items():
            if alike.count <= LISTED:
                for path in alike.first:
                    self._say(Status.UNVERIFIED, f"{kind} {clean(path)}: {clean(reason)}")
            else:
                span = f"{clean(alike.first[0])} ... {clean(alike.last)}"
                self._say(Status.UNVERIFIED, f"{alike.count} {_WORDS[kind]} {span}: {clean(reason)}")
        for covered in self._covered:
            time = f"{covered.start:%Y-%m-%dT%H:%M:%SZ} to {covered.end:%Y-%m-%dT%H:%M:%SZ}"
            logs = f"{covered.digests} digests that name {covered.logs} log files, of {time}"
            show(self._terminal, Text(f"{clean(covered.chain)}: {logs}"))
        said = [f"{counts[status]} {status}" for status in Status if counts.get(status)]
        show(self._terminal, Text(", ".join(said), style="bold"))

    def _say(self, status: Status, text: str) -> None:
        line = Text.assemble((f"{status.upper():<11}", _COLOURS.get(status, "bold red")), text)
        show(self._terminal, line)


class JsonLines:
    """One object a line: each file, what each chain covers, and the counts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What is still held is written when the command ends."""

    def add(self, outcome: Outcome) -> None:
        """Write what was found."""
        chain = asdict(outcome.chain) if outcome.chain else {}
        if isinstance(outcome, Covered):
            times = {"start": f"{outcome.start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{outcome.end:%Y-%m-%dT%H:%M:%SZ}"}
            self._write({"kind": "chain", **chain, **times, "digests": outcome.digests, "logs": outcome.logs})
        else:
            status = {"kind": outcome.kind, "status": str(outcome.status), "path": outcome.path}
            self._write({**status, "reason": outcome.reason, **chain})

    def end(self, counts: Mapping[Status, int]) -> None:
        """Write the counts."""
        self._write({"kind": "summary", **{str(status): counts.get(status, 0) for status in Status}})

    @staticmethod
    def _write(row: Mapping[str, object]) -> None:
        write(json.dumps(row) + "\n")
