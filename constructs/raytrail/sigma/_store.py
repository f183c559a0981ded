"""Compiled rules as JSON: compiled ahead, so that a synth needs neither pySigma nor the time to compile."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any

from raytrail.errors import InvalidProps
from raytrail.sigma._model import Call, CompiledRule, Correlation

FORMAT = 1
"""Counts the shapes that the file had."""
FILE_NAME = "compiled.json"


@cache
def catalog() -> tuple[CompiledRule, ...]:
    """The catalogue of raytrail's own rules, compiled, sorted by name.

    Raises:
        InvalidProps: The file of the catalogue is of another version of raytrail.
    """
    folder = resources.files("raytrail").joinpath("detection", "catalog")
    return from_json(folder.joinpath(FILE_NAME).read_text(encoding="utf-8"))


def catalog_rule(name: str) -> CompiledRule:
    """One rule of the catalogue, by its name such as ``trail_tampering``.

    Args:
        name: As ``trail_tampering``.

    Raises:
        InvalidProps: The catalogue has no rule of that name.
    """
    rules = {rule.name: rule for rule in catalog()}
    if name not in rules:
        close = difflib.get_close_matches(name, rules, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InvalidProps(f"the catalogue has no rule {name!r}{hint}")
    return rules[name]


def to_json(rules: Iterable[CompiledRule]) -> str:
    """The rules as text, sorted by name: the same rules give the same bytes, and a changed rule few changed lines."""
    listed = [_plain(rule) for rule in sorted(rules, key=lambda rule: rule.name)]
    return json.dumps({"format": FORMAT, "rules": listed}, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> tuple[CompiledRule, ...]:
    """The rules that `to_json` wrote.

    Raises:
        InvalidProps: The text is of another format, which another version of raytrail wrote.
    """
    stored = json.loads(text)
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        found = stored.get("format") if isinstance(stored, dict) else type(stored).__name__
        raise InvalidProps(f"compiled rules are of format {found!r}, and format {FORMAT} is read; compile them again")
    return tuple(_rule(rule) for rule in stored["rules"])


def _plain(rule: CompiledRule) -> dict[str, Any]:
    """What is not the default, in the order of the class."""
    given = {each.name: getattr(rule, each.name) for each in fields(rule) if getattr(rule, each.name) != each.default}
    if "calls" in given:
        given["calls"] = [f"{call.source}:{call.name}" for call in rule.calls]
    if rule.correlation is not None:
        given["correlation"] = {each.name: getattr(rule.correlation, each.name) for each in fields(rule.correlation)}
    return given


def _rule(plain: Mapping[str, Any]) -> CompiledRule:
    given = _with_tuples(plain)
    if "calls" in given:
        given["calls"] = tuple(Call(*call.split(":", 1)) for call in given["calls"])
    if "correlation" in given:
        given["correlation"] = Correlation(**_with_tuples(given["correlation"]))
    return CompiledRule(**given)


def _with_tuples(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
