"""What an account has of what there may be only so much of, and how much of it the app would add.

A limit that AWS raises on request is asked for only where the default would not do: a raised one is never lower.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypedDict

from botocore.exceptions import ClientError

from raytrail.cli._aws import Aws
from raytrail.cli._doctor._account._gather_lists import DEFAULT_BUS, Listed
from raytrail.cli._doctor._account._look import Look
from raytrail.cli._doctor._account._plan import Plan, Planned
from raytrail.cli._doctor._account._seen import Quota, StackSeen, owned
from raytrail.cli._refusals import code_of

GUIDES = "https://docs.aws.amazon.com"
FEW_RULES = ("af-south-1", "eu-south-1")

XRAY_PAGE = f"{GUIDES}/general/latest/gr/xray.html"
EVENTS_PAGE = f"{GUIDES}/eventbridge/latest/userguide/eb-quota.html"
LOGS_PAGE = f"{GUIDES}/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"
TRAILS_PAGE = f"{GUIDES}/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html"
ROLES_PAGE = f"{GUIDES}/IAM/latest/UserGuide/reference_iam-quotas.html"
STACKS_PAGE = f"{GUIDES}/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
ROLES = "IAM roles"
RESOURCES_A_STACK = 500
TEMPLATE_BYTES = 1024 * 1024
FILTERS_A_GROUP = 100


class _Counts(TypedDict):
    owned: int
    planned: int


def quotas_of(
    look: Look, aws: Aws, plan: Plan, stacks: Mapping[str, StackSeen] | None, listed: Listed
) -> Iterator[Quota]:
    """Each quota with what counts towards it. Of the account's, none without knowing the app's own stacks."""
    yield from _of_the_templates(plan)
    if stacks is None and plan.stacks:
        return
    for quota in _of_the_account(look, aws, plan, stacks, listed):
        by_default = quota.request and quota.what != ROLES
        yield _as_raised(look, aws, quota) if by_default and (quota.is_near or quota.is_exceeded) else quota


def _of_the_templates(plan: Plan) -> Iterator[Quota]:
    for stack in plan.stacks:
        for template in stack.templates:
            counted = (
                (f"resources in {template.file}", len(template.resources), RESOURCES_A_STACK),
                (f"bytes of {template.file}", template.bytes, TEMPLATE_BYTES),
            )
            for what, planned, limit in counted:
                yield Quota(what=what, limit=limit, used=0, owned=0, planned=planned, page=STACKS_PAGE)


def _of_the_account(
    look: Look, aws: Aws, plan: Plan, stacks: Mapping[str, StackSeen] | None, listed: Listed
) -> Iterator[Quota]:
    def made(*types: str) -> _Counts:
        return _Counts(owned=len(owned(stacks, *types)), planned=len(plan.of(*types)))

    if listed.groups is not None:
        counts = made("AWS::XRay::Group")
        yield Quota(what="X-Ray groups", limit=25, used=len(listed.groups), page=XRAY_PAGE, **counts)
    if listed.rules is not None:
        yield Quota(
            what="X-Ray sampling rules",
            limit=25,
            used=len(listed.rules),
            page=XRAY_PAGE,
            request=f"--service-code xray --quota-code L-8C0C998A --region {plan.where.region}",
            **made("AWS::XRay::SamplingRule"),
        )
    if listed.trails is not None:
        counts = made("AWS::CloudTrail::Trail")
        yield Quota(what="trails that record this Region", limit=5, used=len(listed.trails), page=TRAILS_PAGE, **counts)
    if listed.event_rules is not None:
        yield from _event_rules(plan, stacks, listed.event_rules)
    if listed.policies is not None:
        counts = made("AWS::Logs::ResourcePolicy")
        what = "resource policies of CloudWatch Logs"
        yield Quota(what=what, limit=10, used=len(listed.policies), page=LOGS_PAGE, **counts)
    roles = made("AWS::IAM::Role")
    if roles["planned"]:
        summary = look.at("how many roles there are", ("iam:GetAccountSummary",), lambda: _summary(aws))
        if summary is not None:
            yield Quota(
                what=ROLES,
                # The account's own limit, raised or not.
                limit=summary.get("RolesQuota", 1000),
                used=summary.get("Roles", 0),
                page=ROLES_PAGE,
                request="--service-code iam --quota-code L-FE177D64 --region us-east-1",
                **roles,
            )
    yield from _metric_filters(look, aws, plan, stacks)


def _event_rules(
    plan: Plan, stacks: Mapping[str, StackSeen] | None, rules: tuple[Mapping[str, Any], ...]
) -> Iterator[Quota]:
    planned = [each for each in plan.of("AWS::Events::Rule") if _on_default_bus(each)]
    ours = owned(stacks, "AWS::Events::Rule")
    yield Quota(
        what="rules of the default event bus",
        limit=100 if plan.where.region in FEW_RULES else 300,
        used=len(rules),
        owned=sum(any(made.is_called(rule["Name"]) for made in ours) for rule in rules),
        planned=len(planned),
        page=EVENTS_PAGE,
        request=f"--service-code events --quota-code L-244521F2 --region {plan.where.region}",
    )
    wild = [rule for rule in rules if _is_wild(_pattern(rule.get("EventPattern")))]
    yield Quota(
        what="rules with wildcards of the default event bus",
        limit=30,
        used=len(wild),
        owned=sum(any(made.is_called(rule["Name"]) for made in ours) for rule in wild),
        planned=sum(_is_wild(_pattern(each.properties.get("EventPattern"))) for each in planned),
        page=EVENTS_PAGE,
    )


def _on_default_bus(rule: Planned) -> bool:
    return bool(rule.properties.get("EventBusName", DEFAULT_BUS) == DEFAULT_BUS)


def _pattern(given: Any) -> Any:
    """A pattern, which EventBridge tells as text, and a template as an object or as text."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return None


