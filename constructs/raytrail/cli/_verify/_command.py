"""What ``raytrail verify`` does with its options."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from raytrail.cli._aws import connect
from raytrail.cli._errors import Unanswered, WrongUse
from raytrail.cli._refusals import Refused
from raytrail.cli._terminal import console
from raytrail.cli._verify._s3 import SCHEME, BucketSource
from raytrail.cli._verify._show import JsonLines, Lines
from raytrail.errors import InvalidProps
from raytrail.integrity import HARMED, Finding, FolderSource, PublicKeys, Source, Status, verify

VERIFIED, HARM, UNVERIFIED = 0, 1, 3
"""The statuses to end with. Where it could not be checked at all it is 2, as of the other commands."""


def run(
    *,
    location: str,
    public_keys: list[Path],
    from_: str | None,
    as_json: bool,
    endpoint: str | None,
    profile: str | None,
    region: str | None,
) -> int:
    """Check what lies at a location, and return the status to end with.

    Raises:
        Unanswered: It could not be checked; `WrongUse` when what was typed is to blame.
    """
    since = _read_time(from_)
    keys = _read_keys(public_keys)
    counts: Counter[Status] = Counter()
    found = False
    try:
        source = _source(location, endpoint=endpoint, profile=profile, region=region)
        with JsonLines() if as_json else Lines(console()) as show:
            for outcome in verify(source, keys, since=since):
                found = True
                if isinstance(outcome, Finding):
                    counts[outcome.status] += 1
                show.add(outcome)
            if found:
                show.end(counts)
    except Refused as error:
        # Status 1 must mean that the logs were harmed.
        raise Unanswered(str(error)) from error
    if not found:
        raise Unanswered(
            f"nothing of CloudTrail's lies at {location}: no folder CloudTrail or CloudTrail-Digest; give one that is "
            "above the accounts' folders, or an account's"
        )
    if any(counts[status] for status in HARMED):
        return HARM
    return UNVERIFIED if counts[Status.UNVERIFIED] else VERIFIED


def _source(location: str, *, endpoint: str | None, profile: str | None, region: str | None) -> Source:
    if location.startswith(SCHEME):
        return BucketSource(connect(endpoint=endpoint, profile=profile, region=region), location)
    given = {"--endpoint": endpoint, "--profile": profile, "--region": region}
    if useless := [name for name, value in given.items() if value is not None]:
        raise WrongUse(f"a folder is read without AWS; leave out {' and '.join(useless)}, or give s3://BUCKET")
    try:
        return FolderSource(Path(location))
    except InvalidProps as error:
        raise WrongUse(str(error)) from error


def _read_keys(files: list[Path]) -> PublicKeys:
    try:
        return PublicKeys.read((str(file), file.read_text(encoding="utf-8-sig")) for file in files)
    except (InvalidProps, UnicodeDecodeError) as error:
        raise WrongUse(f"--public-keys: {error}") from error
    except OSError as error:
        raise WrongUse(f"--public-keys: {error.filename} cannot be read: {error.strerror}") from error


def _read_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongUse(f"--from is a time in ISO 8601 such as 2026-01-31 or 2026-01-31T12:00:00Z, got {text!r}") from (
            error
        )
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
