"""Alerts that nobody is to be told of, for now: plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from raytrail.errors import InvalidProps

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ACTOR = re.compile(r"arn:[\w*?-]+:(iam|sts|\*)::[\d*?]+:(?P<who>[\w/+=,.@*?-]+)")
_ACCOUNT = re.compile(r"\d{12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Suppression:
    """Alerts of a detection, or of all, about somebody whose doing is known: nobody is told of them until a day.

    What is suppressed is still in the log group of whole events, and counted by the metric ``Suppressed``. The day is
    compared when an alert comes, so a suppression ends without a deployment.

    Whoever may tag a role or a user can hide behind a suppression by tag, and whoever may assume a role behind one of
    that role: prefer those that name a detection.

    Args:
        until: The last day on which it is in force, in UTC.
        reason: Why, for those who read it later.
        detection: The name of the detection, as ``access_key_created``. Default: every detection.
        actor: ARN of a role, a user, a session or the root user, in which ``*`` stands for any characters and ``?``
            for one. A role's ARN covers its sessions. Default: anybody.
        account: The account in which it happens, 12 digits. Default: any.
        tag: Key and value of a tag on the IAM role or user that calls, in the account of the alerts; callers from
            elsewhere are never suppressed by tag. Default: whatever its tags.

    Raises:
        InvalidProps: None of actor, account and tag is given, or one of the values is malformed.
    """

    until: date
    reason: str
    detection: str | None = None
    actor: str | None = None
    account: str | None = None
    tag: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        # A datetime is a date too, and would be compared as something else.
        if not isinstance(self.until, date) or isinstance(self.until, datetime):
            raise InvalidProps(f"until of a suppression is a date, as date(2027, 1, 31), got {self.until!r}")
        if not self.reason.strip():
            raise InvalidProps(f"the suppression until {self.until} gives no reason; say why nobody is to be told")
        if self.actor is None and self.account is None and self.tag is None:
            raise InvalidProps(
                f"the suppression {self.reason!r} names neither actor, account nor tag; to be told of a detection in "
                "no case at all, leave out its rule"
            )
        if self.detection is not None and not _NAME.fullmatch(self.detection):
            raise InvalidProps(
                f"detection {self.detection!r} of the suppression {self.reason!r} is a name, as access_key_created"
            )
        self._check_who()

    def _check_who(self) -> None:
        if self.actor is not None:
            match = _ACTOR.fullmatch(self.actor)
            if match is None or not match["who"].strip("*?/"):
                raise InvalidProps(
                    f"actor {self.actor!r} of the suppression {self.reason!r} is the ARN of a role, a user, a session "
                    "or the root user, as arn:aws:iam::111122223333:role/deploy-*"
                )
        if self.account is not None and not _ACCOUNT.fullmatch(self.account):
            raise InvalidProps(f"account {self.account!r} of the suppression {self.reason!r} has 12 digits")
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules
        if self.tag is not None and not (1 <= len(self.tag[0]) <= 128 and len(self.tag[1]) <= 256):
            raise InvalidProps(
                f"tag {self.tag!r} of the suppression {self.reason!r} is a key of 1 to 128 characters and a value of "
                "at most 256"
            )

    def as_document(self) -> dict[str, Any]:
        """Return it as the pager reads it: what is not given is left out."""
        given = {
            "until": self.until.isoformat(),
            "reason": self.reason,
            "detection": self.detection,
            "actor": self.actor,
            "account": self.account,
            "tag": list(self.tag) if self.tag else None,
        }
        return {key: value for key, value in given.items() if value is not None}
