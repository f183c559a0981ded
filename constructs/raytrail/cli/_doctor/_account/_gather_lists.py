"""What is listed once, for more than one check: how much there is of it, and which names are taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raytrail.cli._aws import Aws
from raytrail.cli._doctor._account._gather_trails import trails_of
from raytrail.cli._doctor._account._look import Look
from raytrail.cli._doctor._account._plan import Plan
from raytrail.cli._doctor._account._seen import RuleSeen, TrailSeen

DEFAULT_BUS = "default"
ABOUT_TRAILS = ("AWS::CloudTrail::Trail", "AWS::Events::Rule", "AWS::Glue::Table")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What the account has of some things; None where it could not be listed, or nobody wants to know.

    Attributes:
        groups: ARNs of X-Ray's groups, by name.
        rules: X-Ray's sampling rules, by name.
        trails: The trails that record the Region.
        event_rules: The rules of the default event bus.
        policies: Names of the resource policies of CloudWatch Logs.
        dashboards: Names of the dashboards.
    """

    groups: Mapping[str, str] | None = None
    rules: Mapping[str, RuleSeen] | None = None
    trails: tuple[TrailSeen, ...] | None = None
    event_rules: tuple[Mapping[str, Any], ...] | None = None
    policies: frozenset[str] | None = None
    dashboards: frozenset[str] | None = None

    def names(self) -> Mapping[str, Mapping[str, str]]:
        """Physical ids by name, for each type that is listed here; none of what could not be listed."""
        return {
            "AWS::XRay::Group": self.groups or {},
            "AWS::XRay::SamplingRule": {name: rule.arn or name for name, rule in (self.rules or {}).items()},
            "AWS::CloudTrail::Trail": {trail.name: trail.name for trail in self.trails or ()},
            "AWS::Events::Rule": {rule["Name"]: rule["Name"] for rule in self.event_rules or ()},
            "AWS::Logs::ResourcePolicy": {name: name for name in self.policies or ()},
            "AWS::CloudWatch::Dashboard": {name: name for name in self.dashboards or ()},
        }


def listed_in(look: Look, aws: Aws, plan: Plan) -> Listed:
    """List what the app adds to; all that costs or is scarce where there is no app to ask."""

    def wanted(*types: str) -> bool:
        return not plan.stacks or bool(plan.of(*types))

    return Listed(
        groups=groups_of(look, aws) if wanted("AWS::XRay::Group") else None,
        rules=rules_of(look, aws) if wanted("AWS::XRay::SamplingRule") else None,
        trails=trails_of(look, aws) if wanted(*ABOUT_TRAILS) else None,
        event_rules=event_rules_of(look, aws) if wanted("AWS::Events::Rule") else None,
        policies=policies_of(look, aws) if wanted("AWS::Logs::ResourcePolicy") else None,
        dashboards=dashboards_of(look, aws) if plan.of("AWS::CloudWatch::Dashboard") else None,
    )


def groups_of(look: Look, aws: Aws) -> dict[str, str] | None:
    """ARNs of X-Ray's groups by name, without the one that is always there."""

    def ask() -> dict[str, str]:
        pages = aws.client("xray").get_paginator("get_groups").paginate()
        found = {each["GroupName"]: each["GroupARN"] for page in pages for each in page["Groups"]}
        return {name: arn for name, arn in found.items() if name != "Default"}

    return look.at("X-Ray's groups", ("xray:GetGroups",), ask)


def rules_of(look: Look, aws: Aws) -> dict[str, RuleSeen] | None:
    """Sampling rules by name, without the one that is always there."""

    def ask() -> dict[str, RuleSeen]:
        pages = aws.client("xray").get_paginator("get_sampling_rules").paginate()
        rules = [each["SamplingRule"] for page in pages for each in page["SamplingRuleRecords"]]
        return {
            rule["RuleName"]: RuleSeen(arn=rule.get("RuleARN", ""), rule=rule)
            for rule in rules
            if rule["RuleName"] != "Default"
        }

    return look.at("the sampling rules", ("xray:GetSamplingRules",), ask)


def event_rules_of(look: Look, aws: Aws) -> tuple[Mapping[str, Any], ...] | None:
    """The rules of the default bus."""

    def ask() -> tuple[Mapping[str, Any], ...]:
        pages = aws.client("events").get_paginator("list_rules").paginate(EventBusName=DEFAULT_BUS)
        return tuple(each for page in pages for each in page["Rules"])

    return look.at("EventBridge's rules", ("events:ListRules",), ask)


def policies_of(look: Look, aws: Aws) -> frozenset[str] | None:
    """The names of the resource policies of CloudWatch Logs."""

    def ask() -> frozenset[str]:
        pages = aws.client("logs").get_paginator("describe_resource_policies").paginate()
        return frozenset(each["policyName"] for page in pages for each in page["resourcePolicies"])

    return look.at("the resource policies of CloudWatch Logs", ("logs:DescribeResourcePolicies",), ask)


def dashboards_of(look: Look, aws: Aws) -> frozenset[str] | None:
    """The names of the account's dashboards."""

    def ask() -> frozenset[str]:
        pages = aws.client("cloudwatch").get_paginator("list_dashboards").paginate()
        return frozenset(each["DashboardName"] for page in pages for each in page.get("DashboardEntries", ()))

    return look.at("the dashboards", ("cloudwatch:ListDashboards",), ask)
