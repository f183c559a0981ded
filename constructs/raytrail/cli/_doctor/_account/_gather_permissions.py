"""What whoever deploys may do, and CloudFormation's role, as IAM's simulator says.

The simulator sees identity policies, permissions boundaries and the organization's service control policies. It does
not see what a session's own policy takes away, what the policy of a role, bucket or key says, and resource control
policies (https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from raytrail.cli._aws import Aws
from raytrail.cli._doctor._account._look import Look, is_fatal
from raytrail.cli._doctor._account._needs import needs_of
from raytrail.cli._doctor._account._plan import Plan
from raytrail.cli._doctor._account._seen import Decision, PermissionsSeen
from raytrail.cli._doctor._model import Identity

SIMULATE = "iam:SimulatePrincipalPolicy"
AT_ONCE = 100
"""Actions in one request, so that an answer stays short."""
WITHOUT_ROLES = (
    "cloudformation:CreateChangeSet",
    "cloudformation:DescribeChangeSet",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:DescribeStacks",
    "s3:PutObject",
)
"""What the CDK CLI does with the caller's own credentials when it may not assume the bootstrap's roles."""
WHAT = "the actions that the deployment needs"
_SSO = "AWSReservedSSO_"


def permissions_of(
    look: Look, aws: Aws, identity: Identity, plan: Plan, *, bootstrapped: bool
) -> PermissionsSeen | None:
    """Ask the simulator; None where the identity is none that it can be asked about.

    Args:
        look: Notes what could not be asked.
        aws: Where.
        identity: Who deploys.
        plan: What is deployed.
        bootstrapped: Whether the bootstrap's roles are there, and their policies can be looked at.
    """
    if not plan.stacks:
        return None
    iam = aws.client("iam")
    who = "" if identity.arn.endswith(":root") else source_of(look, iam, identity)
    if who is None:
        return None
    may_assume, may_without = _assuming(look, iam, who, plan) if who else ({}, None)
    acting = plan.execution_roles or [who]
    may: dict[str, Decision] = {}
    needs = needs_of(look, aws, plan.types) if any(acting) else {}
    actions = sorted({action for each in needs.values() for action in each.all})
    for each in acting if bootstrapped or not plan.execution_roles else ():
        if each and actions:
            may |= look.at(WHAT, (SIMULATE,), partial(simulated, iam, aws.region, each, actions)) or {}
    return PermissionsSeen(
        may_assume=may_assume, may_without=may_without, needs=needs, acting=acting[0] if acting else "", may=may
    )


def source_of(look: Look, iam: Any, identity: Identity) -> str | None:
    """The ARN of whose policies count: of a role's session those of the role, whose path only IAM knows."""
    kind, _, rest = identity.arn.split(":", 5)[5].partition("/")
    if kind == "user":
        return identity.arn
    if kind != "assumed-role":
        look.miss(WHAT, f"IAM's simulator knows users and roles, and these credentials are of {identity.arn}")
        return None
    role = rest.partition("/")[0]
    try:
        return str(iam.get_role(RoleName=role)["Role"]["Arn"])
    except ClientError as error:
        if is_fatal(error):
            raise
    except BotoCoreError:
        pass
    if role.startswith(_SSO):
        # Its path has the Region of IAM Identity Center in it.
        look.miss(WHAT, f"needs {SIMULATE} and iam:GetRole, for the path of the role {role}")
        return None
    return f"arn:{identity.partition}:iam::{identity.account}:role/{role}"


def simulated(iam: Any, region: str, who: str, actions: Iterable[str], resource: str = "*") -> dict[str, Decision]:
    """What the simulator says of actions on a resource, by default on any.

    It is told what each request to the Region has in common: policies that keep an account to its Regions would deny
    everything otherwise.
    """
    context = {"aws:RequestedRegion": region, "aws:PrincipalArn": who, "aws:SecureTransport": "true"}
    entries = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": _KIND.get(key, "string")}
        for key, value in context.items()
    ]
    answers: dict[str, Decision] = {}
    asked = list(actions)
    for start in range(0, len(asked), AT_ONCE):
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=who,
            ActionNames=asked[start : start + AT_ONCE],
            ResourceArns=[resource],
            ContextEntries=entries,
        )
        for page in pages:
            answers |= {each["EvalActionName"]: _decision(each) for each in page["EvaluationResults"]}
    return answers


_KIND = {"aws:SecureTransport": "boolean"}


def _decision(result: Mapping[str, Any]) -> Decision:
    if result["EvalDecision"] == "allowed":
        return Decision(allowed=True)
    if not (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations", True):
        held_by = "the organization's service control policies"
    elif not (result.get("PermissionsBoundaryDecisionDetail") or {}).get("AllowedByPermissionsBoundary", True):
        held_by = "the permissions boundary"
    else:
        explicit = result["EvalDecision"] == "explicitDeny"
        held_by = "a policy that denies it" if explicit else "no policy that allows it"
    unknown = [*result.get("MissingContextValues", ())]
    for each in result.get("ResourceSpecificResults", ()):
        unknown += each.get("MissingContextValues", ())
    return Decision(allowed=False, held_by=held_by, depends_on=tuple(sorted(set(unknown))))


def _assuming(look: Look, iam: Any, who: str, plan: Plan) -> tuple[dict[str, Decision], bool | None]:
    """Whether each role may be assumed; and where one may not, whether it can be done without."""

    def may(action: str, resource: str = "*") -> Decision | None:
        said = look.at(WHAT, (SIMULATE,), partial(simulated, iam, plan.where.region, who, [action], resource))
        return next(iter((said or {}).values()), None)

    roles = {role: decision for role in plan.roles if (decision := may("sts:AssumeRole", role))}
    if all(decision.allowed for decision in roles.values()):
        return roles, None
    without = [*map(may, WITHOUT_ROLES), *(may("iam:PassRole", role) for role in plan.execution_roles)]
    return roles, all(decision is not None and decision.allowed for decision in without)
