"""How the catalogue does on real attacks, and on ordinary use: what ``../shared/attack-logs`` says of it.

Everything is asked of `raytrail replay`'s own engines: EventBridge's patterns with the states that the rules have, and
Athena's SQL in DuckDB. A correlation sees the records of one technique, or of one benign file, and never those of
several cases that have nothing to do with each other.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from raytrail.cli._replay._correlate import Correlations
from raytrail.cli._replay._pieces import Piece
from raytrail.cli._replay._rules import Rules, find_rules
from raytrail.cli._replay._setup import setup_of
from raytrail.cli._replay._work import Done, Kept, Worker
from raytrail.replay import Match, Report
from raytrail.sigma import CompiledRule, catalog

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT.parent / "shared" / "attack-logs"
FIGURES = Path(__file__).resolve().parent / "attack_logs.json"
"""The committed figures: what recall may not fall below, and noise not rise above."""

STRATUS, PANTHER = "stratus.ndjson.gz", "panther_cases.ndjson.gz"
BENIGN = ("benign_admin_invictus_warmup_a.ndjson.gz", "grycap_2017_account.ndjson.gz")

GOAL_SEEN, GOAL_ALERTED, GOAL_APART, GOAL_PAGES = 16, 13, 0.75, 6


class Seen(NamedTuple):
    """A detection, and the engines that saw it."""

    detection: str
    alerts: bool
    engines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Technique:
    """One attack technique that was detonated."""

    name: str
    on_key: tuple[Seen, ...]
    """What was seen on the records that define it."""
    beside: tuple[Seen, ...]
    """What was seen on its other records only."""

    @property
    def seen(self) -> bool:
        """Whether anything was, of whatever level."""
        return bool(self.on_key)

    @property
    def alerted(self) -> bool:
        """Whether it told somebody."""
        return any(each.alerts for each in self.on_key)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One of the labelled rules of others."""

    name: str
    positives: int
    negatives: int
    apart: tuple[str, ...]
    """Detections that hit a positive case and none of the negatives."""
    nearly: tuple[str, ...]
    """Detections that hit a positive case, and a negative one too."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What somebody would have had to live with."""

    file: str
    records: int
    pages: tuple[str, ...]
    """Detection, hour and actor of each page."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All of it."""

    techniques: tuple[Technique, ...]
    cases: tuple[Case, ...]
    noise: tuple[Noise, ...]

    @property
    def pages(self) -> int:
        """Pages over all benign records."""
        return sum(len(each.pages) for each in self.noise)

    @property
    def figures(self) -> dict[str, Any]:
        """What is committed."""
        return {
            "seen": sorted(each.name for each in self.techniques if each.seen),
            "alerted": sorted(each.name for each in self.techniques if each.alerted),
            "told_apart": sorted(each.name for each in self.cases if each.apart),
            "pages": self.pages,
        }

    @property
    def missed(self) -> list[str]:
        """The goals that are not met."""
        figures = self.figures
        apart = len(figures["told_apart"]) / len(self.cases)
        judged = (
            (len(figures["seen"]) >= GOAL_SEEN, f"{len(figures['seen'])} techniques seen, the goal is {GOAL_SEEN}"),
            (len(figures["alerted"]) >= GOAL_ALERTED, f"{len(figures['alerted'])} alerted, the goal is {GOAL_ALERTED}"),
            (apart >= GOAL_APART, f"{apart:.0%} of the rules told apart, the goal is {GOAL_APART:.0%}"),
            (self.pages <= GOAL_PAGES, f"{self.pages} pages over benign records, the goal is at most {GOAL_PAGES}"),
        )
        return [text for met, text in judged if not met]


def worse(now: Mapping[str, Any], committed: Mapping[str, Any]) -> list[str]:
    """What fell, or rose, against the committed figures."""
    found = [
        f"no longer {word.replace('_', ' ')}: {', '.join(lost)}"
        for word in ("seen", "alerted", "told_apart")
        if (lost := sorted(set(committed[word]) - set(now[word])))
    ]
    if now["pages"] > committed["pages"]:
        found.append(f"{now['pages']} pages over benign records, {committed['pages']} before")
    return found


