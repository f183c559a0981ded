"""What happened before evidence is looked for, and who stands behind the APIs that it is looked for with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raytrail.demo._evidence import Evidence
from raytrail.demo._inbox import Inbox
from raytrail.demo._scenario import Intrusion, Traffic
from raytrail.demo._target import Target

EXTENDED = "ministack, extended by raytrail"
OURS = "raytrail (ministack has none)"


@dataclass(kw_only=True)
class Scene:
    """What happened.

    Attributes:
        target: Where it happened.
        traffic: The requests that were sent, and their answers.
        inbox: The messages of the alert channel.
        intrusion: What the intruder did, where one was let in.
        identity_changes_before: Changes to identities that were counted before the intruder came.
    """

    target: Target
    traffic: Traffic
    inbox: Inbox
    intrusion: Intrusion | None = None
    identity_changes_before: float = 0.0


Collector = Callable[[Scene], Evidence]
"""Finds the evidence of one row, or raises `EvidenceMissing` with what was not there."""
