from __future__ import annotations

import functools
import json
import runpy
import subprocess
import sys
from pathlib import Path

import aws_cdk
import pytest
from aws_cdk import aws_logs as logs
from tests.checks.twins import a

from raytrail.checks import Floors, InvalidAssembly, check_assembly
from raytrail.checks._assembly import read_assembly

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_each_example_passes_them(tmp_path, monkeypatch, file):
    # As its reader runs it, but in this process, and without the template validation that takes seconds to start.
    app = functools.partial(aws_cdk.App, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    monkeypatch.setattr(aws_cdk, "App", app)
    runpy.run_path(str(file), run_name="__main__")
    assert read_assembly(tmp_path)[0].templates
    assert [(each.id, each.construct, each.seen) for each in check_assembly(tmp_path) if not each.accepted] == []


def test_an_assembly_is_read_without_the_cdk(root):
    asked = "import sys, raytrail.checks; sys.exit(bool({'aws_cdk', 'jsii', 'constructs'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", asked], cwd=root, check=False).returncode == 0


def write(folder, name, content):
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def test_a_folder_of_templates_is_enough(tmp_path):
    write(tmp_path, "shop.template.json", {"Resources": {"Group": a("Logs::LogGroup")}})
    [finding] = check_assembly(tmp_path)
    assert (finding.stack, finding.logical_id, finding.type) == ("shop", "Group", "AWS::Logs::LogGroup")
    assert finding.template == str(tmp_path / "shop.template.json")
    assert finding.page == "docs/checks.md#retentionoutofbounds"


def test_floors_are_asked_for(tmp_path):
    flow = a("EC2::FlowLog", LogGroupName="flows")
    group = a("Logs::LogGroup", LogGroupName="flows", RetentionInDays=60)
    write(tmp_path, "net.template.json", {"Resources": {"Group": group, "Flow": flow}})
    assert len(check_assembly(tmp_path)) == 1
    assert check_assembly(tmp_path, floors=Floors(audit_log_days=60)) == ()


def manifest(environment, metadata=None):
    properties = {"templateFile": "shop.template.json", "stackName": "shop-live"}
    stack = {"type": "aws:cloudformation:stack", "environment": environment, "properties": properties}
    return {"version": "55.0.0", "artifacts": {"Shop": {**stack, "metadata": metadata or {}}}}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("aws://111122223333/eu-west-1", ("111122223333", "eu-west-1")),
        ("aws://unknown-account/eu-west-1", (None, "eu-west-1")),
        ("aws://unknown-account/unknown-region", (None, None)),
    ],
)
def test_a_manifest_tells_the_stacks_name_account_and_region(tmp_path, environment, expected):
    write(tmp_path, "shop.template.json", {"Resources": {}})
    write(tmp_path, "manifest.json", manifest(environment))
    [template] = read_assembly(tmp_path)[0].templates
    assert template.name == "shop-live"
    assert (template.account, template.region) == expected


def test_the_nearest_acknowledgment_counts(tmp_path):
    write(tmp_path, "shop.template.json", {"Resources": {"Group": a("Logs::LogGroup")}})
    id = "Raytrail::RetentionOutOfBounds"
    metadata = {
        "/Shop/Logs/Group/Resource": [{"type": "aws:cdk:logicalId", "data": "Group"}],
        "/Shop/Logs": [{"type": "aws:cdk:acknowledged-rules", "data": {id: "the nearer"}}],
        "/Shop": [{"type": "aws:cdk:acknowledged-rules", "data": {id: "the farther", "AwsSolutions::S1": "another's"}}],
    }
    write(tmp_path, "manifest.json", manifest("aws://unknown-account/eu-west-1", metadata))
    [finding] = check_assembly(tmp_path)
    assert (finding.construct, finding.accepted) == ("Shop/Logs/Group/Resource", "the nearer")


def test_what_was_acknowledged_in_a_nested_stack_is_accepted_there_and_nowhere_else(tmp_path):
    id = "Raytrail::RetentionOutOfBounds"
    app = aws_cdk.App(outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    shop = aws_cdk.Stack(app, "Shop")
    inner = aws_cdk.NestedStack(shop, "Inner")
    innermost = aws_cdk.NestedStack(inner, "Innermost")
    groups = [logs.CfnLogGroup(each, "Group") for each in (shop, inner, innermost)]
    aws_cdk.Validations.of(groups[1]).acknowledge(aws_cdk.Acknowledgment(id=id, reason="the inner"))
    app.synth()
    found = {each.construct: each.accepted for each in check_assembly(tmp_path)}
    assert found == {"Shop/Group": "", "Shop/Inner/Group": "the inner", "Shop/Inner/Innermost/Group": ""}


def test_a_folder_that_is_no_assembly_is_refused(tmp_path):
    with pytest.raises(InvalidAssembly, match=r"holds no manifest\.json"):
        check_assembly(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "shop.template.json").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidAssembly, match=r"shop\.template\.json"):
        check_assembly(tmp_path)
