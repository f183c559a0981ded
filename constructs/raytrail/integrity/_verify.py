"""Checks everything that CloudTrail delivered to a place."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime

from raytrail.integrity._account import Account
from raytrail.integrity._coverage import Named
from raytrail.integrity._findings import Finding, Outcome, Status
from raytrail.integrity._keys import PublicKeys
from raytrail.integrity._source import Source
from raytrail.integrity._walk import account_folders

THREADS = 8
"""Log files that are read at once."""


def verify(source: Source, keys: PublicKeys, *, since: datetime | None = None) -> Iterator[Outcome]:
    """Check the digests of every account, Region and trail, and the log files that they name or should name.

    A digest that was altered, or cannot be read, speaks for nothing; what was delivered in its time is then
    unverified, and everything else is still checked. Memory does not grow with the number of files.

    Args:
        source: A bucket, or a copy of one.
        keys: The public keys for the signatures; without any, every signature is unverified.
        since: Only digests that end after it, and log files that were delivered from it on. Default: all.

    Yields:
        A `Finding` for each file, and after those of a chain of digests what it covers. Nothing, where there is
        nothing of CloudTrail's.
    """
    unlisted: list[Finding] = []

    def cannot_list(folder: str, error: OSError) -> None:
        reason = f"it cannot be listed: {error.strerror or error}"
        unlisted.append(Finding(status=Status.UNVERIFIED, kind="folder", path=folder, reason=reason))

    with ThreadPoolExecutor(THREADS, thread_name_prefix="verify") as pool, closing(Named()) as named:
        for folder in account_folders(source, cannot_list):
            yield from Account(source, keys, since, pool, named, cannot_list).check(folder)
    yield from unlisted
