"""``raytrail replay``: what the detections would have said of logs that are already there.

The engines are `raytrail.replay`'s (EventBridge) and `raytrail.localaws.athena`'s (Athena's SQL on this machine); here
are the command's options, the reading of logs in pieces side by side, and what is printed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def replay(
    paths: Annotated[
        list[str],
        typer.Argument(help="CloudTrail logs: files, folders, or s3://BUCKET/PREFIX.", metavar="PATH..."),
    ],
    engine: Annotated[str, typer.Option(help="eventbridge, athena or both.", metavar="ENGINE")] = "both",
    templates: Annotated[
        Path | None,
        typer.Option(
            help="Synthesised templates with the rules. Default: the app's cdk.out, or else the catalogue.",
            metavar="DIR",
        ),
    ] = None,
    sigma: Annotated[
        list[Path] | None,
        typer.Option("--sigma", help="Sigma rules of others, besides: a file or folder; repeatable.", metavar="DIR"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, an object for each match.")] = False,
    navigator: Annotated[
        Path | None, typer.Option(help="Write a layer for the ATT&CK Navigator.", metavar="FILE")
    ] = None,
    app_folder: Annotated[Path, typer.Option("--app", help="Folder of the CDK app.", file_okay=False)] = Path(),
    athena: Annotated[
        str | None,
        typer.Option(help="Ask Athena itself, in this workgroup, about the days of PATH.", metavar="WORKGROUP"),
    ] = None,
    database: Annotated[str | None, typer.Option(help="With --athena: the Glue database. Default: the kit's.")] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help="The embedded AWS's URL. Default: AWS_ENDPOINT_URL, or AWS itself.", metavar="URL"),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of the credentials.")] = None,
    region: Annotated[str | None, typer.Option(help="The Region of the bucket, and of Athena.")] = None,
) -> None:
    """Run the detections over CloudTrail logs, and say who would have been told what.

    The status is 0 when everything was replayed; 3 when some file or line could not be read, which is named; 2 when
    nothing could be: a wrong option, no such path, no records; and 1 when AWS refused.
    """
    from raytrail.cli._replay._command import Asked, run

    asked = Asked(
        paths=tuple(paths),
        engine=engine,
        templates=templates,
        sigma=tuple(sigma or ()),
        json=as_json,
        navigator=navigator,
        app_folder=app_folder,
        athena=athena,
        database=database,
        endpoint=endpoint,
        profile=profile,
        region=region,
    )
    raise typer.Exit(run(asked))