def measure(folder: Path = SOURCE) -> Measured:
    """Replay the folder's files through both engines."""
    rules = find_rules(templates=None, app_folder=folder / "no-app", sigma=(), engine="both")
    with Worker(setup_of(rules, athena=True)) as worker:
        stratus = _replayed(worker, folder / STRATUS)
        panther = _replayed(worker, folder / PANTHER)
        benign = {name: _replayed(worker, folder / name) for name in BENIGN}
    return Measured(
        techniques=tuple(_techniques(rules, _rows(folder / STRATUS), stratus)),
        cases=tuple(_cases(_rows(folder / PANTHER), panther)),
        noise=tuple(_noise(rules, name, done) for name, done in benign.items()),
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def _replayed(worker: Worker, path: Path) -> Done:
    done = worker.do([Piece(file=path.name, path=path)])
    assert not done.refusals, done.refusals[0]
    return done


def _correlated(rules: Rules, kept: Iterable[Kept]) -> list[Match]:
    with Correlations(rules.correlations, rules.for_athena) as correlations:
        correlations.keep(kept)
        return list(correlations.matches())


def _techniques(rules: Rules, rows: Sequence[Mapping[str, Any]], done: Done) -> Iterator[Technique]:
    lines: dict[str, set[int]] = defaultdict(set)
    for line, row in enumerate(rows, 1):
        lines[row["technique"]].add(line)
    keys = {line for line, row in enumerate(rows, 1) if row["key"]}
    for name, of_it in lines.items():
        matches = [match for match in done.matches if match.line in of_it]
        matches += _correlated(rules, (each for each in done.kept if each.line in of_it))
        on_key = _seen(match for match in matches if match.line in keys)
        names = {each.detection for each in on_key}
        beside = _seen(match for match in matches if match.detection.name not in names)
        yield Technique(name=name, on_key=on_key, beside=beside)


def _seen(matches: Iterable[Match]) -> tuple[Seen, ...]:
    found: dict[str, dict[str, None]] = {}
    alerts = {}
    for match in matches:
        found.setdefault(match.detection.name, {})[match.engine] = None
        alerts[match.detection.name] = match.detection.alerts
    ordered = sorted(found, key=lambda name: (not alerts[name], name))
    return tuple(Seen(name, alerts[name], tuple(sorted(found[name], reverse=True))) for name in ordered)


def _cases(rows: Sequence[Mapping[str, Any]], done: Done) -> Iterator[Case]:
    hit: dict[str, dict[bool, set[str]]] = {}
    lines: dict[str, dict[bool, int]] = {}
    by_line: dict[int, set[str]] = defaultdict(set)
    for match in done.matches:
        by_line[match.line].add(match.detection.name)
    for line, row in enumerate(rows, 1):
        expected = bool(row["expected"])
        hit.setdefault(row["rule_id"], {True: set(), False: set()})[expected] |= by_line[line]
        lines.setdefault(row["rule_id"], {True: 0, False: 0})[expected] += 1
    for name in sorted(hit):
        positive, negative = hit[name][True], hit[name][False]
        yield Case(
            name=name,
            positives=lines[name][True],
            negatives=lines[name][False],
            apart=tuple(sorted(positive - negative)),
            nearly=tuple(sorted(positive & negative)),
        )


def _noise(rules: Rules, name: str, done: Done) -> Noise:
    report = Report()
    for match in (*done.matches, *_correlated(rules, done.kept)):
        report.add(match)
    pages = tuple(f"{page.detection} {page.hour} {page.actor}" for page in report.pages)
    return Noise(file=name, records=done.places.total(), pages=pages)


def show(measured: Measured, console: Console) -> None:
    """Print the tables."""
    console.print(_technique_table(measured))
    console.print(_case_table(measured))
    for each in measured.noise:
        console.print(f"{each.file}: {each.records} records, {len(each.pages)} pages")
        for page in each.pages:
            console.print(f"  {page}", highlight=False)
    console.print(_tactic_table(catalog()))


def _technique_table(measured: Measured) -> Table:
    seen, alerted = (len(measured.figures[word]) for word in ("seen", "alerted"))
    of_all = f"{seen} of {len(measured.techniques)} seen on the record that defines them, {alerted} alerted"
    title = f"Attack techniques: {of_all}"
    table = Table("technique", "", "detections on that record", "engines", title=title, title_justify="left")
    for each in sorted(measured.techniques, key=lambda each: each.name):
        word = "alerted" if each.alerted else "seen" if each.seen else "missed"
        detections = "\n".join(f"{one.detection}{'' if one.alerts else ' (hunting)'}" for one in each.on_key)
        beside = "\n".join(f"beside it: {one.detection}" for one in each.beside if one.alerts)
        text = detections or beside or "-"
        table.add_row(each.name, word, text, "\n".join(" ".join(one.engines) for one in each.on_key))
    return table


def _case_table(measured: Measured) -> Table:
    apart = len(measured.figures["told_apart"])
    title = f"Labelled rules of others: {apart} of {len(measured.cases)} told apart ({apart / len(measured.cases):.0%})"
    table = Table("rule", "cases", "told apart by", "hits its negatives too", title=title, title_justify="left")
    for each in measured.cases:
        cases = f"{each.positives}+ {each.negatives}-"
        table.add_row(each.name, cases, "\n".join(each.apart) or "-", "\n".join(each.nearly))
    return table


def _tactic_table(rules: Sequence[CompiledRule]) -> Table:
    own = [rule for rule in rules if rule.own]
    title = f"{len(own)} detections by tactic, and where each can be seen"
    table = Table("tactic", "alert", "hunting", "both engines", "only Athena", title=title, title_justify="left")
    tactics = list(dict.fromkeys(tactic for rule in own for tactic in rule.tactics))
    for tactic in sorted(tactics):
        of_it = [rule for rule in own if tactic in rule.tactics]
        table.add_row(
            tactic,
            str(sum(rule.alerts for rule in of_it)),
            str(sum(not rule.alerts for rule in of_it)),
            str(sum(bool(rule.patterns) and rule.predicate is not None for rule in of_it)),
            str(sum(not rule.patterns for rule in of_it)),
        )
    return table


def write_figures(measured: Measured) -> None:
    """Commit to what was measured."""
    FIGURES.write_text(json.dumps(measured.figures, indent=1) + "\n", encoding="utf-8")


def as_json(measured: Measured) -> dict[str, Any]:
    """Everything measured."""
    return asdict(measured)
