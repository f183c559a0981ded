"""The ``raytrail`` command."""

from __future__ import annotations

import contextlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from raytrail.cli._errors import UNANSWERED, Unanswered
from raytrail.cli._findings import findings
from raytrail.cli._output import end_output, write
from raytrail.cli._replay import replay
from raytrail.cli._signals import Stopped, raise_on_signals
from raytrail.cli._verify import verify
from raytrail.errors import RaytrailError
from raytrail.settings import json_schema, read_context, read_settings

app = typer.Typer(
    help="Observability and audit for an AWS account.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

STOPPED = 130
"""The status that a shell gives a program that Ctrl-C ended."""

AppFolder = Annotated[Path, typer.Option("--app", help="Folder of the CDK app.", file_okay=False)]
Port = Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)]


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"raytrail {version('raytrail')}")
        raise typer.Exit


@app.callback()
def _top(
    _version: Annotated[
        bool, typer.Option("--version", help="Say the version and end.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Observability and audit for an AWS account."""


@app.command()
def demo(
    app_folder: AppFolder = Path(),
    output: Annotated[Path, typer.Option(help="Folder for the report and the logs.")] = Path("build/demo"),
    logs: Annotated[
        list[Path] | None, typer.Option("--logs", help="CloudTrail records to load: a file or a folder; repeatable.")
    ] = None,
    partners: Annotated[
        bool, typer.Option("--partners", help="Send to Honeycomb and Rollbar too, by stand-ins on this machine.")
    ] = False,
    keep: Annotated[bool, typer.Option(help="Leave everything running until Ctrl-C.")] = False,
    port: Port = 0,
    target: Annotated[str, typer.Option(help="local (the embedded AWS) or aws (a real account).")] = "local",
    profile: Annotated[str | None, typer.Option(help="With --target aws: the profile of the credentials.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --target aws: do not ask.")] = False,
) -> None:
    """Deploy the kit to an embedded AWS, exercise it, and show the evidence."""
    from raytrail.cli import _demo

    if target == "aws":
        _demo.on_aws(Console(), app_folder=app_folder.resolve(), output=output.resolve(), profile=profile, yes=yes)
    elif profile is not None:
        raise RaytrailError("--profile is for --target aws; the embedded AWS has credentials of its own")
    elif target == "local":
        _demo.locally(
            Console(),
            app_folder=app_folder.resolve(),
            output=output.resolve(),
            logs=[path.resolve() for path in logs or []],
            partners=partners,
            keep=keep,
            port=port,
        )
    else:
        raise RaytrailError(f"--target is local or aws, got {target!r}")


@app.command()
def local(port: Port = 0, app_folder: AppFolder = Path()) -> None:
    """Start the embedded AWS and stay; Ctrl-C stops it and leaves nothing."""
    from raytrail.localaws import LocalAws

    console = Console()
    with LocalAws(port=port or None, region=_home_region(app_folder)) as server:
        console.print(f"An embedded AWS emulator listens on [bold]{server.endpoint}[/bold] (127.0.0.1 alone).")
        console.print("It is an emulator, not AWS: docs/localaws.md says what is emulated and what is not.\n")
        console.print("Point the AWS CLI, boto3 and the CDK at it:")
        console.print("  unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN")
        for name, value in server.environment.items():
            console.print(Text(f"  export {name}={value}"))
        console.print("\nthen deploy:")
        # Without names it takes every Region of the app: a home elsewhere has a stack in us-east-1 too.
        console.print(Text("  tools/cdk bootstrap"))
        console.print(Text("  tools/cdk deploy --all --require-approval never"))
        console.print("\nCtrl-C stops it.")
        with contextlib.suppress(Stopped):
            server.wait_until(lambda: False)
            raise RaytrailError(f"the embedded AWS stopped by itself: {server.last_words()}")


@app.command()
def traces(
    trace_id: Annotated[
        str | None,
        typer.Argument(help="Show this trace: X-Ray's ID, or W3C's 32 digits.", metavar="TRACE_ID"),
    ] = None,
    draw_map: Annotated[bool, typer.Option("--map", help="Show the service map, of the time or of TRACE_ID.")] = False,
    why: Annotated[
        str | None,
        typer.Option(help="Say why a Lambda function has no trace: its name or ARN.", metavar="FUNCTION"),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="How far back: 90s, 15m, 2h, 1d12h. Default: 15m.", metavar="LENGTH")
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", help="From when: ISO 8601.", metavar="TIME")] = None,
    to: Annotated[str | None, typer.Option(help="Until when: ISO 8601. Default: now.", metavar="TIME")] = None,
    filter_: Annotated[
        str | None,
        typer.Option("--filter", help="Only traces that X-Ray's filter expression matches.", metavar="EXPRESSION"),
    ] = None,
    group: Annotated[str | None, typer.Option(help="Only traces of this X-Ray group.", metavar="NAME")] = None,
    limit: Annotated[int, typer.Option(help="How many traces, the newest.", min=1, max=1000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for a program.")] = False,
    endpoint: Annotated[
        str | None,
        typer.Option(help="The embedded AWS's URL. Default: AWS_ENDPOINT_URL, or AWS itself.", metavar="URL"),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of the credentials.")] = None,
    region: Annotated[str | None, typer.Option(help="The Region to ask in.")] = None,
) -> None:
    """List traces, show one as a tree, draw the service map, or say why there is no trace.

    With --why the status is 0 when traces arrive, 1 when they do not or a cause was found, and 2 when that could not
    be asked. Otherwise it is 2 for a wrong option, time, filter or trace ID.
    """
    from raytrail.cli._traces._command import Asked, run

    asked = Asked(
        trace_id=trace_id,
        map=draw_map,
        why=why,
        since=since,
        from_=from_,
        to=to,
        filter=filter_,
        group=group,
        limit=limit,
        json=as_json,
        endpoint=endpoint,
        profile=profile,
        region=region,
    )
    raise typer.Exit(run(asked))


@app.command()
def query(
    name: Annotated[str | None, typer.Argument(help="Which query. Default: list them all.", metavar="NAME")] = None,
    values: Annotated[
        list[str] | None, typer.Argument(help="Its parameters, as the list has them.", metavar="KEY=VALUE")
    ] = None,
    logs: Annotated[
        Path | None,
        typer.Option("--local", help="Ask a file or folder of logs on this machine, and no AWS.", metavar="PATH"),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="First day, in UTC. Default: six days before --to.", metavar="DAY")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Last day, in UTC. Default: today.", metavar="DAY")] = None,
    accounts: Annotated[
        str | None, typer.Option(help="Only these accounts, with commas. Default: all of the table.", metavar="IDS")
    ] = None,
    regions: Annotated[
        str | None, typer.Option(help="Only these Regions, with commas. Default: all of the table.", metavar="NAMES")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many rows to show; 0 for all.", min=0)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON object for each row.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
    kit: Annotated[str | None, typer.Option(help="The kit's name. Default: that of cdk.json.", metavar="NAME")] = None,
    app_folder: AppFolder = Path(),
    workgroup: Annotated[str | None, typer.Option(help="The Athena workgroup. Default: the kit's.")] = None,
    database: Annotated[str | None, typer.Option(help="The Glue database. Default: the kit's.")] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help="The embedded AWS's URL. Default: AWS_ENDPOINT_URL, or AWS itself.", metavar="URL"),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of the credentials.")] = None,
    region: Annotated[str | None, typer.Option(help="The Region of the lake.")] = None,
) -> None:
    """List the saved queries, or ask one of Athena or of a folder of logs.

    With --local the days default to all that the logs have. The status is 0 for an answer, also one without rows; 3 for
    an answer for which some file or record could not be read; 2 for a wrong name, parameter or option; and 1 when AWS
    refused, or the query failed.
    """
    from raytrail.cli._query._command import Asked, run

    asked = Asked(
        name=name,
        words=tuple(values or ()),
        local=logs,
        from_=from_,
        to=to,
        accounts=accounts,
        regions=regions,
        limit=limit,
        json=as_json,
        csv=as_csv,
        kit=kit,
        app_folder=app_folder,
        workgroup=workgroup,
        database=database,
        endpoint=endpoint,
        profile=profile,
        region=region,
    )
    raise typer.Exit(run(asked))


@app.command()
def doctor(
    app_folder: AppFolder = Path(),
    profile: Annotated[str | None, typer.Option(help="The profile of the credentials.")] = None,
    region: Annotated[str | None, typer.Option(help="The Region to ask in.")] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help="The embedded AWS's URL. Default: AWS_ENDPOINT_URL, or AWS itself.", metavar="URL"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for a program.")] = False,
) -> None:
    """Say what would stop a deployment or cost money: credentials first, then the account. Changes nothing.

    The status is that of the worst finding: 1 for an error, 3 for a warning, 0 otherwise; and 2 for a wrong option.
    """
    from raytrail.cli._doctor._command import Asked, run

    asked = Asked(app_folder=app_folder, profile=profile, region=region, endpoint=endpoint, json=as_json)
    raise typer.Exit(run(asked))


@app.command()
def schema(output: Annotated[Path | None, typer.Option(help="File to write. Default: the terminal.")] = None) -> None:
    """Print the JSON Schema of the settings, for an editor."""
    text = json.dumps(json_schema(), indent=2) + "\n"
    if output is None:
        write(text)
    else:
        output.write_text(text, encoding="utf-8")


app.command()(verify)
app.command()(replay)
app.command()(findings)


def _home_region(app_folder: Path) -> str:
    """The Region of the settings in cdk.json, or the default where there is no app."""
    cdk_json = app_folder / "cdk.json"
    raw: dict[str, Any] = read_context(cdk_json) if cdk_json.is_file() else {}
    return read_settings(raw.get("raytrail")).region


def main() -> None:
    """Run the command; what is wrong is one sentence on standard error and a non-zero exit."""
    raise_on_signals()
    try:
        app()
    except Unanswered as error:
        print(f"raytrail: {error}", file=sys.stderr)
        sys.exit(UNANSWERED)
    except RaytrailError as error:
        sys.exit(f"raytrail: {error}")
    except Stopped:
        print("raytrail: stopped; everything that it had started is ended", file=sys.stderr)
        sys.exit(STOPPED)
    finally:
        end_output()
