"""What was seen in one Region of an account. None stands for what could not be looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raytrail.cli._doctor._account._plan import Plan, Planned

NEAR = 0.9
"""The share of a quota from which on it is worth a word."""
_PARTS = re.compile(r"[:/|]")


@dataclass(frozen=True, kw_only=True)
class Made:
    """A resource that CloudFormation made: its logical id, type and physical id."""

    id: str
    type: str
    physical: str

    def is_called(self, name: str) -> bool:
        """Whether the physical id, which for some types is an ARN or a URL, names ``name``."""
        return self.physical == name or name in _PARTS.split(self.physical)


@dataclass(frozen=True, kw_only=True)
class StackSeen:
    """A stack that is deployed under the name of one of the app's.

    Attributes:
        name: Its name.
        status: As UPDATE_COMPLETE.
        reason: What CloudFormation says of the status.
        made: What it consists of, what was deleted left out.
        ours: Whether it is the app's: it has a logical id in common with the app's template, or nothing at all.
    """

    name: str
    status: str
    reason: str = ""
    made: tuple[Made, ...] = ()
    ours: bool = True


@dataclass(frozen=True, kw_only=True)
class BootstrapSeen:
    """The bootstrap of one qualifier.

    Attributes:
        version: What its SSM parameter says; None where there is none.
        others: Qualifiers that the Region is bootstrapped with beside it; None where that could not be looked at.
        stack: The status of the stack CDKToolkit; empty where there is none.
        buckets: For each bucket of assets whether it is there, or is another account's ("taken").
    """

    version: int | None
    others: tuple[str, ...] | None = None
    stack: str | None = None
    buckets: Mapping[str, bool | str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What IAM's simulator says of an action.

    Attributes:
        allowed: Whether it is allowed.
        held_by: If not, what holds it back.
        depends_on: Keys of conditions that have a say in it, and that are known in a real request alone.
    """

    allowed: bool
    held_by: str = ""
    depends_on: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether it is not allowed, whatever a request is like."""
        return not self.allowed and not self.depends_on


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What creating resources of one type takes, as CloudFormation's schema says.

    Attributes:
        changing: Actions of the type's own service that change something: without all of them nothing can be made.
        all: Every action that CloudFormation may call, whichever properties are given.
    """

    changing: frozenset[str]
    all: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class PermissionsSeen:
    """What whoever deploys may do, and the role that CloudFormation acts with.

    Attributes:
        may_assume: For each role of the bootstrap, whether the identity may assume it.
        may_without: Whether the identity may deploy without these roles, as the CDK CLI then tries to.
        needs: What each planned type needs.
        acting: ARN of who creates the resources: a role, or the identity itself.
        may: What the simulator says of each action, for who creates.
    """

    may_assume: Mapping[str, Decision] = field(default_factory=dict)
    may_without: bool | None = None
    needs: Mapping[str, Needs] = field(default_factory=dict)
    acting: str = ""
    may: Mapping[str, Decision] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrailSeen:
    """A trail of the account or of its organization.

    Attributes:
        name: Its name.
        arn: Its ARN.
        home: The Region that it was made in.
        bucket: Where its files go.
        prefix: Before ``AWSLogs`` in their keys.
        all_regions: Whether it records every Region.
        organization: Whether it is the organization's.
        kms_key: The key that its files are encrypted with, if any.
        log_group: The name of its log group, if any.
        logging: Whether it is on; None where that could not be looked at.
        failing: The error of its latest delivery, if it failed.
        writes: Whether it logs management calls that write; None where that could not be looked at.
    """

    name: str
    arn: str
    home: str
    bucket: str
    prefix: str = ""
    all_regions: bool = False
    organization: bool = False
    kms_key: str = ""
    log_group: str = ""
    logging: bool | None = True
    failing: str = ""
    writes: bool | None = True


