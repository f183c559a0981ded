"""Which events a trail records, as plain values that cannot be built wrong.

Each value becomes one advanced event selector. Limits and fields are those of
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-network-events-with-cloudtrail.html and
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

from raytrail.errors import InvalidProps

MAX_CONDITION_VALUES = 500
"""Values in the conditions of all of a trail's selectors together; AWS does not raise it."""

MAX_VALUE_CHARACTERS = 2048

OBJECTS = "AWS::S3::Object"

_RESOURCE_TYPE = re.compile(r"AWS::[A-Za-z0-9]+::[A-Za-z0-9]+")
_EVENT_SOURCE = re.compile(r"[a-z0-9-]+\.amazonaws\.com")
_ENDPOINT_ID = re.compile(r"vpce-[0-9a-f]{8,32}")
# How the CDK writes a value that only the deployment knows.
_UNRESOLVED = "${Token["
_AFTER_SERVICE = 3
# The slash ends the bucket's name, and a $ would begin what only the deployment knows.
_BUCKET_IN_FULL = re.compile(r"arn:[^:/]+:s3:::[^/$]+/")
# What one would write for a type, and how CloudTrail spells it.
_MISNOMERS = {
    "AWS::S3::Bucket": OBJECTS,
    "AWS::SecretsManager::Secret": "nothing: calls to Secrets Manager are management events",
    "AWS::KMS::Key": "nothing: calls to KMS are management events",
}


class Bucket(Protocol):
    """What has a bucket's ARN."""

    @property
    def bucket_arn(self) -> str:
        """The bucket's ARN."""


class Function(Protocol):
    """What has a function's ARN."""

    @property
    def function_arn(self) -> str:
        """The function's ARN."""


