"""What the names of CloudTrail's objects say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

DIGEST_FOLDER = "CloudTrail-Digest"
LOG_FOLDER = "CloudTrail"

_REGION = r"[a-z]+(?:-[a-z0-9]+)+"
_DIGEST = re.compile(
    rf"(?P<account>\d{{12}})_{DIGEST_FOLDER}_(?P<region>{_REGION})_(?P<trail>.+)_(?P<home>{_REGION})"
    r"_(?P<end>\d{8}T\d{6}Z)(?P<backfill>_backfill)?\.json\.gz"
)
_LOG = re.compile(rf"\d{{12}}_CloudTrail[A-Za-z-]*_(?P<region>{_REGION})_(?P<minute>\d{{8}}T\d{{4}}Z)_\w+\.json\.gz")
ACCOUNT = re.compile(r"\d{12}")
ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class ChainName:
    """Whose digests follow each other: those of one trail, in one account and Region.

    Backfill digests, which name files that an earlier digest had left out, are a chain of their own.
    """

    account: str
    """The account, 12 digits."""
    region: str
    """The Region whose files the digests name."""
    trail: str
    """The trail's name."""
    home_region: str
    """The trail's own Region."""
    backfill: bool
    """Whether it is the chain of backfill digests."""

    def __str__(self) -> str:
        backfill = " (backfill)" if self.backfill else ""
        return f"{self.account} {self.region} {self.trail}{backfill}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestName:
    """What the name of a digest says."""

    chain: ChainName
    end: datetime


def read_digest_name(name: str) -> DigestName | None:
    """Read the last part of a digest's key; None when it is no digest's.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
    """
    match = _DIGEST.fullmatch(name)
    end = _time(match["end"], "%Y%m%dT%H%M%SZ") if match else None
    if match is None or end is None:
        return None
    chain = ChainName(
        account=match["account"],
        region=match["region"],
        trail=match["trail"],
        home_region=match["home"],
        backfill=match["backfill"] is not None,
    )
    return DigestName(chain=chain, end=end)


def read_log_place(folders: list[str], name: str) -> datetime | None:
    """The minute at which a log file was delivered, or None where CloudTrail puts no such file.

    Args:
        folders: The folders between ``CloudTrail`` and the file: Region, year, month, day.
        name: The file's name.
    """
    match = _LOG.fullmatch(name)
    minute = _time(match["minute"], "%Y%m%dT%H%MZ") if match else None
    if match is None or minute is None:
        return None
    return minute if folders == [match["region"], *minute.strftime("%Y/%m/%d").split("/")] else None


def _time(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
