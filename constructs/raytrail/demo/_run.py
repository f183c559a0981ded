"""The demo from start to end: deploy, exercise, look, report, destroy."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import boto3

from raytrail.demo._cdk import Cdk
from raytrail.demo._evidence import Evidence, Missing, wait_for
from raytrail.demo._inbox import Inbox
from raytrail.demo._inventory import Item, inventory, retained
from raytrail.demo._load import Logs, alerts_of, evidence, load, pages_of, settle
from raytrail.demo._partners import make_secrets, remove_secrets
from raytrail.demo._policies import read_policies
from raytrail.demo._report import REPORT, Report
from raytrail.demo._scenario import Intrusion, send_traffic
from raytrail.demo._scene import Collector, Scene
from raytrail.demo._target import Target
from raytrail.demo.rows import HARMLESS, INTRUSIVE, PARTNERS, SIGMA
from raytrail.demo.rows.metrics import count_identity_changes
from raytrail.errors import EvidenceMissing

LOCAL_ROWS: dict[str, Collector] = {
    **HARMLESS,
    **INTRUSIVE,
    "policies": lambda scene: read_policies(scene.target),
}
"""The rows on the embedded AWS, in the order in which they are looked for."""


class Show(Protocol):
    """Who watches: the terminal, or a test."""

    def step(self, text: str) -> None:
        """A step begins."""

    def resources(self, done: Mapping[str, int], total: Mapping[str, int]) -> None:
        """Resources of each stack that are complete, while they are made or taken away."""

    def row(self, row: Evidence | Missing) -> None:
        """A row is known."""


def look(scene: Scene, rows: Mapping[str, Collector], show: Show, report: Report) -> None:
    """Find each row's evidence; what does not come is a missing row, and the rest is still looked for."""
    for name, collect in rows.items():
        try:
            found: Evidence | Missing = collect(scene)
        except EvidenceMissing as error:
            found = Missing(row=name, reason=str(error))
        except Exception as error:
            # Whatever API call failed: the row names it, and the others still get their chance.
            found = Missing(row=name, reason=f"{type(error).__name__}: {error}")
        report.add(found)
        show.row(found)


def prepare(target: Target) -> None:
    """Wait until the alarms have their first state, so that a change can be seen.

    Raises:
        EvidenceMissing: An alarm never became OK.
    """
    cloudwatch, name = target.client("cloudwatch"), target.output("UnhealthyAlarm")

    def ok() -> bool | None:
        alarms = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
        return True if alarms and alarms[0]["StateValue"] == "OK" else None

    wait_for(ok, seconds=max(target.patience_seconds, 30), what=f"the state OK of the alarm {name}")


def exercise(target: Target, inbox: Inbox, show: Show, *, intrude: bool) -> Scene:
    """Send traffic and, where nobody needs the account, let the intruder in."""
    show.step("sending requests to the API: orders made and read, one slow, two that fail")
    scene = Scene(target=target, traffic=send_traffic(target), inbox=inbox)
    if intrude:
        show.step("an administrator makes a user, and an intruder takes its key")
        scene.identity_changes_before = count_identity_changes(target, scene.traffic.since)
        scene.intrusion = Intrusion(target=target)
        scene.intrusion.commit()
    return scene


def prove(target: Target, rows: Mapping[str, Collector], show: Show, report: Report, *, intrude: bool) -> Scene:
    """Exercise the target, look for the rows, and return what happened."""
    inbox = Inbox(target=target)
    # In an account that somebody uses, the inbox holds alerts that are theirs to read.
    with inbox.listening() if target.local else nullcontext():
        scene = exercise(target, inbox, show, intrude=intrude)
        show.step("reading the evidence back through AWS's APIs")
        look(scene, rows, show, report)
    return scene


