"""``raytrail demo``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from raytrail.cli._aws import new_session
from raytrail.cli._show import TerminalShow, print_report
from raytrail.cli._signals import Stopped
from raytrail.demo import HARMLESS, Collector, LocalDemo, Report, Target, prepare, prove
from raytrail.errors import EvidenceMissing, RaytrailError
from raytrail.settings import Settings, read_context, read_settings

# What the harmless part costs, rounded up from the public prices of us-east-1: about a dozen requests, one trace
# each, a few kilobytes of logs and one Athena query (10 MB at least, at 5 USD a TB).
AWS_COST = "less than 0.01 USD"
AWS_SECONDS = 20 * 60.0
DEFAULT_ACCOUNT = "111122223333"
STACKS = ("tracing", "audit", "detection", "dashboards", "sample")


def locally(
    console: Console, *, app_folder: Path, output: Path, logs: list[Path], partners: bool, keep: bool, port: int
) -> None:
    """Run the whole demo on an embedded AWS."""
    from raytrail.localaws import LocalAws

    settings = _settings(app_folder)
    _refuse_what_the_demo_needs(settings)
    console.print(
        "[bold]raytrail demo[/bold]: the templates of `cdk synth`, deployed to an embedded AWS emulator on this "
        "machine (never to AWS) and exercised there. Every row is read back through AWS's public APIs. "
        "Delays are the emulator's, which is quicker than AWS.\n"
    )
    with LocalAws(port=port or None, region=settings.region, account_id=settings.account or DEFAULT_ACCOUNT) as server:
        with TerminalShow(console) as show:
            run = LocalDemo(
                app=app_folder,
                output=output,
                endpoint=server.endpoint,
                environment=server.environment,
                session=server.session(),
                account_id=server.config.account_id,
                kit=settings.name,
                show=show,
                logs=tuple(logs),
                partners=partners,
            )
            try:
                run.deploy()
                run.prove()
            except EvidenceMissing as error:
                raise RaytrailError(f"the evidence cannot be looked for: {error}") from error
            if not keep:
                run.destroy()
        if keep:
            print_report(console, run.report)
            console.print(f"\nIt keeps running at {server.endpoint}; use it with:")
            for name, value in server.environment.items():
                console.print(f"  export {name}={value}", highlight=False)
            console.print("Ctrl-C takes everything away.")
            try:
                server.wait_until(lambda: False)
            except Stopped:
                with TerminalShow(console) as show:
                    run.show = show
                    run.destroy()
    _finish(console, run.report, output)


def on_aws(console: Console, *, app_folder: Path, output: Path, profile: str | None, yes: bool) -> None:
    """Look for the harmless rows in a real account where the kit is deployed."""
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        raise RaytrailError(f"AWS_ENDPOINT_URL is set to {endpoint}, which is not AWS; unset it for --target aws")
    try:
        session = new_session(profile, None)
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise RaytrailError(
            f"no usable credentials for --target aws: {error}; give --profile, or sign in; `raytrail doctor` tells the "
            "causes apart"
        ) from error
    if session.region_name is None:
        raise RaytrailError("--target aws needs a Region: set AWS_REGION, or one in the profile")
    settings = _settings(app_folder)
    rows = _rows_on_aws(console, settings)
    target = Target(session=session, kit=settings.name, deadline=time.monotonic() + AWS_SECONDS)
    console.print(f"Account {identity['Account']}, Region {session.region_name}, as {identity['Arn']}.")
    console.print(
        "This sends a dozen requests to the deployed sample API (three orders stay in its table; two requests fail and "
        "one is slow, so that its alarm goes off once and tells whom it tells) and then reads traces, logs, metrics, "
        f"the alarm's history and the trail. It changes nothing else, gives up after {AWS_SECONDS / 60:.0f} minutes "
        f"(CloudTrail delivers about every five) and costs {AWS_COST}."
    )
    if not yes and not typer.confirm("Go on?"):
        raise RaytrailError("nothing was done")
    report = Report(target=f"account {identity['Account']}")
    with TerminalShow(console) as show:
        prepare(target)
        prove(target, rows, show, report, intrude=False)
    _finish(console, report, output)


def _finish(console: Console, report: Report, output: Path) -> None:
    print_report(console, report)
    console.print(f"report: {report.write(output)}", highlight=False)
    report.check()


def _settings(app_folder: Path) -> Settings:
    return read_settings(read_context(app_folder / "cdk.json").get("raytrail"))


def _refuse_what_the_demo_needs(settings: Settings) -> None:
    """Refuse settings under which some row could not be, before anything is deployed.

    Raises:
        RaytrailError: A stack is off, or a trail or a topic that is elsewhere is taken.
    """
    off = [name for name in STACKS if not getattr(settings, name).enabled]
    if off:
        raise RaytrailError(
            f"the demo shows all five stacks, and cdk.json switches off {', '.join(off)}; remove {off[0]}.enabled there"
        )
    if settings.audit.existing_trail:
        raise RaytrailError(
            "the demo watches a trail of its own, and cdk.json takes an existing one, which the embedded AWS does not "
            "have; remove audit.existing_trail there for the demo"
        )
    _refuse_another_topic(settings)


def _refuse_another_topic(settings: Settings) -> None:
    if settings.detection.existing_topic:
        raise RaytrailError(
            "the demo reads alerts from the kit's own inbox, and cdk.json publishes them to a topic of yours; remove "
            "detection.existing_topic there for the demo"
        )


def _rows_on_aws(console: Console, settings: Settings) -> dict[str, Collector]:
    """The harmless rows that the settings allow.

    Raises:
        RaytrailError: A stack that every row needs is off, or alerts go to another topic.
    """
    for name in ("sample", "dashboards"):
        if not getattr(settings, name).enabled:
            raise RaytrailError(f"--target aws sends requests to the sample and waits for its alarm; {name} is off")
    _refuse_another_topic(settings)
    without: set[str] = set()
    if not settings.tracing.enabled:
        without |= {"trace", "failed order", "trace groups"}
    if not settings.audit.enabled or settings.audit.existing_trail:
        console.print(
            "The trail is not the kit's own, so nothing records the calls to the sample's table: not looked for."
        )
        without |= {row for row in HARMLESS if row == "trail" or row.startswith("query: ")}
    return {row: collect for row, collect in HARMLESS.items() if row not in without}
