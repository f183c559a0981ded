"""Finds the folders of CloudTrail, and goes through their files from the newest day to the oldest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from raytrail.integrity._names import ACCOUNT, DIGEST_FOLDER, LOG_FOLDER, ORGANIZATION
from raytrail.integrity._source import Source

MAX_DEPTH = 12
"""Folders above the account's: a prefix of 200 letters, AWSLogs, an organization."""

Unlisted = Callable[[str, OSError], None]
"""Told of a folder that cannot be listed."""


@dataclass(frozen=True, slots=True)
class AccountFolder:
    """A folder that holds CloudTrail's."""

    path: str
    has_digests: bool
    log_folders: tuple[str, ...]
    """``CloudTrail``, ``CloudTrail-Insight`` and the like, in the order of their names."""


def join(*parts: str) -> str:
    """A path of parts, of which the first may be empty."""
    return "/".join(part for part in parts if part)


def account_folders(source: Source, unlisted: Unlisted) -> Iterator[AccountFolder]:
    """The folders of accounts, in the order of their names; others under AWSLogs are passed over."""
    yield from _below(source, source.root, unlisted, depth=0, known="AWSLogs" in source.root.split("/"))


def _below(source: Source, folder: str, unlisted: Unlisted, *, depth: int, known: bool) -> Iterator[AccountFolder]:
    names = children(source, folder, unlisted)[0]
    own = tuple(name for name in names if name == LOG_FOLDER or name.startswith(f"{LOG_FOLDER}-"))
    if own:
        logs = tuple(name for name in own if name != DIGEST_FOLDER)
        yield AccountFolder(path=folder, has_digests=DIGEST_FOLDER in own, log_folders=logs)
    if depth == MAX_DEPTH:
        return
    for name in names:
        # Below AWSLogs lie the logs of other services too, which may be many.
        owner = ACCOUNT.fullmatch(name) or ORGANIZATION.fullmatch(name)
        if name not in own and (owner or not (known or own)):
            inside = known or name == "AWSLogs" or bool(owner)
            yield from _below(source, join(folder, name), unlisted, depth=depth + 1, known=inside)


def files_back(source: Source, folder: str, since: datetime | None, unlisted: Unlisted) -> Iterator[str]:
    """The paths of all files below a Region's folder, the last day first; of one day the last name first.

    Args:
        source: Where they lie.
        folder: The folder of a Region.
        since: Folders of earlier days are passed over.
        unlisted: Told of a folder that cannot be listed.
    """
    first = since.strftime("%Y/%m/%d").split("/") if since else []
    yield from _back(source, folder, [], first, unlisted)


def _back(source: Source, folder: str, below: list[str], first: list[str], unlisted: Unlisted) -> Iterator[str]:
    folders, files = children(source, folder, unlisted)
    for name in reversed(folders):
        parts = [*below, name]
        if parts >= first[: len(parts)]:
            yield from _back(source, join(folder, name), parts, first, unlisted)
    for name in reversed(files):
        yield join(folder, name)


def children(source: Source, folder: str, unlisted: Unlisted) -> tuple[list[str], list[str]]:
    """The names of the folders and of the files in a folder, each in order; none when it does not exist."""
    try:
        folders, files = source.children(folder)
    except FileNotFoundError:
        return [], []
    except OSError as error:
        unlisted(folder, error)
        return [], []
    return sorted(folders), sorted(files)
