"""What an app would add to one Region of an account, read off its templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from shlex import quote
from typing import Any

from raytrail.cli._doctor._assembly import Assembly, BootstrapNeeded, StackPlanned
from raytrail.cli._doctor._assembly_values import Where, below, items
from raytrail.cli._doctor._model import Identity

RETAINED = ("Retain", "RetainExceptOnCreate")

NAMED: Mapping[str, tuple[str, ...]] = {
    "AWS::Athena::WorkGroup": ("Name",),
    "AWS::CloudTrail::Trail": ("TrailName",),
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName",),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::DynamoDB::Table": ("TableName",),
    "AWS::Events::Rule": ("Name",),
    "AWS::Glue::Database": ("DatabaseInput", "Name"),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::Logs::ResourcePolicy": ("PolicyName",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::XRay::Group": ("GroupName",),
    "AWS::XRay::SamplingRule": ("SamplingRule", "RuleName"),
}
"""Where a resource's name stands, of the types whose names are looked for in the account."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A resource of a template.

    Attributes:
        stack: The stack that it is part of.
        id: Its logical id.
        type: Its type.
        properties: Its properties, as they stand in the template.
        name: Its name where the template fixes one; otherwise empty.
        retained: Whether it stays when its stack goes.
    """

    stack: str
    id: str
    type: str
    properties: Mapping[str, Any]
    name: str = ""
    retained: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the stacks of one place add to it.

    Attributes:
        where: The account and Region.
        stacks: The stacks, of one app.
        cdk: How the CDK CLI is called.
        settings: Whether the app takes raytrail's settings.
        trail_elsewhere: Whether a stack in another Region makes a trail of all Regions.
    """

    where: Where
    stacks: tuple[StackPlanned, ...] = ()
    cdk: str = "cdk"
    settings: bool = False
    trail_elsewhere: bool = False

    @property
    def place(self) -> str:
        """As the CDK CLI names it: ``aws://111122223333/us-east-1``."""
        return f"aws://{self.where.account}/{self.where.region}"

    def called(self, name: str) -> str:
        """How the CDK CLI is told a stack, as one types it: by its path in the app, which a stage is a part of."""
        return quote(next((stack.path for stack in self.stacks if stack.name == name and stack.path), name))

    @property
    def resources(self) -> Iterator[Planned]:
        """Each resource of each stack, those of nested stacks too."""
        for stack in self.stacks:
            for id, resource in stack.resources:
                yield _planned(self.where, stack.name, id, resource)

    def of(self, *types: str) -> list[Planned]:
        """The resources of some types."""
        return [each for each in self.resources if each.type in types]

    @property
    def types(self) -> list[str]:
        """The types of its resources, each once."""
        return sorted({each.type for each in self.resources})

    @property
    def names(self) -> list[str]:
        """The names that its templates fix."""
        return [each.name for each in self.resources if each.name]

    @property
    def bootstraps(self) -> list[BootstrapNeeded]:
        """What is needed of each bootstrap, the highest version of one qualifier."""
        needed: dict[str, BootstrapNeeded] = {}
        for each in (stack.bootstrap for stack in self.stacks):
            if each and (each.parameter not in needed or needed[each.parameter].version < each.version):
                needed[each.parameter] = each
        return list(needed.values())

    @property
    def roles(self) -> list[str]:
        """The roles that whoever deploys assumes."""
        return self._filled(lambda stack: stack.roles)

    @property
    def execution_roles(self) -> list[str]:
        """The roles that CloudFormation acts with."""
        return self._filled(lambda stack: (stack.execution_role,) if stack.execution_role else ())

    @property
    def buckets(self) -> list[str]:
        """The buckets that the assets go to."""
        return self._filled(lambda stack: stack.buckets)

    def _filled(self, texts: Callable[[StackPlanned], tuple[str, ...]]) -> list[str]:
        return list(dict.fromkeys(self.where.filled(text) for stack in self.stacks for text in texts(stack)))

    @property
    def layers(self) -> list[str]:
        """ARNs of the layers that the functions name, as far as the templates say them."""
        arns = (
            self.where.text(layer)
            for each in self.of("AWS::Lambda::Function")
            for layer in items(each.properties.get("Layers"))
        )
        return list(dict.fromkeys(arn for arn in arns if arn and arn.startswith("arn:") and ":layer:" in arn))

    @property
    def lake_regions(self) -> list[str]:
        """The Regions that the tables over a trail's files show."""
        found: list[str] = []
        for each in self.of("AWS::Glue::Table"):
            parameters = below(each.properties, "TableInput", "Parameters")
            location = str(below(parameters, "storage.location.template"))
            regions = self.where.text(below(parameters, "projection.region.values"))
            if "/CloudTrail/${region}/" in location and regions:
                found += regions.split(",")
        return list(dict.fromkeys(found))

    @property
    def lake_buckets(self) -> list[str]:
        """The buckets, not made by the app, whose trail files its tables show."""
        locations = (
            self.where.text(below(each.properties, "TableInput", "Parameters", "storage.location.template"))
            for each in self.of("AWS::Glue::Table")
        )
        files = (found.removeprefix("s3://") for found in locations if found and "/CloudTrail/${region}/" in found)
        return list(dict.fromkeys(file.partition("/")[0] for file in files))

    @property
    def trails(self) -> list[Planned]:
        """The trails that log management events, of which the first copy is free."""
        return [each for each in self.of("AWS::CloudTrail::Trail") if writes_are_logged(each.properties)]

    @property
    def trails_everywhere(self) -> list[Planned]:
        """Those of them that log every Region."""
        return [each for each in self.trails if each.properties.get("IsMultiRegionTrail") is True]

    @property
    def listens(self) -> bool:
        """Whether rules of EventBridge wait for API calls that a trail must log."""
        patterns = (str(each.properties.get("EventPattern")) for each in self.of("AWS::Events::Rule"))
        return any("via CloudTrail" in pattern for pattern in patterns)