class Table(Protocol):
    """What has a table's ARN."""

    @property
    def table_arn(self) -> str:
        """The table's ARN."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What one field of an event has to be: one of the first three, if any are given, and none of the last three."""

    field: str
    """The event's field, as ``eventName``."""
    equals: tuple[str, ...] = ()
    """Values that it may have. Default: any."""
    starts_with: tuple[str, ...] = ()
    """How it may begin. Default: anyhow."""
    ends_with: tuple[str, ...] = ()
    """How it may end. Default: anyhow."""
    not_equals: tuple[str, ...] = ()
    """Values that it may not have. Default: none."""
    not_starts_with: tuple[str, ...] = ()
    """How it may not begin. Default: anyhow."""
    not_ends_with: tuple[str, ...] = ()
    """How it may not end. Default: anyhow."""

    @property
    def values(self) -> tuple[str, ...]:
        """Every value, as AWS counts them."""
        return (
            *(*self.equals, *self.starts_with, *self.ends_with),
            *(*self.not_equals, *self.not_starts_with, *self.not_ends_with),
        )

    def __post_init__(self) -> None:
        for value in self.values:
            if not 1 <= len(value) <= MAX_VALUE_CHARACTERS:
                raise InvalidProps(f"a value of {self.field} has 1 to {MAX_VALUE_CHARACTERS} characters, got {value!r}")
            if "*" in value:
                raise InvalidProps(
                    f"{self.field} {value!r} has a *, which selectors of CloudTrail do not know; give a prefix instead"
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagementEvents:
    """Calls that manage resources.

    Args:
        read_only: Reads alone (True) or writes alone (False). Default: both.
        without_kms: Leave out the calls to KMS, which are many where keys encrypt much. Default: keep them.
        without_rds_data: Leave out the calls to the RDS Data API. Default: keep them.
    """

    read_only: bool | None = None
    without_kms: bool = False
    without_rds_data: bool = False

    @property
    def name(self) -> str:
        """What the selector is called."""
        return "Management events" + _reads_or_writes(self.read_only)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The fields of the selector."""
        left_out = {"kms.amazonaws.com": self.without_kms, "rdsdata.amazonaws.com": self.without_rds_data}
        sources = tuple(source for source, out in left_out.items() if out)
        return (
            Condition(field="eventCategory", equals=("Management",)),
            *_read_only(self.read_only),
            *([Condition(field="eventSource", not_equals=sources)] if sources else []),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DataEvents:
    """Calls that read or change what a resource holds, billed by event. Make one with `s3`, `functions` and so on.

    Args:
        resource_type: As AWS documents it for data events, for example ``AWS::S3::Object``.
        arns: ARNs of the resources, or how they begin and end. Default: every resource of the type, which `all_of`
            alone asks for.
        read_only: Reads alone (True) or writes alone (False). Default: both.
        event_names: Operations to record. Default: all.
        without_event_names: Operations to leave out. Default: none.
        without_actors: Beginnings of ``userIdentity.arn`` to leave out, as that of a scanner's role. Default: none.
        everything: Whether every resource of the type is meant, as `all_of` says. Default: no.

    Raises:
        InvalidProps: The type is not one of data events; a value has a wildcard or too many characters, or is no ARN;
            or the beginning of an ARN names neither a Region, an account nor a resource, and so means all of a type.
    """

    resource_type: str
    arns: Condition = Condition(field="resources.ARN")
    read_only: bool | None = None
    event_names: tuple[str, ...] = ()
    without_event_names: tuple[str, ...] = ()
    without_actors: tuple[str, ...] = ()
    everything: bool = False

    def __post_init__(self) -> None:
        if self.resource_type in _MISNOMERS:
            raise InvalidProps(
                f"resource type {self.resource_type!r} has no data events; CloudTrail's word is "
                f"{_MISNOMERS[self.resource_type]}"
            )
        if not _RESOURCE_TYPE.fullmatch(self.resource_type):
            raise InvalidProps(
                f"resource type of data events is written as AWS::S3::Object, got {self.resource_type!r}"
            )
        if self.everything == bool((*self.arns.equals, *self.arns.starts_with, *self.arns.ends_with)):
            raise InvalidProps(
                f"data events of every {self.resource_type} in the account are billed one by one; name the resources, "
                "or ask for all in so many words with DataEvents.all_of"
            )
        for value in (*self.arns.equals, *self.arns.starts_with, *self.arns.not_equals, *self.arns.not_starts_with):
            _check_arn(value)
        for value in self.arns.equals:
            if self.resource_type == OBJECTS and _UNRESOLVED not in value and "/" not in value:
                raise InvalidProps(
                    f"{value!r} is a bucket's ARN and no object's, so that it matches nothing; for the objects of a "
                    f"bucket give the prefix {value + '/'!r}"
                )
        for prefix in self.arns.starts_with:
            if _reaches_everything(prefix):
                raise InvalidProps(
                    f"prefix {prefix!r} means every {self.resource_type}, and data events are billed one by one; let "
                    "it go on to a Region, an account or a resource, or ask for all in so many words with "
                    "DataEvents.all_of"
                )

    @classmethod
    def s3(
        cls,
        *buckets: str | Bucket,
        key_prefixes: Sequence[str] = ("",),
        without_key_prefixes: Sequence[str] = (),
        read_only: bool | None = None,
        event_names: Iterable[str] = (),
    ) -> Self:
        """Calls on the objects of some buckets.

        Args:
            buckets: Buckets, or their ARNs; a bare name matches nothing and is refused.
            key_prefixes: How the keys begin, in each bucket. Default: any key.
            without_key_prefixes: Beginnings of keys to leave out, in each bucket. Default: none.
            read_only: Reads alone (True) or writes alone (False). Default: both.
            event_names: Operations to record, as ``PutObject``. Default: all.
        """
        roots = [(bucket if isinstance(bucket, str) else bucket.bucket_arn).removesuffix("/") for bucket in buckets]
        return cls(
            resource_type=OBJECTS,
            arns=Condition(
                field="resources.ARN",
                starts_with=tuple(f"{root}/{prefix}" for root in roots for prefix in key_prefixes),
                not_starts_with=tuple(f"{root}/{prefix}" for root in roots for prefix in without_key_prefixes),
            ),
            read_only=read_only,
            event_names=tuple(event_names),
        )

    @classmethod
    def functions(cls, *functions: str | Function) -> Self:
        """Invocations of some Lambda functions.

        Args:
            functions: Functions, or their ARNs.
        """
        return cls.of("AWS::Lambda::Function", *(f if isinstance(f, str) else f.function_arn for f in functions))

    @classmethod
    def tables(cls, *tables: str | Table, read_only: bool | None = None) -> Self:
        """Calls on the items of some DynamoDB tables.

        Args:
            tables: Tables, or their ARNs.
            read_only: Reads alone (True) or writes alone (False). Default: both.
        """
        arns = (table if isinstance(table, str) else table.table_arn for table in tables)
        return cls.of("AWS::DynamoDB::Table", *arns, read_only=read_only)

    @classmethod
    def of(
        cls,
        resource_type: str,
        *arns: str,
        arn_prefixes: Iterable[str] = (),
        without_arn_prefixes: Iterable[str] = (),
        read_only: bool | None = None,
        event_names: Iterable[str] = (),
    ) -> Self:
        """Calls on some resources of any type that has data events.

        Args:
            resource_type: As AWS documents it for data events.
            arns: Whole ARNs of the resources.
            arn_prefixes: How ARNs of the resources begin. Default: none beside the whole ones.
            without_arn_prefixes: How ARNs begin that are left out. Default: none.
            read_only: Reads alone (True) or writes alone (False). Default: both.
            event_names: Operations to record. Default: all.
        """
        return cls(
            resource_type=resource_type,
            arns=Condition(
                field="resources.ARN",
                equals=arns,
                starts_with=tuple(arn_prefixes),
                not_starts_with=tuple(without_arn_prefixes),
            ),
            read_only=read_only,
            event_names=tuple(event_names),
        )

    @classmethod
    def all_of(
        cls,
        resource_type: str,
        *,
        without_arn_prefixes: Iterable[str] = (),
        read_only: bool | None = None,
        event_names: Iterable[str] = (),
    ) -> Self:
        """Calls on every resource of a type in the account, now and later: look at the bill.

        The trail's own bucket and the results of queries are left out whatever is asked (see `AuditTrail`).

        Args:
            resource_type: As AWS documents it for data events.
            without_arn_prefixes: How ARNs begin that are left out. Default: none.
            read_only: Reads alone (True) or writes alone (False). Default: both.
            event_names: Operations to record. Default: all.
        """
        return cls(
            resource_type=resource_type,
            arns=Condition(field="resources.ARN", not_starts_with=tuple(without_arn_prefixes)),
            read_only=read_only,
            event_names=tuple(event_names),
            everything=True,
        )

    @property
    def name(self) -> str:
        """What the selector is called."""
        return f"Data events of {self.resource_type}" + _reads_or_writes(self.read_only)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The fields of the selector."""
        return (
            Condition(field="eventCategory", equals=("Data",)),
            Condition(field="resources.type", equals=(self.resource_type,)),
            *_read_only(self.read_only),
            *(
                condition
                for condition in (
                    Condition(field="eventName", equals=self.event_names, not_equals=self.without_event_names),
                    self.arns,
                    Condition(field="userIdentity.arn", not_starts_with=self.without_actors),
                )
                if condition.values
            ),
        )

    @property
    def reaches_unnamed_buckets(self) -> bool:
        """Whether it may select objects of S3 in a bucket that it does not name in full.

        It does unless each of its ARNs, and of their beginnings, has a bucket's whole name and the slash after it. A
        name that only the deployment knows may be any bucket's, and so may what is known by its end.
        """
        named = (*self.arns.equals, *self.arns.starts_with)
        confined = named and not self.arns.ends_with and all(_BUCKET_IN_FULL.match(arn) for arn in named)
        return self.resource_type == OBJECTS and not confined

    def without_buckets(self, roots: Sequence[str], names: Sequence[str] = (), *, unnamed: Sequence[str] = ()) -> Self:
        """The same without the objects of some buckets: the guard against a loop.

        A selector gets it that `reaches_unnamed_buckets`. One that is confined to buckets by their names leaves out
        those alone whose own name is not known: each value counts towards the 500.

        Args:
            roots: ARNs of the buckets.
            names: Their names, as far as known: by these a bucket is found whose ARN only the deployment knows, or
                whose partition. Default: none.
            unnamed: Those of the ARNs that every selector of objects leaves out, because somebody may have written
                down the name that CloudFormation made up. Default: none.

        Raises:
            InvalidProps: The objects of one of them were asked for by name.
        """
        if self.resource_type != OBJECTS:
            return self
        left_out, keys = tuple(f"{root}/" for root in roots), tuple(f"{name}/" for name in names)
        for arn in (*self.arns.equals, *self.arns.starts_with):
            if arn.startswith(left_out) or arn.partition(":s3:::")[2].startswith(keys):
                raise InvalidProps(
                    f"data events of {arn!r} would record the trail's own deliveries or the results of queries about "
                    "it, each making the next; leave that bucket out"
                )
        if not self.reaches_unnamed_buckets:
            left_out = tuple(f"{root}/" for root in unnamed)
        not_starts_with = tuple(dict.fromkeys((*self.arns.not_starts_with, *left_out)))
        return replace(self, arns=replace(self.arns, not_starts_with=not_starts_with))


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkActivityEvents:
    """Calls through VPC endpoints to one service, billed by event.

    Args:
        event_source: The service, as ``s3.amazonaws.com``.
        denied_only: Only calls that the endpoint's policy refused (``VpceAccessDenied``). Default: all.
        event_names: Operations to record. Default: all.
        vpc_endpoint_ids: Endpoints, as ``vpce-0123456789abcdef0``. Default: all.

    Raises:
        InvalidProps: The service or an endpoint is not written as one.
    """

    event_source: str
    denied_only: bool = False
    event_names: tuple[str, ...] = ()
    vpc_endpoint_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _EVENT_SOURCE.fullmatch(self.event_source):
            raise InvalidProps(
                f"event_source of network activity is a service such as s3.amazonaws.com, got {self.event_source!r}"
            )
        for id in self.vpc_endpoint_ids:
            if not _ENDPOINT_ID.fullmatch(id):
                raise InvalidProps(f"vpc_endpoint_ids are written as vpce-0123456789abcdef0, got {id!r}")

    @property
    def name(self) -> str:
        """What the selector is called."""
        return f"Network activity of {self.event_source}"

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The fields of the selector."""
        optional = (
            Condition(field="eventName", equals=self.event_names),
            Condition(field="errorCode", equals=("VpceAccessDenied",) if self.denied_only else ()),
            Condition(field="vpcEndpointId", equals=self.vpc_endpoint_ids),
        )
        return (
            Condition(field="eventCategory", equals=("NetworkActivity",)),
            Condition(field="eventSource", equals=(self.event_source,)),
            *(condition for condition in optional if condition.values),
        )


Events = ManagementEvents | DataEvents | NetworkActivityEvents
"""What a trail may record."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Insights:
    """Unusual rates of calls or of errors, as CloudTrail finds them; billed by the events that it looks at.

    Args:
        call_rate: Whether to look at the rate of calls. Default: yes.
        error_rate: Whether to look at the rate of errors. Default: yes.
        on: The kinds of events to look at. Default: management events.

    Raises:
        InvalidProps: Nothing is looked at, or at no kind of events.
    """

    call_rate: bool = True
    error_rate: bool = True
    on: tuple[Literal["Management", "Data"], ...] = ("Management",)

    def __post_init__(self) -> None:
        if not self.types or not self.on or len(set(self.on)) < len(self.on) or set(self.on) - {"Management", "Data"}:
            raise InvalidProps(
                f"insights look at call_rate, error_rate or both, on 'Management', 'Data' or both, got {self}; give "
                "none at all to have none"
            )

    @property
    def types(self) -> tuple[str, ...]:
        """AWS's names of what is looked at."""
        asked = {"ApiCallRateInsight": self.call_rate, "ApiErrorRateInsight": self.error_rate}
        return tuple(name for name, wanted in asked.items() if wanted)


def check_events(events: Sequence[Events], insights: Insights | None) -> None:
    """Refuse what a trail cannot record, or would record and bill twice.

    Raises:
        InvalidProps: No event is asked for; management events are recorded twice; two selectors of network activity
            name one service; two of data events are the same; insights look at what the trail does not record; or
            there are more than 500 values.
    """
    if not events:
        raise InvalidProps("a trail records at least one kind of events; give events=[ManagementEvents()]")
    management = [each for each in events if isinstance(each, ManagementEvents)]
    if (len(management) > 1 and {each.read_only for each in management} != {True, False}) or len(management) > 2:
        raise InvalidProps(
            "two of the management events select the same ones, which would be recorded and billed twice"
        )
    sources = [each.event_source for each in events if isinstance(each, NetworkActivityEvents)]
    for source in sources:
        if sources.count(source) > 1:
            raise InvalidProps(f"network activity of {source} is selected twice; CloudTrail allows one selector for it")
    data = [each for each in events if isinstance(each, DataEvents)]
    for selector in data:
        if data.count(selector) > 1:
            raise InvalidProps(f"{selector.name} are selected twice by the same values; give that selector once")
    check_values(events)
    if insights is not None:
        _check_insights(events, insights)


def check_values(events: Sequence[Events]) -> None:
    """Refuse more values than CloudTrail takes; those count that `DataEvents.without_buckets` has added.

    Raises:
        InvalidProps: The conditions of all selectors have more than 500 values together.
    """
    count = sum(len(condition.values) for each in events for condition in each.conditions)
    if count > MAX_CONDITION_VALUES:
        raise InvalidProps(
            f"the selectors of a trail have at most {MAX_CONDITION_VALUES} values together, those counted that leave "
            f"out the trail's own bucket and the results of queries, got {count}; select by prefix, or make a second "
            "trail for the rest"
        )


def _check_insights(events: Sequence[Events], insights: Insights) -> None:
    writes = any(isinstance(each, ManagementEvents) and each.read_only is not True for each in events)
    if "Management" in insights.on and insights.call_rate and not writes:
        raise InvalidProps(
            "insights into the call rate of management events need the trail to record write management events; add "
            "ManagementEvents()"
        )
    if "Data" in insights.on and not any(isinstance(each, DataEvents) for each in events):
        raise InvalidProps("insights into data events need the trail to record some; add DataEvents")


def _read_only(read_only: bool | None) -> list[Condition]:
    return [] if read_only is None else [Condition(field="readOnly", equals=(str(read_only).lower(),))]


def _reads_or_writes(read_only: bool | None) -> str:
    return {None: "", True: ", reads", False: ", writes"}[read_only]


def _check_arn(value: str) -> None:
    if not value.startswith("arn:") and _UNRESOLVED not in value:
        raise InvalidProps(
            f"resources of data events are named by ARN, as arn:aws:s3:::my-bucket/, and {value!r} is none, so that it "
            "matches nothing; give the ARN, or the resource itself"
        )


def _reaches_everything(prefix: str) -> bool:
    """Whether a prefix ends before it narrows anything: an ARN is arn:partition:service:region:account:resource."""
    return prefix.startswith("arn:") and not any(prefix.split(":")[_AFTER_SERVICE:])
