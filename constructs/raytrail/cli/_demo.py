"""``raytrail demo``."""

from __future__ import annotations

from pathlib import Path

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from raytrail.cli._show import TerminalShow, print_report
from raytrail.cli._signals import Stopped
from raytrail.demo import HARMLESS, LocalDemo, Report, Target, prepare, prove
from raytrail.errors import EvidenceMissing, RaytrailError
from raytrail.settings import read_context, read_settings

# What the harmless part costs, rounded up from the public prices of us-east-1: about a dozen requests, one trace
# each, a few kilobytes of logs and one Athena query (10 MB at least, at 5 USD a TB).
AWS_COST = "less than 0.01 USD"


def locally(console: Console, *, app_folder: Path, output: Path, logs: list[Path], keep: bool, port: int) -> None:
    """Run the whole demo on an embedded AWS."""
    from raytrail.localaws import LocalAws

    settings = read_settings(read_context(app_folder / "cdk.json").get("raytrail"))
    console.print(
        "[bold]raytrail demo[/bold]: the templates of `cdk synth`, deployed to an embedded AWS emulator on this "
        "machine (never to AWS) and exercised there. Every row is read back through AWS's public APIs.\n"
    )
    with LocalAws(port=port or None, region=settings.region) as server:
        with TerminalShow(console) as show:
            run = LocalDemo(
                app=app_folder,
                output=output,
                endpoint=server.endpoint,
                environment=server.environment,
                account_id=server.config.account_id,
                region=settings.region,
                show=show,
                logs=tuple(logs),
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


def on_aws(console: Console, *, output: Path, profile: str | None, yes: bool) -> None:
    """Look for the harmless rows in a real account where the kit is deployed."""
    import os

    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        raise RaytrailError(f"AWS_ENDPOINT_URL is set to {endpoint}, which is not AWS; unset it for --target aws")
    try:
        session = boto3.Session(profile_name=profile)
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise RaytrailError(f"no usable credentials for --target aws: {error}; give --profile, or sign in") from error
    if session.region_name is None:
        raise RaytrailError("--target aws needs a Region: set AWS_REGION, or one in the profile")
    target = Target(session=session, patience_seconds=900)
    console.print(f"Account {identity['Account']}, Region {session.region_name}, as {identity['Arn']}.")
    console.print("This sends a dozen requests to the deployed sample API, two of which fail and one of which is slow,")
    console.print("so that its alarm goes off once, and then reads traces, logs, metrics and the trail. It changes")
    console.print(f"nothing else, takes up to 15 minutes (CloudTrail's delay) and costs {AWS_COST}.")
    if not yes and not typer.confirm("Go on?"):
        raise RaytrailError("nothing was done")
    report = Report(target=f"account {identity['Account']}")
    with TerminalShow(console) as show:
        prepare(target)
        prove(target, HARMLESS, show, report, intrude=False)
    _finish(console, report, output)


def _finish(console: Console, report: Report, output: Path) -> None:
    print_report(console, report)
    path = output / "report.json"
    report.write(path)
    console.print(f"report: {path}", highlight=False)
    report.check()