def plans(assembly: Assembly | None, identity: Identity, region: str) -> list[Plan]:
    """What is added to each account and Region, in the order in which the assembly comes to them.

    Args:
        assembly: The app; None for a plan that adds nothing.
        identity: Whose account it is where the app leaves that open.
        region: Where it deploys where the app leaves that open.
    """

    def where(account: str, of: str) -> Where:
        return Where(account=account or identity.account, region=of or region, partition=identity.partition)

    if assembly is None or not assembly.stacks:
        return [Plan(where=where("", ""))]
    stacks: dict[Where, list[StackPlanned]] = {}
    for stack in assembly.stacks:
        stacks.setdefault(where(stack.account, stack.region), []).append(stack)
    made = [
        Plan(where=place, stacks=tuple(some), cdk=assembly.cdk, settings=assembly.settings)
        for place, some in stacks.items()
    ]
    everywhere = {plan.where for plan in made if plan.trails_everywhere}
    return [replace(plan, trail_elsewhere=bool(everywhere - {plan.where})) for plan in made]


def _planned(where: Where, stack: str, id: str, resource: Mapping[str, Any]) -> Planned:
    """A resource of a template, with its name filled in."""
    type, properties = str(resource.get("Type", "")), resource.get("Properties")
    properties = properties if isinstance(properties, Mapping) else {}
    name = where.text(below(properties, *NAMED[type])) if type in NAMED else None
    kept = resource.get("DeletionPolicy") in RETAINED
    return Planned(stack=stack, id=id, type=type, properties=properties, name=name or "", retained=kept)


def writes_are_logged(selectors: Mapping[str, Any]) -> bool:
    """Whether a trail's selectors, of a template or as GetEventSelectors answers, log management calls that write."""
    basic, advanced = (
        [each for each in items(selectors.get(name)) if isinstance(each, Mapping)]
        for name in ("EventSelectors", "AdvancedEventSelectors")
    )
    if not basic and not advanced:
        return True
    return any(
        each.get("IncludeManagementEvents", True) and each.get("ReadWriteType", "All") in ("All", "WriteOnly")
        for each in basic
    ) or any(_logs_writes(each) for each in advanced)


def _logs_writes(selector: Mapping[str, Any]) -> bool:
    fields = {str(below(each, "Field")): each for each in items(selector.get("FieldSelectors"))}
    management = "Management" in items(below(fields, "eventCategory", "Equals"))
    return management and "true" not in items(below(fields, "readOnly", "Equals"))
