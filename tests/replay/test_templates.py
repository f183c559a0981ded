"""Rules as a template has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.synth import Synth

from raytrail.replay import (
    ALL_MANAGEMENT,
    ENABLED,
    Detection,
    EventBus,
    EventRule,
    InvalidTemplates,
    read_templates,
    rules_of_catalogue,
)
from raytrail.sigma import catalog

Json = dict[str, Any]

SAID = {"name": "user_made", "level": "high", "techniques": ["T1136.003"]}
PATTERN = {"source": ["aws.iam"], "detail": {"eventName": ["CreateUser"]}}
RECORD = {"eventSource": "iam.amazonaws.com", "eventName": "CreateUser"}


def resource(said: Any = (SAID,), **properties: Any) -> Json:
    metadata = {} if said is None else {"raytrail:detections": list(said)}
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {"EventPattern": PATTERN, **properties},
        "Metadata": {"aws:cdk:path": "detection/Alerts/UserMade", **metadata},
    }


def written(folder: Path, *resources: Json, name: str = "detection.template.json") -> Path:
    template = {"Resources": {f"Rule{number}": each for number, each in enumerate(resources)}}
    (folder / name).write_text(json.dumps(template), encoding="utf-8")
    return folder


def test_a_rule_is_read_with_what_it_detects_its_pattern_and_its_state(tmp_path: Path):
    (rule,) = read_templates(written(tmp_path, resource(State=ALL_MANAGEMENT))).rules
    assert rule.detection == Detection(name="user_made", level="high", techniques=("T1136.003",))
    assert (rule.name, rule.pattern, rule.state) == ("detection.template.json: Rule0", PATTERN, ALL_MANAGEMENT)
    assert EventBus([rule]).detections(RECORD) == [rule.detection]


def test_a_pattern_may_be_text_as_cloudformation_allows(tmp_path: Path):
    (rule,) = read_templates(written(tmp_path, resource(EventPattern=json.dumps(PATTERN)))).rules
    assert rule.pattern == PATTERN


def test_a_rule_without_a_state_is_enabled_and_one_for_several_detections_is_several(tmp_path: Path):
    rules = read_templates(written(tmp_path, resource([SAID, {**SAID, "name": "other"}]))).rules
    assert [(rule.detection.name, rule.state) for rule in rules] == [("user_made", ENABLED), ("other", ENABLED)]


@pytest.mark.parametrize(
    "other",
    [
        {"EventBusName": "orders"},
        {"EventBusName": {"Ref": "Bus"}},
        {"EventPattern": None, "ScheduleExpression": "rate(1 hour)"},
    ],
)
def test_rules_of_other_buses_and_schedules_are_passed_over(tmp_path: Path, other: Json):
    found = read_templates(written(tmp_path, resource(), resource(**other)))
    assert (len(found.rules), found.others) == (1, ())


@pytest.mark.parametrize("bus", ["default", "arn:aws:events:us-east-1:111122223333:event-bus/default"])
def test_the_default_bus_may_be_named(tmp_path: Path, bus: str):
    assert len(read_templates(written(tmp_path, resource(EventBusName=bus))).rules) == 1


def test_a_rule_that_is_no_detection_of_ours_is_named_and_not_replayed(tmp_path: Path):
    found = read_templates(written(tmp_path, resource(None)))
    assert (found.rules, found.others) == ((), ("detection/Alerts/UserMade",))


def test_every_template_below_the_folder_is_read(tmp_path: Path):
    (tmp_path / "assembly-prod").mkdir()
    written(tmp_path / "assembly-prod", resource(), name="a.template.json")
    assert len(read_templates(written(tmp_path, resource())).rules) == 2


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (resource(State="ON"), "State is one of ENABLED"),
        (resource(EventPattern={"source": "aws.iam"}), "source must be an object or an array"),
        (resource(EventPattern="{"), "EventPattern is not JSON"),
        (resource([{**SAID, "level": "loud"}]), "the level of 'user_made' is one of informational"),
        (resource([{"level": "high"}]), "lists objects with a name"),
    ],
)
def test_what_cannot_be_replayed_is_refused_by_name(tmp_path: Path, broken: Json, said: str):
    with pytest.raises(InvalidTemplates, match=said) as refused:
        read_templates(written(tmp_path, broken))
    assert "detection.template.json: Rule0: " in str(refused.value)


def test_a_folder_without_templates_and_a_file_that_is_none_are_refused(tmp_path: Path):
    with pytest.raises(InvalidTemplates, match="holds no"):
        read_templates(tmp_path)
    (tmp_path / "x.template.json").write_text("{", encoding="utf-8")
    with pytest.raises(InvalidTemplates, match="is not a template"):
        read_templates(tmp_path)


def test_the_templates_of_the_kit_have_the_rules_that_the_catalogue_gives(synth: Synth):
    synthesised = {_essence(rule) for rule in read_templates(synth.assembly()).rules}
    expected = {_essence(rule) for rule in rules_of_catalogue(rule for rule in catalog() if rule.alerts)}
    assert synthesised <= expected
    # Those left out are the ones that the settings do not let fire, such as data events.
    assert len(synthesised) >= 0.7 * len(expected)


def _essence(rule: EventRule) -> tuple[str, str, str]:
    return rule.detection.name, rule.state, json.dumps(rule.pattern, sort_keys=True)
