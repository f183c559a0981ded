"""Compiles Sigma rules for EventBridge and Athena. Needs pySigma (extra ``sigma``).

``python -m raytrail.sigma.compiler [FOLDER]`` compiles the rules of a folder, by default raytrail's own catalogue, into
its ``compiled.json``.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

from raytrail.sigma._compile import compile_rules
from raytrail.sigma._errors import InvalidRule, NotExpressible, RuleWarning
from raytrail.sigma._eventbridge import EventBridgeBackend
from raytrail.sigma._read import ReadRule, read_rules
from raytrail.sigma._store import FILE_NAME, to_json

__all__ = [
    "EventBridgeBackend",
    "InvalidRule",
    "NotExpressible",
    "ReadRule",
    "RuleWarning",
    "compile_rules",
    "read_rules",
]


def main(folder: Path | None = None) -> int:
    """Compile a folder of rules like the catalogue's into its ``compiled.json``. Returns the exit code."""
    folder = folder or Path(str(resources.files("raytrail").joinpath("detection", "catalog")))
    try:
        rules = compile_rules([folder], strict=True)
    except InvalidRule as error:
        print(error, file=sys.stderr)
        return 1
    (folder / FILE_NAME).write_text(to_json(rules), encoding="utf-8")
    sent, asked = sum(bool(rule.patterns) for rule in rules), sum(rule.predicate is not None for rule in rules)
    correlations = sum(rule.correlation is not None for rule in rules)
    print(f"{len(rules)} rules: {sent} for EventBridge, {asked} for Athena, {correlations} correlations")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
