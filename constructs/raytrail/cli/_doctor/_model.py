"""What the doctor finds, and whom it asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
"""As SARIF has them. An error stops a deployment; a warning costs money, or will stop a later one; a note is worth
knowing."""

STATUS = {"error": 1, "warning": 3, "note": 0}
"""The exit status of each; 2 is the command's for what could not be asked at all."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, costs money, or is worth knowing.

    Attributes:
        name: A word for programs, such as ``session-token-missing``; it stays the same.
        severity: How bad it is.
        title: The cause in a few words.
        seen: What was seen, with no secret in it.
        means: What follows from it.
        todo: What to do, in words.
        command: What to type to mend it, one line of a shell each; empty where there is nothing to type.
        decided: How it was decided, where another cause could have been meant; otherwise empty.
    """

    name: str
    severity: Severity
    title: str
    seen: str
    means: str
    todo: str
    command: tuple[str, ...] = ()
    decided: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding for a program."""
        return {
            "name": self.name,
            "severity": self.severity,
            "title": self.title,
            "seen": self.seen,
            "means": self.means,
            "todo": self.todo,
            "command": list(self.command),
            "decided": self.decided,
        }


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who the credentials are, as ``sts:GetCallerIdentity`` says.

    Attributes:
        account: The account id, of twelve digits.
        arn: The ARN of the user, or of the session of a role.
        partition: The ARN's partition: aws, aws-cn, aws-us-gov or another.
        region: The Region that is asked.
    """

    account: str
    arn: str
    partition: str
    region: str


@dataclass(frozen=True, kw_only=True)
class NotLookedAt:
    """What could not be looked at, and why; said, so that silence is no promise.

    Attributes:
        what: What was to be looked at, in a few words.
        reason: Why it was not.
    """

    what: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Everything that was found.

    Attributes:
        identity: Whose credentials were used, or None where that could not be found out.
        findings: The findings, the worst first, otherwise in the order of the checks.
        looked_at: What was looked at and is in order, in a few words each.
        not_looked_at: What could not be looked at.
    """

    identity: Identity | None
    findings: tuple[Finding, ...]
    looked_at: tuple[str, ...] = ()
    not_looked_at: tuple[NotLookedAt, ...] = field(default=())

    @property
    def status(self) -> int:
        """The exit status: that of the worst finding."""
        return next((STATUS[each] for each in ("error", "warning") if each in self._severities), 0)

    @property
    def _severities(self) -> set[str]:
        return {finding.severity for finding in self.findings}

    def as_json(self) -> dict[str, Any]:
        """The diagnosis for a program."""
        who = self.identity
        return {
            "identity": None
            if who is None
            else {"account": who.account, "arn": who.arn, "partition": who.partition, "region": who.region},
            "status": self.status,
            "findings": [finding.as_json() for finding in self.findings],
            "looked_at": list(self.looked_at),
            "not_looked_at": [{"what": each.what, "reason": each.reason} for each in self.not_looked_at],
        }
