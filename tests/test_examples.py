"""Each example is run as its reader runs it, and what it makes is held against cfn-lint and cdk-nag."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import App, Environment, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from tests.synth import only, properties, resources

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

# These are run, held against cdk-nag and CDK's own validation, and deployed, in tests/examples.
USED_ACCOUNT = {
    "lake_over_log_archive",
    "only_detections_on_existing_trail",
    "only_tracing_for_existing_ecs_service",
    "whole_kit_in_another_region",
}
FILES = sorted(EXAMPLES.glob("*.py"))


def each(files: list[Path]):
    return pytest.mark.parametrize("file", files, ids=lambda file: file.stem)


each_example = each([file for file in FILES if file.stem not in USED_ACCOUNT])


ONE_BY_ONE = """
import pathlib, runpy, sys

for file in map(pathlib.Path, sys.argv[1:]):
    runpy.run_path(str(file), run_name="__main__")
    [template] = pathlib.Path().glob("*.template.json")
    # Two examples may give their stack the same name.
    template.rename(pathlib.Path("made", f"{file.stem}.template.json"))
"""


@pytest.fixture(scope="module")
def templates(tmp_path_factory) -> dict[str, Path]:
    """The file of each example's template, which it makes as its reader runs it: no cdk.json, no credentials."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "made").mkdir()
    # One after the other in one process, since the CDK takes seconds to start; without its validation, which does too.
    environment = {"PATH": os.environ["PATH"], "JSII_NODE": os.environ["JSII_NODE"], "CDK_VALIDATION": "false"}
    result = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, *(file for file in FILES if file.stem not in USED_ACCOUNT)],
        env={**environment, "CDK_OUTDIR": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return {file.name.split(".")[0]: file for file in (folder / "made").iterdir()}


@pytest.fixture(scope="module")
def linted(templates, root) -> dict[Path, list[str]]:
    """What cfn-lint says of each template, from one process."""
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--format", "json", "--template"]
    done = subprocess.run(
        [*command, *map(str, templates.values())], cwd=root, capture_output=True, text=True, timeout=240, check=False
    )
    assert not done.stderr, done.stderr
    found: dict[Path, list[str]] = {file: [] for file in templates.values()}
    for finding in json.loads(done.stdout):
        found[Path(finding["Filename"])].append(f"{finding['Rule']['Id']} {finding['Message']}")
    return found


@pytest.fixture
def made(templates):
    """Returns the template that an example makes."""
    return lambda name: json.loads(templates[name].read_text())


@each_example
def test_cfn_lint_finds_nothing_in_the_template(templates, linted, file):
    assert linted[templates[file.stem]] == []


@pytest.fixture(scope="module")
def judged(context, tmp_path_factory) -> dict[str, set[str]]:
    """What cdk-nag and CDK's own validation find in each example, in one app: the validation takes seconds to start."""
    folder = tmp_path_factory.mktemp("judged")
    # With the feature flags of a new CDK app, which the run by itself goes without.
    app = App(context=context, outdir=str(folder))
    found: dict[str, set[str]] = {file.stem: set() for file in FILES if file.stem not in USED_ACCOUNT}
    for number, name in enumerate(found):
        # In an account of its own each: two of them have a sampling rule of one name.
        there = Environment(account=f"11112222{number:04}", region="eu-west-1")
        stack_of(EXAMPLES / f"{name}.py")(app, name.replace("_", "-"), env=there)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    # What is found ends the synth; the report says of which example it is.
    with contextlib.suppress(RuntimeError):
        app.synth()
    report = json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))
    for violation in (each for plugin in report["pluginReports"] for each in plugin["violations"]):
        for construct in violation["violatingConstructs"]:
            found[construct["constructPath"].split("/")[0].replace("-", "_")].add(violation["ruleName"])
    return found


KNOWN = {
    # A machine of one's own has an image of one's own.
    "ec2_and_beanstalk": {"W9010"},
    # A network of somebody else's, of which the example needs no route.
    "ecs_service_with_agents": {"Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId"},
}


@each_example
def test_cdk_nag_and_cdks_own_validation_have_nothing_to_say(judged, file):
    assert judged[file.stem] == KNOWN.get(file.stem, set())


@each(FILES)
def test_an_example_imports_public_names_alone(file):
    imports = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imports if node.module and node.module.startswith("raytrail")]
    assert ours
    for node in ours:
        module = importlib.import_module(node.module)
        assert "._" not in node.module
        assert {alias.name for alias in node.names} <= set(getattr(module, "__all__", vars(module)))


