"""The templates of the stacks: one golden file for each, and what must hold in all.

After a change that is meant: ``make golden``.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension
from tests.synth import Json, Synth, resources, walk

from raytrail.sigma import Vantage, catalog, unreachable

STACKS = ("audit", "dashboards", "detection", "sample", "tracing")
"""Each ends the name of its stack, and is its section of the settings."""

HASH = re.compile(r"\b[0-9a-f]{64}\b")
"""Of an asset: it changes with each byte of the function's code, which has tests of its own."""


@pytest.fixture(scope="session")
def kit(synth: Synth) -> dict[str, Json]:
    """Every template that the app can make: at home in us-east-1, and what else there is at home elsewhere."""
    return {**synth(), "raytrail-global-events": synth(region="eu-west-1")["raytrail-global-events"]}


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


def without_hashes(template: Json) -> Json:
    blanked: Json = json.loads(HASH.sub("ASSET", json.dumps(template)))
    return blanked


SHOWN = {"trail_tampering", "root_use"}
"""The detections whose rules stand in the golden template."""


def without_most_rules(template: Json) -> Json:
    """The template with the rules of few detections: what differs in the others stands in the compiled catalogue."""
    kept = {
        id: resource
        for id, resource in template["Resources"].items()
        if {each["name"] for each in resource.get("Metadata", {}).get("raytrail:detections", ())} <= SHOWN
    }
    return {**template, "Resources": kept}


@pytest.mark.parametrize("name", [*STACKS, "global-events"])
def test_the_template_is_the_golden_one(kit, golden, name):
    assert without_hashes(without_most_rules(kit[f"raytrail-{name}"])) == golden


def test_the_rules_of_the_catalogue_are_all_in_the_template(kit):
    rules = resources(kit["raytrail-detection"], "AWS::Events::Rule").values()
    found = {each["name"] for rule in rules for each in rule.get("Metadata", {}).get("raytrail:detections", ())}
    tables = frozenset({"AWS::DynamoDB::Table"})
    here = Vantage(region="us-east-1", management="all", excluded_sources=frozenset(), data=tables, network=frozenset())
    alerting = [rule for rule in catalog() if rule.alerts and rule.patterns]
    assert found == {rule.name for rule in alerting if not unreachable(rule, here)}


def test_there_are_no_other_stacks(kit):
    assert set(kit) == {f"raytrail-{name}" for name in (*STACKS, "global-events")}


def listed_by_cfn_lint() -> set[str]:
    """Types of resources that keep something, as a linter that is not ours lists them."""
    spec = find_spec("cfnlint")
    assert spec is not None
    assert spec.origin is not None
    listed = Path(spec.origin).parent / "data" / "AdditionalSpecs" / "StatefulResources.json"
    return set(json.loads(listed.read_text(encoding="utf-8"))["ResourceTypes"])


def keeps_state(resource: Json, stateful: set[str]) -> bool:
    return resource["Type"] in stateful or resource.get("DeletionPolicy", "Delete") != "Delete"


def test_a_resource_that_keeps_something_keeps_its_logical_id(kit, golden):
    """A changed logical id replaces the resource, and what it kept is lost or left behind."""
    # To cfn-lint's list come two that lose subscriptions and history, and whatever a template says to retain.
    stateful = {*listed_by_cfn_lint(), "AWS::SNS::Topic", "AWS::CloudTrail::Trail"}
    ids = {
        stack: {id: each["Type"] for id, each in template["Resources"].items() if keeps_state(each, stateful)}
        for stack, template in kit.items()
    }
    assert ids == golden


def test_there_is_no_custom_resource(kit):
    for template in kit.values():
        types = {each["Type"] for each in template["Resources"].values()}
        assert not {type for type in types if type.startswith("Custom::") or "CustomResource" in type}


def test_the_functions_are_the_sample_and_the_pager_and_run_python(kit):
    runtimes = {
        (stack, each["Properties"]["Runtime"])
        for stack, template in kit.items()
        for each in resources(template, "AWS::Lambda::Function").values()
    }
    assert runtimes == {("raytrail-sample", "python3.13"), ("raytrail-detection", "python3.14")}


