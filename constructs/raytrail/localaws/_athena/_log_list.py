"""Which files of a folder are logs, and what their paths say of the records in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from raytrail.localaws._athena._log_sql import Place

SUFFIXES = (".json", ".jsonl", ".ndjson", ".log", ".gz")
"""How the name of a log ends, as `raytrail.records` has it."""

# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
_FOLDERS = re.compile(
    r"/(?P<account>\d{12})/CloudTrail/(?P<region>[a-z0-9-]+)/(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d)/[^/]+"
)
_NAME = re.compile(
    r".*/(?P<account>\d{12})_CloudTrail_(?P<region>[a-z0-9-]+)_(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)T\d{4}Z_[^/]*"
)
# Digests, Insights and network activity are other tables' files.
_OF_OTHER_TABLES = re.compile(r".*/\d{12}(/CloudTrail-[A-Za-z]+/.*|_CloudTrail-[A-Za-z]+_[^/]*)")


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of logs: where it is, its stored bytes, and what its path says of its records (None for nothing)."""

    path: Path
    size: int
    place: Place | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found.

    Attributes:
        logs: In order of their paths.
        others: How many files are CloudTrail's, and of another table.
        left: Files whose names end in none of `SUFFIXES`.
    """

    logs: tuple[LogFile, ...]
    others: int
    left: tuple[Path, ...]


def list_logs(root: Path) -> Listing:
    """Return the files below a folder, or the one file, that may hold records of events; hidden ones are passed over.

    A file in CloudTrail's layout, or with CloudTrail's name, has the place that these say.

    Raises:
        OSError: There is no such file or folder.
    """
    base = root.resolve(strict=True)
    logs, others, left = [], 0, []
    for path in sorted(_files(base)) if base.is_dir() else [base]:
        text = path.as_posix()
        shown = root / path.relative_to(base) if path != base else root
        if _OF_OTHER_TABLES.fullmatch(text):
            others += 1
        elif path != base and not path.name.lower().endswith(SUFFIXES):
            left.append(shown)
        else:
            logs.append(LogFile(shown, path.stat().st_size, _place(text)))
    return Listing(tuple(logs), others, tuple(left))


def _files(base: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(base):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _place(path: str) -> Place | None:
    found = _FOLDERS.search(path) or _NAME.fullmatch(path)
    return Place(found["account"], found["region"], "/".join(found.group("year", "month", "day"))) if found else None
