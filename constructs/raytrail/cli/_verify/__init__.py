"""``raytrail verify``: whether CloudTrail's log files are those that it delivered.

The checking is `raytrail.integrity`'s; here are its options, the bucket that it can read, and what is printed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def verify(
    location: Annotated[
        str, typer.Argument(help="A folder with the key layout of the bucket, or s3://BUCKET/PREFIX.", metavar="PATH")
    ],
    public_keys: Annotated[
        list[Path] | None,
        typer.Option(
            "--public-keys",
            help="What `aws cloudtrail list-public-keys` printed, of each Region; repeatable.",
            metavar="FILE",
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="Only what was delivered from then on: ISO 8601, UTC.", metavar="TIME"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, one object a line.")] = False,
    endpoint: Annotated[
        str | None,
        typer.Option(help="The embedded AWS's URL. Default: AWS_ENDPOINT_URL, or AWS itself.", metavar="URL"),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of the credentials.")] = None,
    region: Annotated[str | None, typer.Option(help="The Region of the bucket.")] = None,
) -> None:
    """Check CloudTrail's log files against the digests, without asking CloudTrail.

    The status is 0 when all is verified; 1 when a file was altered, is missing, extra or unreadable, or a chain of
    digests is broken; 2 when it could not be checked; 3 when nothing is wrong, and something is unverified: a signature
    without its public key, the newest digest of a folder, a file that no digest covers.
    """
    from raytrail.cli._verify._command import run

    status = run(
        location=location,
        public_keys=public_keys or [],
        from_=from_,
        as_json=as_json,
        endpoint=endpoint,
        profile=profile,
        region=region,
    )
    raise typer.Exit(status)