@dataclass(frozen=True, kw_only=True)
class RuleSeen:
    """A sampling rule: its ARN, and what CreateSamplingRule takes."""

    arn: str
    rule: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A quota that the Region's account is held against.

    Attributes:
        what: What is counted.
        limit: How much there may be.
        used: How much there is.
        owned: How much of it the app has made already.
        planned: How much the app's templates have.
        page: The page of AWS that the limit comes from.
        request: What asks AWS for more is given, as ``--service-code xray …``; empty where AWS does not raise it.
    """

    what: str
    limit: int
    used: int
    owned: int
    planned: int
    page: str
    request: str = ""

    @property
    def added(self) -> int:
        """How much a deployment adds."""
        return self.planned - self.owned

    @property
    def after(self) -> int:
        """How much there is after it."""
        return self.used + self.added

    @property
    def is_exceeded(self) -> bool:
        """Whether that is more than there may be."""
        return self.after > self.limit

    @property
    def is_in_order(self) -> bool:
        """Whether there is some of it, and room for more."""
        return bool(self.used) and not self.is_exceeded and not self.is_near

    @property
    def is_near(self) -> bool:
        """Whether it is within a tenth of the limit."""
        return self.limit >= self.after >= self.limit * NEAR


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A name of the app's that something else in the account has.

    Attributes:
        resource: The app's resource.
        owner: The stack that the thing is part of; empty where none is; None where that could not be looked at.
        physical: What it is called by its service, as its ARN; empty where the service refuses to speak of it.
    """

    resource: Planned
    owner: str | None
    physical: str

    @property
    def left(self) -> bool:
        """Whether it looks like what an earlier deployment left: its template keeps it, and no stack has it."""
        return self.resource.retained and self.owner == "" and bool(self.physical)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything seen in one Region of the account.

    Attributes:
        plan: What the app would add.
        stacks: The app's stacks that are deployed, by name.
        bootstraps: What was found of each bootstrap that is needed, by the name of its parameter.
        permissions: What may be done.
        trails: The trails that record calls of the Region.
        trails_elsewhere: The account's trails that record other Regions alone.
        organization_id: The organization's id; empty where the account is in none.
        rules: Sampling rules by name, X-Ray's own left out.
        spans_to: Where X-Ray sends spans: XRay or CloudWatchLogs.
        indexed_percent: The share of spans that Transaction Search indexes.
        trace_key: The ARN of the key that X-Ray encrypts with; empty where it is X-Ray's own.
        gateway_role: The role that API Gateway writes logs with; empty where it has none.
        signals: Whether Application Signals is on.
        layers: For each layer whether it is there; None: it may be.
        regions: The Regions that are enabled in the account.
        dashboards: Names of the dashboards of the account.
        quotas: What was counted.
        taken: Names that are taken.
    """

    plan: Plan
    stacks: Mapping[str, StackSeen] | None = None
    bootstraps: Mapping[str, BootstrapSeen] = field(default_factory=dict)
    permissions: PermissionsSeen | None = None
    trails: tuple[TrailSeen, ...] | None = None
    trails_elsewhere: tuple[TrailSeen, ...] = ()
    organization_id: str | None = None
    rules: Mapping[str, RuleSeen] | None = None
    spans_to: str | None = None
    indexed_percent: float | None = None
    trace_key: str | None = None
    gateway_role: str | None = None
    signals: bool | None = None
    layers: Mapping[str, bool | None] = field(default_factory=dict)
    regions: frozenset[str] | None = None
    dashboards: frozenset[str] | None = None
    quotas: tuple[Quota, ...] = ()
    taken: tuple[Taken, ...] = ()

    def owns(self, type: str, name: str) -> bool:
        """Whether one of the app's deployed stacks has made the thing of that name."""
        return any(made.is_called(name) for made in self.owned(type))

    def owned(self, *types: str) -> list[Made]:
        """What the app's deployed stacks have made, of some types."""
        return owned(self.stacks, *types)


def owned(stacks: Mapping[str, StackSeen] | None, *types: str) -> list[Made]:
    """What an app's deployed stacks have made, of some types."""
    ours = [stack for stack in (stacks or {}).values() if stack.ours]
    return [made for stack in ours for made in stack.made if made.type in types]
