"""What a rule says about itself: its name, level, ATT&CK tags, and what to do next."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from uuid import NAMESPACE_URL, uuid5

from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule

from raytrail.sigma._attack import TACTICS, attack
from raytrail.sigma._errors import InvalidRule, RuleWarning
from raytrail.sigma._model import CompiledRule, Level
from raytrail.sigma._yaml import Document

AnyRule = SigmaRule | SigmaCorrelationRule

_NAME = re.compile("[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TECHNIQUE = re.compile(r"t\d{4}(\.\d{3})?", re.IGNORECASE)
_OTHER_TAG = re.compile(r"[gsmc]\d{4}|ta\d{4}", re.IGNORECASE)
"""Groups, software, mitigations, campaigns and tactics by id, which Sigma allows and nothing here uses."""
_TEXT_LISTS = ("falsepositives", "references", "next_steps")
_LEVEL_WITHOUT: Level = "medium"


def problems_with(rule: AnyRule, document: Document, *, strict: bool) -> Iterator[InvalidRule]:
    """What is wrong with what the rule says about itself. Warns of what is not wrong enough in others' rules."""
    written = document.value

    def problem(reason: str, *keys: str | int) -> InvalidRule:
        return InvalidRule(document.path, document.line_of(*keys), reason)

    for key in _TEXT_LISTS:
        for index, text in enumerate(written.get(key) or () if isinstance(written.get(key), list) else ()):
            if not isinstance(text, str):
                yield problem(f"{key} are sentences, got {text!r}; put one with a colon into quotes", key, index)
    if "next_steps" in written and not isinstance(written["next_steps"], list):
        yield problem(f"next_steps is a list of sentences, got {written['next_steps']!r}", "next_steps")
    if strict:
        if not _NAME.fullmatch(rule.name or ""):
            yield problem(f"name is short and in snake_case, as trail_tampering; got {rule.name!r}", "name")
        for key in ("id", "level", "description", "falsepositives", "next_steps"):
            if not written.get(key):
                yield problem(f"{key} is missing, which every rule of the catalogue has")
        if not _techniques(rule):
            yield problem("a rule of the catalogue is tagged with its technique, as attack.t1562.008", "tags")
    for index, reason in _tag_problems(rule, strict=strict):
        if strict:
            yield problem(reason, "tags", index)
        else:
            line = document.line_of("tags", index)
            warnings.warn(f"{document.path}:{line}: {reason}; ignored", RuleWarning, stacklevel=2)


def about(rule: AnyRule, path: Path, name: str, *, strict: bool) -> CompiledRule:
    """The rule without what the engines make of it.

    Args:
        rule: As pySigma read it, without problems.
        path: Its file.
        name: Its name here.
        strict: Whether it is of the catalogue, where a path is the name of a file.
    """
    known = attack().techniques
    return CompiledRule(
        name=name,
        id=str(rule.id or uuid5(NAMESPACE_URL, f"raytrail:sigma:{name}")),
        title=rule.title,
        level=cast(Level, str(rule.level)) if rule.level is not None else _LEVEL_WITHOUT,
        description=(rule.description or "").strip(),
        techniques=tuple(technique for technique in _techniques(rule) if technique in known),
        tactics=tuple(tactic for tactic in TACTICS if tactic in _tactics(rule)),
        false_positives=_sentences(rule.falsepositives),
        next_steps=_sentences(rule.custom_attributes.get("next_steps")),
        references=_sentences(rule.references),
        path=path.name if strict else str(path),
        own=rule._output,
    )


def name_of(rule: AnyRule, path: Path, number: int) -> str:
    """The rule's name, made fit for ids; of a rule without one that of its file, numbered from the second rule on."""
    written = rule.name or (path.stem if number == 1 else f"{path.stem}_{number}")
    words = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", written).lower()).strip("_")
    return words if words[:1].isalpha() else f"rule_{words}".rstrip("_")


def _sentences(texts: list[str] | None) -> tuple[str, ...]:
    return tuple(" ".join(text.split()) for text in texts or ())


def _techniques(rule: AnyRule) -> list[str]:
    return [tag.name.upper() for tag in rule.tags if tag.namespace == "attack" and _TECHNIQUE.fullmatch(tag.name)]


def _tactics(rule: AnyRule) -> list[str]:
    return [tag.name.lower().replace("_", "-") for tag in rule.tags if tag.namespace == "attack"]


def _tag_problems(rule: AnyRule, *, strict: bool) -> Iterator[tuple[int, str]]:
    table, tactics = attack(), _tactics(rule)
    for index, tag in enumerate(rule.tags):
        if tag.namespace != "attack" or _OTHER_TAG.fullmatch(tag.name):
            continue
        if not _TECHNIQUE.fullmatch(tag.name):
            if tag.name.lower().replace("_", "-") not in TACTICS:
                yield index, f"tag {str(tag)!r} is no tactic of ATT&CK {table.version}: {', '.join(TACTICS)}"
        elif (technique := table.techniques.get(tag.name.upper())) is None:
            yield index, f"tag {str(tag)!r} is no technique of ATT&CK {table.version}, revoked, or newer"
        elif strict and not set(technique.tactics) & set(tactics):
            allowed = " or ".join(f"attack.{tactic}" for tactic in technique.tactics)
            yield index, f"tag {str(tag)!r} stands without a tactic of its own; add {allowed}"
