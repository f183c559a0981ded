"""Which alerts nobody is told of, for now."""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from raytrail.detection.handlers.pager.alert import Alert, Json

Tags = Mapping[str, str]
KEPT_SECONDS = 300
"""Tags of a role or user are looked up again after so long."""


class Suppressions:
    """The suppressions that the function was deployed with.

    Args:
        documents: As `raytrail.detection.Suppression.as_document` writes them.
        tags_of: Looks up the tags of the role or user that called.
    """

    def __init__(self, documents: Sequence[Json], tags_of: Callable[[Alert], Tags]) -> None:
        self._documents, self._tags_of = documents, tags_of

    def of(self, alert: Alert, today: date) -> str | None:
        """Why nobody is told of the alert; None where somebody is."""
        return next((each["reason"] for each in self._documents if self._covers(each, alert, today)), None)

    def _covers(self, document: Json, alert: Alert, today: date) -> bool:
        # In force through the last day, by UTC. Tags last, since they are asked for.
        if today > date.fromisoformat(document["until"]) or document.get("detection", alert.name) != alert.name:
            return False
        if document.get("account", alert.account) != alert.account:
            return False
        if "actor" in document and not any(_like(who, document["actor"]) for who in (alert.actor, alert.principal)):
            return False
        if "tag" in document:
            key, value = document["tag"]
            return bool(self._tags_of(alert).get(key) == value)
        return True


class TagsOfCallers:
    """Tags of roles and users of the function's own account, remembered for a while.

    Args:
        iam: Makes boto3's client of IAM, once it is needed.
        account: The function's account.
        warn: Is told what could not be looked up; such an alert is not suppressed.
    """

    def __init__(self, iam: Callable[[], Any], account: str, warn: Callable[[str], None]) -> None:
        self._iam, self._account, self._warn = iam, account, warn
        self._known: dict[tuple[str, str], tuple[float, Tags]] = {}

    def __call__(self, alert: Alert) -> Tags:
        """Return the tags of who called; none of somebody in another account, or of what is no role and no user."""
        if alert.tagged is None or alert.tagged[0] != self._account:
            return {}
        _, kind, name = alert.tagged
        now, known = time.monotonic(), self._known.get((kind, name))
        if known is not None and now < known[0]:
            return known[1]
        try:
            tags = self._look_up(kind, name)
        except Exception as error:  # whatever it is: an alert too many is better than one too few
            self._warn(f"the tags of {kind} {name} cannot be looked up: {error!r}")
            return {}
        self._known[kind, name] = now + KEPT_SECONDS, tags
        return tags

    def _look_up(self, kind: str, name: str) -> Tags:
        iam, tags = self._iam(), dict[str, str]()
        pages: dict[str, str] = {}
        while True:
            answer = (
                iam.list_role_tags(RoleName=name, **pages)
                if kind == "role"
                else iam.list_user_tags(UserName=name, **pages)
            )
            tags |= {each["Key"]: each["Value"] for each in answer["Tags"]}
            if not answer.get("IsTruncated"):
                return tags
            pages = {"Marker": answer["Marker"]}


def _like(who: str, pattern: str) -> bool:
    """Whether a text is like a pattern in which ``*`` stands for any characters and ``?`` for one."""
    # fnmatch knows sets in brackets too, which IAM's wildcards do not.
    escaped = re.sub(r"\[", "[[]", pattern)
    return fnmatch.fnmatchcase(who, escaped)
