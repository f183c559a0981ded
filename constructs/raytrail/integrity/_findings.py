"""What comes out of a check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from raytrail.integrity._content import Damaged, Followed
from raytrail.integrity._names import ChainName


class Status(StrEnum):
    """What is known of a file."""

    VERIFIED = "verified"
    """It is what CloudTrail delivered."""
    UNVERIFIED = "unverified"
    """Nothing speaks against it, and nothing that could be checked speaks for it."""
    ALTERED = "altered"
    """It is not what CloudTrail delivered."""
    MISSING = "missing"
    """CloudTrail delivered it, and it is not there."""
    EXTRA = "extra"
    """It is there, and CloudTrail did not deliver it."""
    UNREADABLE = "unreadable"
    """It is damaged: no whole gzip, or a digest that is none."""
    BROKEN = "broken"
    """Two digests that name each other leave a time between them."""


HARMED = frozenset(Status) - {Status.VERIFIED, Status.UNVERIFIED}
"""What speaks against the logs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What is known of one file, or of one period without digests."""

    status: Status
    """What is known."""
    kind: Literal["digest", "log", "period", "folder"]
    """What it is about."""
    path: str
    """Of the file: its key, or what of it the folder has. Of a period: ``START/END``."""
    reason: str = ""
    """Why. Default: nothing, as for what is verified."""
    chain: ChainName | None = None
    """Whose digest it is, or named it. Default: none did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Covered:
    """What a chain of digests that could be read speaks for, told after its last finding."""

    chain: ChainName
    """Whose digests."""
    start: datetime
    """When the first of them begins."""
    end: datetime
    """When the last of them ends."""
    digests: int
    """How many digests could be read."""
    logs: int
    """How many log files they name."""


Outcome = Finding | Covered
"""What a check gives, one after the other."""


def hindrance(error: Damaged | Followed | OSError) -> tuple[Status, str]:
    """What it means that the content of a file could not be had."""
    match error:
        case FileNotFoundError():
            return Status.MISSING, "a digest names it"
        case OSError():
            return Status.UNVERIFIED, f"it cannot be read: {error.strerror or error}"
        case Followed():
            return Status.ALTERED, str(error)
        case Damaged():
            return Status.UNREADABLE, str(error)
