"""What a check is, and what it finds: plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from raytrail.checks._templates import App, Resource
from raytrail.errors import InvalidProps

Level: TypeAlias = Literal["error", "warning"]
"""An error ends the synth; a warning is shown."""

NAMESPACE = "Raytrail"
"""The name of the plugin, which begins each id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Floors:
    """The least that is enough, where that is a matter of taste.

    Args:
        trail_days: Days that a trail's bucket keeps its files. Default: 365.
        audit_log_days: Days that log groups of trails and of VPC flow logs keep events. Default: 90, as long as
            CloudTrail's own event history.
        own_key: Whether a trail's files are to be encrypted with a KMS key of your own. Default: yes.
        versioned: Whether a trail's bucket is to keep what is overwritten or deleted, by versions or by object lock.
            Default: yes.

    Raises:
        InvalidProps: Days are not above zero.
    """

    trail_days: int = 365
    audit_log_days: int = 90
    own_key: bool = True
    versioned: bool = True

    def __post_init__(self) -> None:
        for name in ("trail_days", "audit_log_days"):
            if (days := getattr(self, name)) < 1:
                raise InvalidProps(f"{name} of the floors is 1 or more, got {days}")


class Seen(NamedTuple):
    """What a check saw in one resource."""

    resource: Resource
    what: str
    """In words, with the values that were seen."""
    where: str = ""
    """The property, as ``Properties.AlarmActions``. Default: the resource as a whole."""


Look: TypeAlias = Callable[[App, Floors], Iterable[Seen]]
"""Finds what a check is about, in an app, by its floors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that is looked for.

    Attributes:
        name: In CamelCase; it stays the same.
        level: How bad it is.
        title: What is wrong, in a few words.
        why: What follows from it.
        fix: What to do.
        trusts: When it says nothing although it could: what it takes to be in order because it cannot know.
        source: The page of AWS that it stands on.
        nag: Rules of cdk-nag that ask something near it, by name; none of them is in AwsSolutions. Default: none.
        look: Finds it.
    """

    name: str
    level: Level
    title: str
    why: str
    fix: str
    trusts: str
    source: str
    nag: tuple[str, ...] = ()
    look: Look

    @property
    def id(self) -> str:
        """By which it is acknowledged, as ``Raytrail::AlarmReachesNobody``."""
        return f"{NAMESPACE}::{self.name}"

    @property
    def page(self) -> str:
        """Its section in the documentation of this package."""
        return f"docs/checks.md#{self.name.lower()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes:
        id: Of the check, as ``Raytrail::AlarmReachesNobody``.
        level: ``error`` or ``warning``.
        title: What is wrong, in a few words.
        seen: What was seen.
        why: What follows from it.
        fix: What to do.
        page: The check's section in the documentation.
        stack: The name of the stack.
        logical_id: Of the resource.
        type: Of the resource, as ``AWS::SNS::Topic``.
        construct: Its construct's path, or empty where the template does not say.
        template: The template's file, or empty.
        where: The property, as ``Properties.AlarmActions``, or empty.
        accepted: The reason with which it was acknowledged. Default: it was not.
    """

    id: str
    level: Level
    title: str
    seen: str
    why: str
    fix: str
    page: str
    stack: str
    logical_id: str
    type: str
    construct: str
    template: str
    where: str
    accepted: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding for a program."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
