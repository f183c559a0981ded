"""What the audit room is made of, as plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from raytrail.errors import InvalidProps
from raytrail.queries import check_organization_id

__all__ = ["Retention", "check_lake_name", "check_organization_id", "check_trail_name", "organization_folder"]

_LAKE_NAME = re.compile(r"[a-z][a-z0-9-]{0,127}")
_TRAIL_NAME = re.compile(r"[A-Za-z0-9](?:[._-]?[A-Za-z0-9])*")


def check_trail_name(name: str) -> None:
    """Refuse what CloudTrail would refuse as the name of a trail.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html

    Raises:
        InvalidProps: It is not 3 to 128 letters and digits with single ``.``, ``_`` or ``-`` between them.
    """
    if not 3 <= len(name) <= 128 or not _TRAIL_NAME.fullmatch(name):
        raise InvalidProps(
            f"trail name {name!r} has 3 to 128 letters and digits, with single '.', '_' or '-' between them"
        )


def check_lake_name(name: str) -> None:
    """Refuse what Glue would refuse as the name of a database (dashes are replaced there), or Athena of a workgroup.

    Raises:
        InvalidProps: It is not a lower-case letter and at most 127 lower-case letters, digits and dashes.
    """
    if not _LAKE_NAME.fullmatch(name):
        raise InvalidProps(
            f"name of a lake {name!r} begins with a lower-case letter and has at most 128 lower-case letters, digits "
            "and dashes"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """How long the files of a trail stay, and where.

    S3 leaves files below 128 KB where they are unless it is told otherwise, and bills a file in Standard-IA for 30 days
    at least (https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html).

    Args:
        infrequent_after_days: Days until a file moves to S3 Standard-IA, which Athena still reads; 30 or more.
            Default: never.
        archive_after_days: Days until a file moves to Glacier Flexible Retrieval, where the lake's queries pass it over
            until somebody restores it (https://docs.aws.amazon.com/athena/latest/ug/querying-glacier.html); 30 or
            more, and 30 or more after it moved to Standard-IA. Default: never.
        expire_after_days: Days until a file is deleted. Default: 2557, seven years.

    Raises:
        InvalidProps: A file would move before it may, or nothing would stay where it moved.
    """

    infrequent_after_days: int | None = None
    archive_after_days: int | None = None
    expire_after_days: int = 2557

    def __post_init__(self) -> None:
        infrequent, archive = self.infrequent_after_days, self.archive_after_days
        for name, days in (("infrequent_after_days", infrequent), ("archive_after_days", archive)):
            if days is None:
                continue
            if days < 30:
                raise InvalidProps(f"{name} is 30 or more, got {days}")
            if self.expire_after_days <= days:
                raise InvalidProps(
                    f"expire_after_days ({self.expire_after_days}) is to be after {name} ({days}), or no file would "
                    "ever be where it moves"
                )
        if infrequent is not None and archive is not None and archive < infrequent + 30:
            raise InvalidProps(
                f"archive_after_days ({archive}) is to be 30 days or more after infrequent_after_days ({infrequent}), "
                "because Standard-IA bills 30 days at least"
            )


def organization_folder(prefix: str, organization_id: str | None) -> str:
    """Return the start of the keys of a trail's files, as ``prefix/AWSLogs/o-abc`` without a slash at its end.

    Raises:
        InvalidProps: The prefix begins or ends with a slash, or is longer than 200 characters.
    """
    if prefix.startswith("/") or prefix.endswith("/") or len(prefix) > 200:
        raise InvalidProps(f"prefix {prefix!r} has at most 200 characters and no slash at either end")
    return "/".join(part for part in (prefix, "AWSLogs", organization_id or "") if part)
