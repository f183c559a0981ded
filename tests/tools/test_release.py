"""The assets of a release: the same bytes each time, nothing of the CDK in the templates, and that they work."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlglot
from sqlglot import exp
from tools._release_patterns import patterns

from raytrail.queries import EVENTS, saved_queries
from raytrail.sigma import catalog
from tools import release

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

BIN = Path(sys.executable).parent
VERSION = release.project_version()
Json = dict[str, Any]


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    release.make_assets(folder)
    return folder


@pytest.fixture(scope="module")
def opened(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a person has who unpacked the archives."""
    folder = tmp_path_factory.mktemp("opened")
    for file in assets.glob("*.zip"):
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def plain(opened: Path) -> Path:
    return opened / f"raytrail-templates-{VERSION}"


@pytest.fixture(scope="module")
def sql(opened: Path) -> Path:
    return opened / f"raytrail-queries-{VERSION}"


def template(plain: Path, name: str) -> Json:
    found: Json = json.loads((plain / f"raytrail-{name}.template.json").read_text(encoding="utf-8"))
    return found


def test_the_same_source_makes_the_same_files(assets, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "again").mkdir()
    release.make_assets(tmp_path / "again")
    first, second = ({file.name: file.read_bytes() for file in each.iterdir()} for each in (assets, tmp_path / "again"))
    assert len(first) == 3
    assert first == second