def _is_wild(pattern: Any) -> bool:
    """Whether a pattern of events has an operator ``wildcard`` anywhere."""
    if isinstance(pattern, Mapping):
        return "wildcard" in pattern or any(map(_is_wild, pattern.values()))
    return isinstance(pattern, list) and any(map(_is_wild, pattern))


def _summary(aws: Aws) -> Mapping[str, int]:
    found: Mapping[str, int] = aws.client("iam").get_account_summary()["SummaryMap"]
    return found


def _metric_filters(look: Look, aws: Aws, plan: Plan, stacks: Mapping[str, StackSeen] | None) -> Iterator[Quota]:
    groups: dict[str, tuple[str | None, int]] = {}
    for each in plan.of("AWS::Logs::MetricFilter"):
        group = each.properties.get("LogGroupName")
        before = groups.get(str(group), (None, 0))[1]
        groups[str(group)] = (plan.where.text(group), before + 1)
    for name, planned in groups.values():
        # A group that the app makes has no filters but the app's.
        filters: list[str] | None = []
        if name:
            what = f"the metric filters of {name}"
            filters = look.at(what, ("logs:DescribeMetricFilters",), partial(_filters, aws, name))
        if filters is None:
            continue
        ours = owned(stacks, "AWS::Logs::MetricFilter")
        yield Quota(
            what=f"metric filters of {name or 'a log group of the app'}",
            limit=FILTERS_A_GROUP,
            used=len(filters),
            owned=sum(any(made.is_called(each) for made in ours) for each in filters),
            planned=planned,
            page=LOGS_PAGE,
        )


def _filters(aws: Aws, group: str) -> list[str]:
    pages = aws.client("logs").get_paginator("describe_metric_filters").paginate(logGroupName=group)
    try:
        return [each["filterName"] for page in pages for each in page["metricFilters"]]
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return []
        raise


def _as_raised(look: Look, aws: Aws, quota: Quota) -> Quota:
    """The quota with the account's own limit, which Service Quotas knows once it was raised."""
    _, service, _, code, *_ = quota.request.split()

    def ask() -> int:
        quotas = aws.client("service-quotas")
        try:
            return int(quotas.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]["Value"])
        except ClientError as error:
            # Never applied to the account: the default holds.
            if code_of(error) == "NoSuchResourceException":
                return quota.limit
            raise

    raised = look.at(f"whether the limit of {quota.what} was raised", ("servicequotas:GetServiceQuota",), ask)
    return replace(quota, limit=raised or quota.limit)
