"""One alert: what a rule found, and the CloudTrail record that it found it in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

LONGEST_ID = 128


@dataclass(frozen=True)
class Alert:
    """A detection and a record.

    Args:
        detection: What `raytrail.detection.described` says of the rule.
        event: The event of EventBridge; its ``detail`` is the record.
    """

    detection: Json
    event: Json

    @classmethod
    def read(cls, text: str) -> Alert:
        """The alert that a message holds.

        Raises:
            ValueError: The message is none.
        """
        message = json.loads(text)
        if not (isinstance(message, dict) and isinstance(message.get("detection"), dict)):
            raise ValueError("not an alert: it lacks the detection")
        if not isinstance(message.get("event"), dict) or not isinstance(message["event"].get("detail"), dict):
            raise ValueError("not an alert: it lacks the event, or the event its detail")
        return cls(message["detection"], message["event"])

    @property
    def name(self) -> str:
        """The name of the detection."""
        return str(self.detection["name"])

    @property
    def record(self) -> Json:
        """The CloudTrail record."""
        found: Json = self.event["detail"]
        return found

    @property
    def identity(self) -> Json:
        """Who called, as the record has it."""
        return _object(self.record.get("userIdentity"))

    @property
    def event_id(self) -> str:
        """The record's id: the same whenever it is delivered."""
        known = str(self.record.get("eventID") or "")
        # Of a key of the table: an id of AWS has 36 characters.
        if 0 < len(known) <= LONGEST_ID:
            return known
        return hashlib.sha256(json.dumps(self.record, sort_keys=True).encode()).hexdigest()

    @property
    def time(self) -> str:
        """When it happened, as ``2026-11-22T20:44:26Z``."""
        return str(self.record.get("eventTime") or self.event.get("time") or "")

    @property
    def hour(self) -> str:
        """The hour in which it happened, as ``2026-11-22T20``."""
        return self.time[:13]

    @property
    def account(self) -> str:
        """The account in which it happened."""
        return str(self.record.get("recipientAccountId") or self.event.get("account") or "")

    @property
    def actor(self) -> str:
        """Who called: an ARN, or what the record has instead of one."""
        return str(self.identity.get("arn") or self.principal)

    @property
    def principal(self) -> str:
        """Whose sessions are one actor: the role of a session, else the actor.

        A session's name is chosen by whoever assumes the role, so it must not tell one actor from another.
        """
        identity = self.identity
        issuer = _object(_object(identity.get("sessionContext")).get("sessionIssuer"))
        if issuer.get("arn"):
            return str(issuer["arn"])
        arn = str(identity.get("arn") or "")
        if ":assumed-role/" in arn:
            return arn.rpartition("/")[0]
        caller = str(identity.get("principalId") or "")
        names = (
            arn,
            _object(identity.get("onBehalfOf")).get("userId"),
            # "AROA...:session" of a caller in another account; the colons of other ids are their own.
            caller.partition(":")[0] if caller.startswith("AROA") else caller,
            identity.get("userName"),
            identity.get("invokedBy"),
            identity.get("accountId"),
        )
        return next((str(name) for name in names if name), "unknown")

    @property
    def grouped_as(self) -> str:
        """Who is one actor for the pages: the principal, and of Identity Center's roles, which many share, the person.

        Such a session has the name of the person and nobody can choose it
        (https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html).
        """
        person = ":role/aws-reserved/sso.amazonaws.com/" in self.principal
        return self.actor if person else self.principal

    @property
    def tagged(self) -> tuple[str, str, str] | None:
        """The account, the kind (``role`` or ``user``) and the name of the IAM entity that called, if it is one."""
        account, _, rest = self.principal.removeprefix("arn:").partition(":iam::")[2].partition(":")
        if not rest:
            account, _, rest = self.principal.partition(":sts::")[2].partition(":")
        kind, _, path = rest.partition("/")
        kind = "role" if kind == "assumed-role" else kind
        return (account, kind, path.rpartition("/")[2]) if path and kind in ("role", "user") else None


def _object(value: Any) -> Json:
    """What should be an object, and in an odd record is something else."""
    return value if isinstance(value, dict) else {}