def test_no_stack_has_more_than_one_resource_policy_of_logs(kit):
    """An account has ten in a Region, and AWS does not raise that."""
    assert max(len(resources(template, "AWS::Logs::ResourcePolicy")) for template in kit.values()) == 1


def test_each_stack_is_tagged_with_the_kit_and_its_concern(synth):
    manifest = json.loads((synth.assembly() / "manifest.json").read_text(encoding="utf-8"))
    tags = {
        name: each["properties"]["tags"]
        for name, each in manifest["artifacts"].items()
        if each["type"] == "aws:cloudformation:stack"
    }
    assert tags == {f"raytrail-{name}": {"kit": "raytrail", "concern": name} for name in STACKS}


def test_each_log_group_forgets(kit):
    for template in kit.values():
        for group in resources(template, "AWS::Logs::LogGroup").values():
            assert group["Properties"]["RetentionInDays"] > 0


@pytest.mark.parametrize("off", STACKS)
def test_a_switch_turns_its_stack_off(synth, off):
    made = synth(**{off: {"enabled": False}})
    assert set(made) == {f"raytrail-{name}" for name in STACKS if name != off}


@pytest.mark.parametrize("on", STACKS)
def test_each_stack_stands_alone(synth, on):
    made = synth(**{name: {"enabled": False} for name in STACKS if name != on})
    assert set(made) == {f"raytrail-{on}"}
    assert "Fn::GetStackOutput" not in json.dumps(made)


def test_an_alarm_always_goes_to_somebody(synth):
    """Without the detection stack, whose channel alarms use, the dashboards stack has one of its own."""
    made = synth(detection={"enabled": False})["raytrail-dashboards"]
    topics = set(resources(made, "AWS::SNS::Topic"))
    acted = [
        action["Ref"]
        for type in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for alarm in resources(made, type).values()
        for action in alarm["Properties"].get("AlarmActions", [])
    ]
    assert acted
    assert set(acted) == topics


def test_each_name_begins_with_the_name_in_the_settings(synth):
    made = synth(name="acme-eyes")
    assert set(made) == {f"acme-eyes-{name}" for name in STACKS}
    assert "raytrail" not in json.dumps([named(template) for template in made.values()])


def named(template: Json) -> list[Any]:
    """What a template names, and describes, itself."""
    keys = ("GroupName", "RuleName", "TrailName", "DashboardName", "LogGroupName", "Name", "DisplayName", "Namespace")
    return [each.get(key) for each in walk(template["Resources"]) if isinstance(each, dict) for key in keys]


def test_settings_reach_the_resources(synth):
    made = synth(
        account="444455556666",
        tracing={"slow_seconds": 2.5, "sampling_rate": 0.25, "debug_path": "/trace*"},
        audit={"log_retention_days": 30, "query_limit_gb": 2, "accounts": ["444455556666", "111122223333"]},
        detection={"emails": ["oncall@example.com"], "api_calls": ["s3:DeleteBucket"], "log_retention_days": 7},
        dashboards={"slow_percentile_ms": 700},
        sample={"layer_arn": "arn:aws:lambda:us-east-1:111122223333:layer:Mine:7", "log_retention_days": 3},
    )
    text = {stack: json.dumps(template) for stack, template in made.items()}
    assert '"responsetime > 2.5"' in text["raytrail-tracing"]
    assert '"FixedRate": 0.25' in text["raytrail-tracing"]
    assert '"URLPath": "/trace*"' in text["raytrail-tracing"]
    assert '"RetentionInDays": 30' in text["raytrail-audit"]
    assert '"BytesScannedCutoffPerQuery": 2000000000' in text["raytrail-audit"]
    assert '"444455556666,111122223333"' in text["raytrail-audit"]
    assert "arn:aws:cloudtrail:us-east-1:444455556666:trail/raytrail" in text["raytrail-audit"]
    assert '"oncall@example.com"' in text["raytrail-detection"]
    assert '"DeleteBucket"' in text["raytrail-detection"]
    assert '"RetentionInDays": 7' in text["raytrail-detection"]
    assert '"Threshold": 700' in text["raytrail-dashboards"]
    assert "layer:Mine:7" in text["raytrail-sample"]
    assert '"RetentionInDays": 3' in text["raytrail-sample"]
