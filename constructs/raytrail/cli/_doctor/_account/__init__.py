"""What the account has that an app's deployment would meet: only calls that read.

Facts are gathered for each Region that the app deploys to (`_gather`, by `_gather_*`), and small functions look at them
(`_checks`, of `_checks_*`). What may not be asked is said so, and is no finding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from botocore.exceptions import ClientError

from raytrail.cli._aws import Aws, asking
from raytrail.cli._doctor._account._checks import checked
from raytrail.cli._doctor._account._checks_assembly import of_another_region, refused_region, stale
from raytrail.cli._doctor._account._gather import gather
from raytrail.cli._doctor._account._look import Look
from raytrail.cli._doctor._account._plan import Plan, plans
from raytrail.cli._doctor._assembly import Assembly
from raytrail.cli._doctor._model import Finding, Identity, NotLookedAt
from raytrail.cli._refusals import code_of

__all__ = ["Examined", "examine"]


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What was found in an account.

    Attributes:
        findings: In the order of the checks, Region by Region.
        looked_at: What was looked at and is in order, in a few words each.
        not_looked_at: What could not be looked at.
    """

    findings: tuple[Finding, ...] = ()
    looked_at: tuple[str, ...] = ()
    not_looked_at: tuple[NotLookedAt, ...] = ()


def examine(aws: Aws, identity: Identity, assembly: Assembly | None) -> Examined:
    """Hold what an app would add against what the account has.

    Args:
        aws: The account and Region that are asked.
        identity: Whose credentials they are.
        assembly: What the app would deploy; None where none could be read, and only the account is looked at.

    Raises:
        Refused: AWS does not take the credentials any more.
    """
    about = [stale(assembly), of_another_region(assembly, aws.region)] if assembly else []
    parts = [_examined(aws, identity, plan) for plan in plans(assembly, identity, aws.region)]
    return Examined(
        findings=(*(each for each in about if each), *(each for part in parts for each in part.findings)),
        looked_at=tuple(dict.fromkeys(each for part in parts for each in part.looked_at)),
        not_looked_at=tuple(dict.fromkeys(each for part in parts for each in part.not_looked_at)),
    )


def _examined(aws: Aws, identity: Identity, plan: Plan) -> Examined:
    region = plan.where.region
    if plan.where.account != identity.account:
        what = f"what {', '.join(stack.name for stack in plan.stacks)} would meet ({region})"
        reason = f"they are for account {plan.where.account}, and the credentials are of {identity.account}"
        return Examined(not_looked_at=(NotLookedAt(what=what, reason=reason),))
    there, look = replace(aws, region=region), Look(region=region)
    with asking(there):
        try:
            seen = gather(look, there, identity, plan)
        except ClientError as error:
            if region == aws.region:
                raise
            return Examined(
                findings=(refused_region(plan, aws.region, code_of(error)),), not_looked_at=tuple(look.missed)
            )
    findings, looked_at = checked(seen)
    return Examined(findings=findings, looked_at=looked_at, not_looked_at=tuple(look.missed))