def test_the_checksums_are_those_that_sha256sum_checks(assets, tmp_path):
    for file in assets.iterdir():
        shutil.copy(file, tmp_path)
    release.write_sums(tmp_path)
    for line in (tmp_path / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((assets / name).read_bytes()).hexdigest() == digest
    if tool := shutil.which("sha256sum"):
        assert subprocess.run([tool, "--check", "SHA256SUMS"], cwd=tmp_path, check=False).returncode == 0


def test_a_tag_of_another_version_makes_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tools.release", "--tag", "v9.9.9", "--output", tmp_path],
        cwd=release.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (f"raytrail: the tag is 'v9.9.9', and pyproject.toml has version {VERSION}: tag v{VERSION}\n")
    assert list(tmp_path.iterdir()) == []


# Templates.


def test_the_templates_are_those_of_the_app_without_its_bootstrap_and_paths(plain, synth):
    """What is left out and what is named otherwise; all else is what the app deploys."""
    made = synth(region="us-east-1", sample={"enabled": False})
    names = {file.name.removesuffix(".template.json") for file in plain.glob("*.template.json")}
    assert names == made.keys()
    for name in names:
        ours = template(plain, name.removeprefix("raytrail-"))
        theirs = made[name]
        assert theirs.pop("Rules").keys() == {"CheckBootstrapVersion"}
        assert theirs.pop("Parameters").keys() == {"BootstrapVersion"}
        for id, resource in theirs["Resources"].items():
            for key in [key for key in resource.get("Metadata", {}) if key.startswith(("aws:cdk:", "aws:asset:"))]:
                del resource["Metadata"][key]
            if resource.get("Metadata") == {}:
                del resource["Metadata"]
            code = resource.get("Properties", {}).get("Code", {})
            if "S3Key" in code:
                assert (plain / ours["Resources"][id]["Properties"]["Code"]).is_dir()
                resource["Properties"]["Code"] = ours["Resources"][id]["Properties"]["Code"]
        assert ours == theirs


def test_nothing_in_the_templates_asks_for_the_bootstrap_or_for_one_account(plain):
    for file in plain.glob("*.template.json"):
        text = file.read_text(encoding="utf-8")
        assert "hnb659fds" not in text
        assert "BootstrapVersion" not in text
        # The account of examples, in the comments of queries.
        assert set(re.findall(r"\b\d{12}\b", text)) <= {"111122223333"}


def test_each_reference_to_another_stack_is_an_output_that_the_archive_has(plain):
    outputs = {
        file.name.split(".")[0]: json.loads(file.read_text())["Outputs"] for file in plain.glob("*.template.json")
    }
    order = list(dict.fromkeys(re.findall(r"raytrail-[a-z-]+(?=`)", (plain / "README.md").read_text())))[:4]
    assert set(order) == outputs.keys()
    seen = 0
    for place, stack in enumerate(order):
        text = (plain / f"{stack}.template.json").read_text(encoding="utf-8")
        for wanted in references(json.loads(text)):
            assert wanted["StackName"] in order[:place], "deployed later than it is read"
            assert wanted["OutputName"] in outputs[wanted["StackName"]]
            seen += 1
    assert seen > 5


def references(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        if "Fn::GetStackOutput" in value:
            yield value["Fn::GetStackOutput"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_code_beside_the_templates_is_all_that_they_name(plain):
    named = {
        resource["Properties"]["Code"]
        for file in plain.glob("*.template.json")
        for resource in json.loads(file.read_text())["Resources"].values()
        if isinstance(resource.get("Properties", {}).get("Code"), str)
    }
    assert named == {f"code/{folder.name}" for folder in (plain / "code").iterdir()}
    assert not list(plain.rglob("*.pyc"))


# Patterns.


def test_the_patterns_are_those_that_the_templates_deploy(plain):
    """Which detections have a rule, in which state: held against what was synthesised."""
    document = json.loads(patterns(VERSION))
    rules = [
        resource["Properties"]
        for resource in template(plain, "detection")["Resources"].values()
        if resource["Type"] == "AWS::Events::Rule"
    ]
    listed = {
        (json.dumps(pattern, sort_keys=True), each["state"])
        for each in document["detections"]
        for pattern in each["patterns"]
    }
    deployed = {(json.dumps(as_object(rule["EventPattern"]), sort_keys=True), rule["State"]) for rule in rules}
    assert len(deployed) > 30
    assert deployed <= listed
    for each in document["detections"]:
        assert bool(each["patterns"]) != bool(each.get("reason"))
    assert {each["name"] for each in document["detections"]} == {rule.name for rule in catalog() if rule.own}


def as_object(pattern: Any) -> Any:
    """CloudFormation takes a pattern as an object, and as text."""
    return json.loads(pattern) if isinstance(pattern, str) else pattern


# SQL.


def test_each_file_of_sql_says_what_each_of_its_parameters_is(sql):
    files = sorted(sql.glob("*/*.sql"))
    assert len(list(sql.glob("queries/*.sql"))) == len(saved_queries())
    assert len(files) > len(saved_queries()) + 100
    for file in files:
        text = file.read_text(encoding="utf-8")
        comments = re.findall(r"^-- (\d+): (.*), such as ('.*'|\d+|true|false)$", text, re.MULTILINE)
        asked = re.sub(r"'(?:[^']|'')*'|--[^\n]*", "", text)
        assert not re.search(r"^--.*\?", text, re.MULTILINE), "Athena's console counts those in comments"
        assert [int(number) for number, _, _ in comments] == list(range(1, len(comments) + 1)), file.name
        assert asked.count("?") == len(comments), file.name


def test_the_readmes_question_gives_the_parameters_in_the_order_of_its_file(sql):
    command = (sql / "README.md").read_text(encoding="utf-8").split("start-query-execution", 1)[1].split("```", 1)[0]
    [file] = re.findall(r"file://(\S+)", command)
    asked = re.findall(r"\"('[^\"]+')\"", command)
    said = re.findall(r"^-- \d+: .*, such as ('.+')$", (sql / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert asked == said


def test_an_independent_parser_reads_the_sql(sql):
    for file in [*sorted(sql.glob("queries/*.sql"))[::6], *sorted(sql.glob("detections/*.sql"))[::30]]:
        [statement] = sqlglot.parse(file.read_text(encoding="utf-8"), dialect="athena")
        assert statement is not None


def test_the_table_is_the_lakes_over_a_bucket_that_is_named(sql, plain):
    text = (sql / f"tables/{EVENTS.name}.sql").read_text(encoding="utf-8")
    [made] = [
        resource["Properties"]["TableInput"]
        for resource in template(plain, "audit")["Resources"].values()
        if resource["Type"] == "AWS::Glue::Table" and resource["Properties"]["TableInput"]["Name"] == EVENTS.name
    ]
    statement = sqlglot.parse_one(text, dialect="athena")
    assert isinstance(statement, exp.Create)
    partitioned = statement.find(exp.PartitionedByProperty)
    storage = made["StorageDescriptor"]
    assert columns_of(statement.this) == [(each["Name"], hive(each["Type"])) for each in storage["Columns"]]
    assert columns_of(partitioned.this) == [(each["Name"], hive(each["Type"])) for each in made["PartitionKeys"]]
    formats = statement.find(exp.InputOutputFormat)
    assert formats.args["input_format"].name == storage["InputFormat"]
    assert formats.args["output_format"].name == storage["OutputFormat"]
    assert statement.find(exp.RowFormatSerdeProperty).name == storage["SerdeInfo"]["SerializationLibrary"]
    said = {
        each.name: each.args["value"].name
        for each in statement.args["properties"].find_all(exp.Property)
        if type(each) is exp.Property
    }
    lakes = {key: value for key, value in made["Parameters"].items() if key != "EXTERNAL"}
    own = {"projection.account.values", "storage.location.template"}
    assert said.keys() == lakes.keys()
    assert {key: said[key] for key in said.keys() - own} == {key: lakes[key] for key in lakes.keys() - own}
    assert said["projection.account.values"] == "111122223333"
    root = "s3://YOUR-BUCKET/YOUR-PREFIX/AWSLogs/o-organization/"
    assert statement.find(exp.LocationProperty).name == root
    assert said["storage.location.template"] == f"{root}${{account}}/CloudTrail/${{region}}/${{timestamp}}/"


def columns_of(schema: exp.Expression) -> list[tuple[str, str]]:
    return [(each.name, each.args["kind"].sql("hive")) for each in schema.expressions]


def hive(type: str) -> str:
    return exp.DataType.build(type, dialect="hive").sql("hive")


def test_the_readmes_command_leaves_no_place_to_fill_in(sql, tmp_path):
    [command] = re.findall(r"^(sed -i .* tables/.*)$", (sql / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    shutil.copytree(sql / "tables", tmp_path / "tables")
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, check=True)
    text = (tmp_path / f"tables/{EVENTS.name}.sql").read_text(encoding="utf-8")
    assert "LOCATION 's3://my-trail-files/AWSLogs/'\n" in text
    assert "YOUR-" not in text
    assert "o-organization" not in text
    # Of older days it would say nothing.
    assert "'projection.timestamp.range' = '2023/04/01,NOW'" in text


def test_the_readme_names_the_first_day_and_waits_for_the_database(sql):
    readme = " ".join((sql / "README.md").read_text(encoding="utf-8").split())
    [day] = re.findall(
        r"'projection.timestamp.range' = '(.+),NOW'",
        (sql / f"tables/{EVENTS.name}.sql").read_text(encoding="utf-8"),
    )
    assert f"the day of the trail's first file for `{day}`" in readme
    assert "days before the first of `projection.timestamp.range` have no rows" in readme
    waits = readme.index("aws athena get-query-execution")
    assert readme.index("CREATE DATABASE") < waits < readme.index(f"file://tables/{EVENTS.name}.sql")
    assert "until `State` is `SUCCEEDED`" in readme
    assert "give your own workgroup, such as `primary`" in readme


# On the embedded AWS.


class Shell:
    """The commands of the README, in its folder, with the AWS CLI that is pinned."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **aws.environment,
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def deployed(local_aws: LocalAws, plain: Path) -> Iterator[None]:
    """The audit and the detection stack, by the README's own commands; taken away again."""
    [script] = re.findall(r"```sh\n(.*?)```", (plain / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    stacks = "raytrail-audit raytrail-detection"
    script, count = re.subn(r"for stack in .*;", f"for stack in {stacks};", script)
    assert count == 1
    Shell(local_aws, plain).run(script.replace("YOUR-BUCKET", "raytrail-uploads"))
    yield
    cloudformation = local_aws.client("cloudformation")
    s3 = local_aws.session().resource("s3", endpoint_url=local_aws.endpoint)
    for stack in reversed(stacks.split()):
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    for bucket in s3.buckets.all():
        if bucket.name.startswith("raytrail-"):
            bucket.object_versions.delete()
            bucket.delete()


def until(what: str, look: Any) -> Any:
    for _ in range(150):
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited in vain for {what}")


@pytest.mark.local
def test_the_templates_deploy_with_the_readmes_commands_and_no_bootstrap(deployed, local_aws):
    cloudformation = local_aws.client("cloudformation")
    stacks = {each["StackName"]: each for each in cloudformation.describe_stacks()["Stacks"]}
    for name in ("raytrail-audit", "raytrail-detection"):
        assert stacks[name]["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        assert not stacks[name].get("Parameters")
    # Its code came from the folder beside the template, and its role from the other stack.
    [scheduled] = [
        each["PhysicalResourceId"]
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName="raytrail-detection")
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::Lambda::Function" and each["LogicalResourceId"].startswith("Scheduled")
    ]
    configuration = local_aws.client("lambda").get_function_configuration(FunctionName=scheduled)
    assert "ScheduledReader" in configuration["Role"]


@pytest.mark.local
def test_a_pattern_of_the_file_put_as_a_rule_fires_and_a_file_of_sql_finds_the_same_call(
    deployed, local_aws, assets, sql, tmp_path
):
    [file] = assets.glob("*patterns*.json")
    detections = {each["name"]: each for each in json.loads(file.read_text(encoding="utf-8"))["detections"]}
    wanted = detections["trail_tampering"]
    queue = local_aws.client("sqs").create_queue(QueueName="patterns")["QueueUrl"]
    events, shell = local_aws.client("events"), Shell(local_aws, tmp_path)
    try:
        (tmp_path / "pattern.json").write_text(json.dumps(wanted["patterns"][0]), encoding="utf-8")
        shell.run(f"aws events put-rule --name by-hand --state {wanted['state']} --event-pattern file://pattern.json")
        arn = f"arn:aws:sqs:us-east-1:{local_aws.config.account_id}:patterns"
        events.put_targets(Rule="by-hand", Targets=[{"Id": "queue", "Arn": arn}])
        local_aws.client("cloudtrail").stop_logging(Name="raytrail")
        local_aws.client("cloudtrail").start_logging(Name="raytrail")
        told = until(
            "the rule",
            lambda: local_aws.client("sqs").receive_message(QueueUrl=queue).get("Messages"),
        )
        event = json.loads(told[0]["Body"])["detail"]
        assert (event["eventName"], event["eventSource"]) == ("StopLogging", "cloudtrail.amazonaws.com")
    finally:
        events.remove_targets(Rule="by-hand", Ids=["queue"])
        events.delete_rule(Name="by-hand")
        local_aws.client("sqs").delete_queue(QueueUrl=queue)

    day, moment = event["eventTime"][:10].replace("-", "/"), event["eventTime"]
    later = f"{moment[:11]}23:59:59Z"

    def rows() -> list[list[str]]:
        parameters = " ".join(f"\"'{value}'\"" for value in (day, day, f"{moment[:11]}00:00:00Z", later))
        ran = shell.run(
            "aws athena start-query-execution --work-group raytrail --query-execution-context Database=raytrail "
            f"--query-string file://{sql}/detections/trail_tampering.sql --execution-parameters {parameters}"
        )
        athena, id = local_aws.client("athena"), json.loads(ran)["QueryExecutionId"]

        def ended() -> str | None:
            status = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
            assert status["State"] != "FAILED", status
            return status["State"] if status["State"] == "SUCCEEDED" else None

        until("the query", ended)
        found = athena.get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in found[1:]]

    found = until("the trail's file", rows)
    assert event["eventID"] in {row[1] for row in found}
    assert {row[0] for row in found} == {"trail_tampering"}


@pytest.mark.wheel
def test_the_wheel_and_the_sdist_are_the_same_twice(tmp_path):
    runs = []
    for name in ("1", "2"):
        release.build_packages(tmp_path / name)
        runs.append({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()})
    assert runs[0] == runs[1]
    assert runs[0].keys() == {f"raytrail-{VERSION}-py3-none-any.whl", f"raytrail-{VERSION}.tar.gz"}


def test_older_assets_are_replaced_and_what_is_not_ours_stays(tmp_path):
    made, output = tmp_path / "made", tmp_path / "dist"
    for folder, names in (
        (made, ("SHA256SUMS", "raytrail-2.zip")),
        (output, ("SHA256SUMS", "raytrail-1.zip", "notes.txt")),
    ):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(folder.name)
    release.replace(output, made)
    assert {file.name: file.read_text() for file in output.iterdir()} == {
        "SHA256SUMS": "made",
        "raytrail-2.zip": "made",
        "notes.txt": "dist",
    }
