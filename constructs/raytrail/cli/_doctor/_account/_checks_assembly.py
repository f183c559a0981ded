"""What the assembly itself gives to say, and a Region of it that cannot be asked."""

from __future__ import annotations

from raytrail.cli._doctor._account._plan import Plan
from raytrail.cli._doctor._assembly import Assembly
from raytrail.cli._doctor._model import Finding
from raytrail.cli._terminal import listed


def stale(assembly: Assembly) -> Finding | None:
    """The assembly is older than the settings."""
    if not assembly.stale:
        return None
    return Finding(
        name="assembly-stale",
        severity="warning",
        title="the cloud assembly may not be what the app would deploy now",
        seen=assembly.stale,
        means="what is said here of quotas, names and permissions is of the older templates",
        todo="synthesise, and ask again",
        command=(f"{assembly.cdk} synth",),
    )


def of_another_region(assembly: Assembly, asked: str) -> Finding | None:
    """No stack is for the Region that was asked."""
    regions = {stack.region for stack in assembly.stacks}
    if not regions or regions & {"", asked}:
        return None
    return Finding(
        name="another-region",
        severity="note",
        title=f"the app deploys to another Region than {asked}",
        seen=f"its stacks are for {listed(sorted(regions))}, and the credentials' Region is {asked}",
        means="the Regions of the stacks were looked at: the app goes where its setting region says",
        todo="nothing, or change that setting",
    )


def refused_region(plan: Plan, asked: str, code: str) -> Finding:
    """A Region of the assembly takes no credentials that another takes."""
    region = plan.where.region
    return Finding(
        name="stack-region-refuses",
        severity="error",
        title=f"{region} does not take the credentials that {asked} takes",
        seen=f"{region} answers {code}",
        means=f"{listed(stack.name for stack in plan.stacks)} cannot be deployed there",
        todo="enable the Region in the account; a session's token must then come from a Regional endpoint of STS",
        command=(f"aws account enable-region --region-name {region}",),
    )