def test_only_alerts_makes_three_rules_and_somebody_who_is_told(made):
    template = made("only_alerts")
    rules = properties(template, "AWS::Events::Rule")
    assert len(rules) == 3
    # A pattern of the catalogue may be a text, because of the nulls in it.
    asked = [
        rule["EventPattern"]["detail"].get("eventName") for rule in rules if isinstance(rule["EventPattern"], dict)
    ]
    assert ["DeleteTable"] in asked
    protocols = {subscription["Protocol"] for subscription in properties(template, "AWS::SNS::Subscription")}
    assert protocols == {"email", "sqs"}
    assert services(template) == {"CloudWatch", "DynamoDB", "Events", "IAM", "KMS", "Lambda", "Logs", "SNS", "SQS"}


def test_only_tracing_instruments_the_function_that_the_user_has(made):
    template = made("only_tracing")
    function = only(template, "AWS::Lambda::Function")
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/otel-instrument"
    [layer] = function["Layers"]
    assert layer.startswith("arn:aws:lambda:us-east-1:")
    assert ":layer:AWSOpenTelemetryDistroPython:" in layer
    assert len(resources(template, "AWS::XRay::Group")) == 2
    assert len(resources(template, "AWS::XRay::SamplingRule")) == 3
    assert services(template) == {"IAM", "Lambda", "Logs", "XRay"}


def test_a_teams_traces_have_groups_rules_and_a_key(made):
    template = made("traces_for_a_team")
    assert len(resources(template, "AWS::XRay::Group")) == 2
    assert len(resources(template, "AWS::XRay::SamplingRule")) == 4
    assert len(resources(template, "Custom::XRayEncryption")) == 1
    expressions = {group["FilterExpression"] for group in properties(template, "AWS::XRay::Group")}
    assert 'service("checkout") { fault } AND http.url CONTAINS "/payments"' in expressions


def test_one_service_of_ecs_is_shown_with_each_kind_of_agent(made):
    template = made("ecs_service_with_agents")
    images = {
        container["Image"].partition(":")[0].rpartition("/")[2]
        for task in properties(template, "AWS::ECS::TaskDefinition")
        for container in task["ContainerDefinitions"]
        if isinstance(container["Image"], str)
    }
    assert {"cloudwatch-agent", "aws-otel-collector", "aws-xray-daemon"} <= images


def test_machines_and_beanstalk_get_an_agent_each_by_its_own_way(made):
    template = made("ec2_and_beanstalk")
    assert len(resources(template, "AWS::SSM::Association")) >= 1
    assert len(resources(template, "AWS::ElasticBeanstalk::Environment")) == 1


def test_partners_are_told_by_way_of_secrets_and_the_handler_is_wrapped(made):
    template = made("honeycomb_and_rollbar")
    function = only(template, "AWS::Lambda::Function")
    assert function["Handler"] == "raytrail_runtime.entry.handler"
    assert '"honeycomb"' in json.dumps(function["Environment"]["Variables"]["RAYTRAIL_OTLP_EXPORTERS"]).replace(
        "\\", ""
    )
    assert len(resources(template, "AWS::Lambda::LayerVersion")) == 1
    assert services(template) == {"IAM", "Lambda", "Logs"}


def test_the_lake_reads_the_bucket_of_the_organization_trail_and_makes_no_trail(made):
    template = made("lake_over_existing_trail")
    tables = {table["TableInput"]["Name"]: table["TableInput"] for table in properties(template, "AWS::Glue::Table")}
    table = tables["cloudtrail_events"]
    location = "s3://example-organization-trail/AWSLogs/o-exampleorgid/"
    assert table["StorageDescriptor"]["Location"] == location
    parameters = table["Parameters"]
    assert parameters["storage.location.template"] == location + "${account}/CloudTrail/${region}/${timestamp}/"
    assert parameters["projection.account.values"] == "111122223333,444455556666,777788889999"
    assert len(resources(template, "AWS::Athena::NamedQuery")) >= 8
    # The bucket of the results is the one that it makes.
    assert len(resources(template, "AWS::S3::Bucket")) == 1
    # Who asks has a second factor.
    [trust] = only(template, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    assert services(template) == {"Athena", "Glue", "IAM", "S3"}


def test_the_dashboard_shows_an_api_that_another_app_made(made):
    template = made("dashboards_for_my_api")
    body = json.dumps(only(template, "AWS::CloudWatch::Dashboard")["DashboardBody"])
    for name in ("checkout", "checkout-handler", "checkout-carts"):
        assert json.dumps(json.dumps(name))[1:-1] in body
    assert "SOURCE '/aws/lambda/checkout-handler'" in body
    assert only(template, "AWS::CloudWatch::CompositeAlarm")["AlarmActions"]
    assert services(template) == {"CloudWatch", "KMS", "SNS", "SQS"}


def services(template) -> set[str]:
    return {resource["Type"].split("::")[1] for resource in template["Resources"].values()} - {"CDK"}


def stack_of(file: Path) -> type[Stack]:
    """The stack that an example defines."""
    spec = importlib.util.spec_from_file_location(f"example_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    classes = [value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, Stack)]
    [defined] = [stack for stack in classes if stack.__module__ == module.__name__]
    return defined
