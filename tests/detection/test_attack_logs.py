"""The catalogue on real attacks and ordinary use: recall may not fall and noise not rise against what is committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.attack_logs import FIGURES, Case, Measured, Noise, Seen, Technique, measure, show, worse
from rich.console import Console


def test_recall_does_not_fall_and_noise_does_not_rise(attack_logs: Path):
    measured = measure(attack_logs)
    show(measured, Console(width=160))
    committed = json.loads(FIGURES.read_text(encoding="utf-8"))
    assert not worse(measured.figures, committed), (
        f"{'; '.join(worse(measured.figures, committed))}. Where that is meant, commit to it with "
        "`python -m benchmarks.detection --write`"
    )
    assert not measured.missed


COMMITTED: dict[str, Any] = {"seen": ["a", "b"], "alerted": ["a"], "told_apart": ["R1", "R2"], "pages": 2}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"seen": ["a", "b", "c"], "pages": 0}, []),
        ({"seen": ["a"]}, ["no longer seen: b"]),
        ({"alerted": []}, ["no longer alerted: a"]),
        # Another one in its place does not make up for it.
        ({"told_apart": ["R1", "R3"]}, ["no longer told apart: R2"]),
        ({"pages": 3}, ["3 pages over benign records, 2 before"]),
    ],
)
def test_what_is_worse_than_the_committed_figures_is_said(changes: dict[str, Any], said: list[str]):
    assert worse({**COMMITTED, **changes}, COMMITTED) == said


def measured(*, alerts: bool = True, apart: tuple[str, ...] = ("d",), pages: int = 0) -> Measured:
    return Measured(
        techniques=tuple(
            Technique(name=f"t{number}", on_key=(Seen("d", alerts, ("athena",)),), beside=()) for number in range(16)
        ),
        cases=(Case(name="R", positives=1, negatives=1, apart=apart, nearly=()),),
        noise=(Noise(file="f", records=1, pages=("p",) * pages),),
    )


def test_a_goal_that_is_not_met_is_said():
    assert measured(pages=6).missed == []
    assert measured(alerts=False).missed == ["0 alerted, the goal is 13"]
    assert measured(apart=()).missed == ["0% of the rules told apart, the goal is 75%"]
    assert measured(pages=7).missed == ["7 pages over benign records, the goal is at most 6"]
