"""What a replay comes to: counts that do not grow with the number of records, only with what is told apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from raytrail.replay._model import Detection, Match
from raytrail.sigma import TACTICS, Engine, attack


class Page(NamedTuple):
    """What one page is about: the alerts of one actor and one detection in one hour."""

    account: str
    """The account."""
    hour: str
    """As ``2026-01-31T23``, in UTC."""
    actor: str
    """Who called."""
    detection: str
    """The name of the detection."""


class Cell(NamedTuple):
    """One technique under one tactic of ATT&CK's matrix."""

    tactic: str
    """The tactic's short name."""
    technique: str
    """The technique's id."""
    name: str
    """The technique's name; its id where ATT&CK has none."""
    detections: tuple[str, ...]
    """The detections that saw it, the busiest first."""
    matches: int
    """Records in which any of them saw something, those of each counted for itself."""
    alerted: bool
    """Whether any of them is of a level that tells somebody."""


@dataclass(kw_only=True)
class Report:
    """Matches, counted as they come.

    Attributes:
        places: Records that were replayed, by account, Region and day (``2026-01-31``). Default: none yet.
        asides: What CloudTrail writes beside records of events, by kind: no engine sees it. Default: nothing yet.
        refused: Lines and files that hold no record, or one that no engine could read. Default: none yet.
    """

    places: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: int = 0
    asides: Counter[str] = field(default_factory=Counter)
    _detections: dict[str, Detection] = field(default_factory=dict)
    _matches: Counter[tuple[str, Engine]] = field(default_factory=Counter)
    _actors: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _pages: dict[Page, int] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """Records that were replayed."""
        return self.places.total()

    def add(self, match: Match) -> None:
        """Count a match. What both engines saw of one record is one page, and two matches.

        Args:
            match: The match.
        """
        detection = match.detection
        self._detections[detection.name] = detection
        self._matches[detection.name, match.engine] += 1
        if detection.alerts:
            page = Page(match.account, match.hour, match.actor, detection.name)
            self._pages[page] = self._pages.get(page, 0) + 1

    @property
    def detections(self) -> list[Detection]:
        """The detections that saw something, the highest level and then the busiest first."""
        return sorted(
            self._detections.values(), key=lambda each: (not each.alerts, -self.matches(each.name), each.name)
        )

    def matches(self, detection: str, engine: Engine | None = None) -> int:
        """The number of records in which a detection saw something.

        Args:
            detection: The detection's name.
            engine: The engine that is asked about. Default: whichever saw more.
        """
        if engine is not None:
            return self._matches[detection, engine]
        return max(self._matches[detection, "eventbridge"], self._matches[detection, "athena"])

    def engines(self, detection: str) -> list[Engine]:
        """Which engines saw it.

        Args:
            detection: The detection's name.
        """
        both: tuple[Engine, ...] = ("eventbridge", "athena")
        return [engine for engine in both if self._matches[detection, engine]]

    @property
    def pages(self) -> list[Page]:
        """Every page, in the order of account and hour."""
        return sorted(self._pages)

    def pages_by_account_and_day(self) -> dict[tuple[str, str], int]:
        """How many pages an account had on a day, days without one left out."""
        return dict(sorted(Counter((page.account, page.hour[:10]) for page in self._pages).items()))

    def noisiest_detections(self, most: int = 10) -> list[tuple[str, int]]:
        """The detections with the most pages.

        Args:
            most: How many at most. Default: 10.
        """
        return _most(Counter(page.detection for page in self._pages), most)

    def noisiest_actors(self, most: int = 10) -> list[tuple[str, int]]:
        """The actors with the most pages.

        Args:
            most: How many at most. Default: 10.
        """
        return _most(Counter(page.actor for page in self._pages), most)

    def matrix(self) -> list[Cell]:
        """The techniques that were seen, under each tactic that the detection is tagged with, in ATT&CK's order.

        A detection that is tagged with no tactic of a technique counts under all of that technique's.
        """
        found: dict[tuple[str, str], list[Detection]] = defaultdict(list)
        for detection in self.detections:
            for technique in detection.techniques:
                for tactic in tactics_of(detection, technique):
                    found[tactic, technique].append(detection)
        order = {tactic: place for place, tactic in enumerate(TACTICS)}
        known = attack().techniques
        return [
            Cell(
                tactic=tactic,
                technique=technique,
                name=known[technique].name if technique in known else technique,
                detections=tuple(each.name for each in sorted(of_it, key=lambda each: -self.matches(each.name))),
                matches=sum(self.matches(each.name) for each in of_it),
                alerted=any(each.alerts for each in of_it),
            )
            for (tactic, technique), of_it in sorted(
                found.items(), key=lambda item: (order.get(item[0][0], len(order)), item[0][1])
            )
        ]


def tactics_of(detection: Detection, technique: str) -> tuple[str, ...]:
    """The tactics under which a detection sees a technique."""
    known = attack().techniques.get(technique)
    possible = known.tactics if known else detection.tactics
    return tuple(tactic for tactic in possible if tactic in detection.tactics) or possible


def _most(counts: Counter[str], most: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
