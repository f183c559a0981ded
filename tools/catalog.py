"""Compiles the catalogue of detections and writes its table into docs/catalog.md: ``python -m tools.catalog``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from raytrail.sigma import LEVELS, TACTICS, CompiledRule, availability, catalog
from raytrail.sigma.compiler import main as compile_catalog

PAGE = Path(__file__).parents[1] / "docs" / "catalog.md"
HEADER = ("tactic", "rule", "level", "ATT&CK", "seen by", "needs", "what happened")


def rows() -> list[list[str]]:
    """A row for each rule that is a detection by itself: by tactic in the order of ATT&CK's matrix, then by level."""
    among = {rule.name: rule for rule in catalog()}
    own = [rule for rule in among.values() if rule.own]
    return [_row(rule, among) for rule in sorted(own, key=lambda rule: (_tactic(rule), -_level(rule), rule.name))]


def _row(rule: CompiledRule, among: dict[str, CompiledRule]) -> list[str]:
    here = availability(rule, among=among)
    engines = {"eventbridge": "EventBridge", "athena": "Athena"}
    return [
        TACTICS[_tactic(rule)],
        f"`{rule.name}`",
        rule.level,
        " ".join(rule.techniques),
        ", ".join(engines[engine] for engine in here.engines) + (" (correlation)" if rule.correlation else ""),
        "; ".join(here.needs),
        rule.title,
    ]


def _tactic(rule: CompiledRule) -> int:
    return min(TACTICS.index(tactic) for tactic in rule.tactics)


def _level(rule: CompiledRule) -> int:
    return LEVELS.index(rule.level)


def main() -> int:
    """Compile, and write the table. Returns the exit code."""
    if code := compile_catalog():
        return code
    catalog.cache_clear()
    lines = [f"| {' | '.join(HEADER)} |", f"| {' | '.join('---' for _ in HEADER)} |"]
    lines += [f"| {' | '.join(row)} |" for row in rows()]
    page = PAGE.read_text(encoding="utf-8")
    new = re.sub(r"(<!-- catalog -->\n)(?:\|.*\n)*", lambda mark: mark[1] + "\n".join(lines) + "\n", page)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