@dataclass(kw_only=True)
class LocalDemo:
    """The whole demo on the embedded AWS that runs at ``endpoint``.

    Args:
        app: The folder of the CDK app.
        output: The folder for the report, the CLI's log and the cloud assembly.
        endpoint: The embedded AWS.
        environment: Variables that point the CDK CLI at it.
        session: Credentials of its administrator, and the home Region.
        account_id: Its account.
        kit: The name of the kit, as the settings have it.
        show: Who watches.
        logs: CloudTrail records to load: files and folders. Default: none.
        partners: Whether to send to Honeycomb and Rollbar too, for whom the emulator stands in. Default: no.
    """

    app: Path
    output: Path
    endpoint: str
    environment: Mapping[str, str]
    session: boto3.Session
    account_id: str
    show: Show
    kit: str = "raytrail"
    logs: tuple[Path, ...] = ()
    partners: bool = False

    def __post_init__(self) -> None:
        self.output.mkdir(parents=True, exist_ok=True)
        self.assembly: Path = self.output / "cdk.out"
        # A cloud assembly of an earlier version of the app must not be what is deployed.
        shutil.rmtree(self.assembly, ignore_errors=True)
        log = self.output / "cdk.log"
        # Nor may an earlier run's report be taken for this one's.
        for old in (log, self.output / REPORT):
            old.unlink(missing_ok=True)
        self.cdk: Cdk = Cdk(app=self.app, output=self.assembly, log=log, environment=self.environment)
        self.target: Target = Target(session=self.session, endpoint=self.endpoint, kit=self.kit)
        self.report: Report = Report(target=f"embedded AWS emulator at {self.endpoint}")
        self._logs = Logs.of(self.logs)
        self._before: set[Item] = set()

    def deploy(self) -> None:
        """Synthesise, bootstrap and deploy all stacks."""
        started = time.monotonic()
        self.show.step("synthesising the templates, with cdk-nag and CDK's own validation")
        settings = self._logs.settings(self.account_id)
        if self.partners:
            settings |= make_secrets(self.target)
        self.cdk.synth(settings)
        self._lap("synth", started)
        started = time.monotonic()
        self.show.step("bootstrapping the embedded account")
        # Without names: every account and Region that a stack is for, which may be us-east-1 beside the home Region.
        self.cdk.run("bootstrap", *self._assembled)
        self._lap("bootstrap", started)
        self._before = inventory(self.target)
        started = time.monotonic()
        self.show.step("deploying the stacks")
        self._watched("deploy", "--all", "--require-approval", "never", "--concurrency", "5", *self._assembled)
        self._lap("deploy", started)
        self._count()

    def prove(self) -> Scene:
        """Exercise what was deployed and look for every row."""
        started = time.monotonic()
        self.show.step("waiting for the alarms' first state")
        prepare(self.target)
        rows = dict(LOCAL_ROWS)
        if self.partners:
            rows |= PARTNERS
        if "SigmaRules" in self.target.outputs:
            rows |= SIGMA
        if self.logs:
            rows["loaded logs"] = self._load
        scene = prove(self.target, rows, self.show, self.report, intrude=True)
        assert scene.intrusion is not None
        scene.intrusion.undo()
        self._lap("evidence", started)
        return scene

    def _load(self, scene: Scene) -> Evidence:
        """Load the records, and give what the rules find a moment to arrive."""
        self.report.loaded = load(self.target, self._logs)
        settle(self.target)
        self.report.loaded["alerts"] = dict(alerts_of(self.target, self._logs))
        self.report.loaded["pages"] = pages_of(scene.inbox, self._logs)
        return evidence(self.target, self.report.loaded)

    def destroy(self) -> None:
        """Take the stacks away with the templates as they are, and hold what is left against what they retain."""
        started = time.monotonic()
        self.show.step("destroying the stacks")
        stays = retained(self.target)
        self._watched("destroy", "--all", "--force", *self._assembled)
        if self.partners:
            remove_secrets(self.target)
        left = inventory(self.target) - self._before
        kinds = {kind for kind, _ in inventory(self.target) | stays | self._before}
        expected = {item for item in stays if item[0] in kinds and item[0] != "AWS::ApiGateway::Account"}
        self.report.left_behind = sorted(f"{kind} {name}" for kind, name in left)
        self._lap("destroy", started)
        wrong = [f"{kind} {name} was left behind" for kind, name in sorted(left - expected)]
        wrong += [f"{kind} {name} is gone, though its template retains it" for kind, name in sorted(expected - left)]
        row: Evidence | Missing
        if wrong:
            row = Missing(row="destroy", reason="; ".join(wrong))
        else:
            row = Evidence(
                row="destroy",
                seen=(
                    f"all stacks gone; {len(left)} resources left, exactly those that the templates retain"
                    ", beside API Gateway's account setting"
                ),
                # A bucket and its policy have one name.
                proof=", ".join(sorted({name for _, name in left})),
                read_with="cloudformation:DescribeStacks and the list call of each type",
                made_by="ministack, extended by raytrail",
                lines=tuple(self.report.left_behind),
            )
        self.report.add(row)
        self.show.row(row)

    @property
    def _assembled(self) -> tuple[str, ...]:
        return ("--app", str(self.assembly))

    def _watched(self, *arguments: str) -> None:
        """Run a CDK command and tell how far the stacks are."""
        total = {path.name.split(".")[0]: _resources_in(path) for path in self.assembly.glob("*.template.json")}
        with self.cdk.start(*arguments) as process:
            while process.poll() is None:
                time.sleep(0.4)
                self.show.resources(self._done(total, arguments[0]), total)
            self.show.resources(self._done(total, arguments[0]), total)
            self.cdk.check(process.returncode, arguments[0])

    def _done(self, total: Mapping[str, int], command: str) -> dict[str, int]:
        done = {}
        existing = {stack["StackName"] for stack in self.target.stacks()}
        for stack in total:
            states = (
                Counter(
                    resource["ResourceStatus"].rpartition("_")[2]
                    if resource["ResourceStatus"] != "DELETE_COMPLETE"
                    else ""
                    for resource in self._stack_resources(stack)
                )
                if stack in existing
                else Counter()
            )
            done[stack] = total[stack] - states["COMPLETE"] if command == "destroy" else states["COMPLETE"]
        return done

    def _stack_resources(self, stack: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = self.target.client("cloudformation").describe_stack_resources(
                StackName=stack
            )["StackResources"]
        except self.target.client("cloudformation").exceptions.ClientError:
            return []
        return found

    def _count(self) -> None:
        """Count what was deployed, and what of it is only recorded."""
        self.report.stacks = {
            stack["StackName"]: len(self._stack_resources(stack["StackName"])) for stack in self.target.stacks()
        }
        ours = [
            entry for entry in self.target.emulator("raytrail-resources", "/") if entry["stack"] in self.report.stacks
        ]
        recorded = [entry for entry in ours if entry["emulation"] == "recorded"]
        self.report.emulated = len(ours) - len(recorded)
        for entry in recorded:
            kind = self.report.recorded.setdefault(entry["type"], {"count": 0, "reason": entry["reason"]})
            kind["count"] += 1

    def _lap(self, name: str, started: float) -> None:
        self.report.seconds[name] = time.monotonic() - started


def _resources_in(template: Path) -> int:
    return len(json.loads(template.read_text(encoding="utf-8"))["Resources"])
