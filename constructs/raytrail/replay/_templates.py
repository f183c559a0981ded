"""Rules as they were synthesised: read from the templates of a cloud assembly, and from the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from raytrail.errors import InvalidProps
from raytrail.replay._model import ALL_MANAGEMENT, ENABLED, STATES, Detection, EventRule
from raytrail.replay._patterns import compile_pattern
from raytrail.sigma import CompiledRule, Level, reads

RULE = "AWS::Events::Rule"
SAID_BY = "raytrail:detections"
"""The key of a rule's metadata under which `raytrail.detection` writes the detection that it is."""


class InvalidTemplates(InvalidProps):
    """A folder holds no templates, or rules that cannot be replayed."""


def rules_of_catalogue(rules: Iterable[CompiledRule]) -> list[EventRule]:
    """The rules that `raytrail.detection` would make of compiled Sigma rules that EventBridge can express.

    Rules whose level tells nobody are among them, so that a replay shows what they would see; rules that are only part
    of a correlation are not.

    Args:
        rules: Compiled rules, as those of `raytrail.sigma.catalog`.
    """
    return [
        EventRule(
            name=f"catalogue: {rule.name}",
            detection=Detection.of(rule),
            pattern=pattern,
            state=ALL_MANAGEMENT if reads(rule) else ENABLED,
        )
        for rule in rules
        if rule.own
        for pattern in rule.patterns
    ]


@dataclass(frozen=True, slots=True)
class Synthesised:
    """The rules of some templates.

    Attributes:
        rules: Those that say which detection they are.
        others: Names of those that match events and do not: somebody else's, or a forwarder.
    """

    rules: tuple[EventRule, ...]
    others: tuple[str, ...]


def read_templates(folder: Path) -> Synthesised:
    """The rules of all templates in a folder, such as ``cdk.out``, that are on the default bus and match events.

    Args:
        folder: A cloud assembly; templates of nested stages are read too.

    Raises:
        InvalidTemplates: There is no template, one is not JSON, or a rule's state or pattern is not EventBridge's.
    """
    files = sorted(folder.rglob("*.template.json"))
    if not files:
        raise InvalidTemplates(f"{folder} holds no *.template.json; synthesise with `cdk synth` or give another folder")
    rules: list[EventRule] = []
    others: list[str] = []
    for file in files:
        for logical_id, resource in _rule_resources(file):
            found = _rules_of(file, logical_id, resource)
            if found is None:
                others.append(_construct(resource.get("Metadata") or {}, logical_id))
            else:
                rules += found
    return Synthesised(tuple(rules), tuple(others))


def _rule_resources(file: Path) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        template = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidTemplates(f"{file} is not a template: {error}") from error
    resources = template.get("Resources") if isinstance(template, dict) else None
    if not isinstance(resources, dict):
        return []
    rules = ((name, each) for name, each in resources.items() if isinstance(each, dict) and each.get("Type") == RULE)
    return [(name, each) for name, each in rules if _sees_the_default_bus(each.get("Properties") or {})]


def _rules_of(file: Path, logical_id: str, resource: Mapping[str, Any]) -> list[EventRule] | None:
    """A rule for each detection that a resource says to be; None when it says nothing."""
    where = f"{file.name}: {logical_id}"
    properties = resource["Properties"]
    state = properties.get("State", ENABLED)
    said = (resource.get("Metadata") or {}).get(SAID_BY)
    if said is None:
        return None
    if state not in STATES:
        raise InvalidTemplates(f"{where}: State is one of {', '.join(STATES)}, got {state!r}")
    try:
        pattern = _read(properties["EventPattern"])
        compile_pattern(pattern)
        return [EventRule(name=where, detection=_detection(each), pattern=pattern, state=state) for each in said]
    except InvalidProps as error:
        raise InvalidTemplates(f"{where}: {error}") from error


def _read(pattern: Any) -> Any:
    """A pattern, which CloudFormation takes as an object or as text."""
    if not isinstance(pattern, str):
        return pattern
    try:
        return json.loads(pattern)
    except ValueError as error:
        raise InvalidProps(f"EventPattern is not JSON: {error}") from error


def _sees_the_default_bus(properties: Mapping[str, Any]) -> bool:
    """Whether a rule matches events, and those of the default bus: a bus that the template computes is another."""
    bus = properties.get("EventBusName", "default")
    return properties.get("EventPattern") is not None and isinstance(bus, str) and bus.rsplit("/", 1)[-1] == "default"


def _detection(said: Any) -> Detection:
    if not isinstance(said, Mapping) or not isinstance(said.get("name"), str):
        raise InvalidProps(f"{SAID_BY} lists objects with a name, got {said!r}")
    if said.get("level") not in get_args(Level):
        raise InvalidProps(
            f"the level of {said['name']!r} is one of {', '.join(get_args(Level))}, got {said.get('level')!r}"
        )
    techniques = tuple(map(str, said.get("techniques", ())))
    return Detection(
        name=said["name"], level=said["level"], techniques=techniques, tactics=tuple(map(str, said.get("tactics", ())))
    )


def _construct(metadata: Mapping[str, Any], logical_id: str) -> str:
    path = metadata.get("aws:cdk:path")
    return path.removesuffix("/Resource") if isinstance(path, str) else logical_id
