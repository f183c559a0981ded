"""Quotas that a deployment would exceed, or come near to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from raytrail.cli._doctor._account._seen import Quota, Seen
from raytrail.cli._doctor._model import Finding

FREE_DASHBOARDS = 3
DASHBOARD_DOLLARS = 3


def quotas(seen: Seen) -> Iterator[Finding]:
    """A quota is exceeded after the deployment, or near; what a deployment leaves as it is is no matter."""
    for quota in seen.quotas:
        adds = quota.added > 0 or not seen.plan.stacks
        if adds and quota.is_exceeded:
            yield _finding(seen, quota, "quota-exceeded")
        elif adds and quota.is_near:
            yield _finding(seen, quota, "quota-near")


def _finding(seen: Seen, quota: Quota, name: Literal["quota-exceeded", "quota-near"]) -> Finding:
    of_template = not quota.used and quota.planned == quota.after
    room = "split the stack" if of_template else "delete what nobody uses, or switch off what is not needed of the app"
    raised = "AWS raises it on request" if quota.request else "AWS does not raise it"
    counted = f"the template has {quota.planned:,}" if of_template else _counted(seen, quota)
    return Finding(
        name=name,
        severity="error" if quota.is_exceeded else "warning",
        title=f"{'too many' if quota.is_exceeded else 'nearly too many'} {quota.what}",
        seen=f"{counted}; {quota.limit:,} are allowed ({quota.page})",
        means=f"the deployment fails at the first too many; {raised}"
        if quota.is_exceeded
        else f"{quota.limit - quota.after:,} more may be made after it; {raised}",
        todo=f"ask for more, or {room}" if quota.request else room,
        command=(f"aws service-quotas request-service-quota-increase {quota.request} --desired-value {_more(quota)}",)
        if quota.request
        else (),
    )


def _counted(seen: Seen, quota: Quota) -> str:
    if not seen.plan.stacks:
        return f"there are {quota.used:,}"
    own = f", {quota.owned:,} of them this app's" if quota.owned else ""
    return f"there are {quota.used:,}{own}, and a deployment makes it {quota.after:,}"


def _more(quota: Quota) -> int:
    """A limit with room to spare."""
    return max(2 * quota.limit, quota.after + quota.limit)


def dashboards(seen: Seen) -> Finding | None:
    """More dashboards than are free."""
    if seen.dashboards is None:
        return None
    others = {name for name in seen.dashboards if not seen.owns("AWS::CloudWatch::Dashboard", name)}
    planned = len(seen.plan.of("AWS::CloudWatch::Dashboard"))
    paid = min(planned, len(others) + planned - FREE_DASHBOARDS)
    if paid <= 0:
        return None
    return Finding(
        name="dashboards-paid",
        severity="note",
        title=f"{paid} of the app's {planned} dashboards cost money",
        seen=f"there are {len(others)} others, and {FREE_DASHBOARDS} are free",
        means=f"each costs {DASHBOARD_DOLLARS:.2f} USD a month (price of us-east-1)",
        todo="nothing, or switch the app's dashboards off",
    )
