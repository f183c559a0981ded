"""What stops a deployment before its first resource: the stacks' own states, the bootstrap, permissions."""

from __future__ import annotations

from collections.abc import Iterator

from raytrail.cli._doctor._account._seen import BootstrapSeen, Decision, Seen, StackSeen
from raytrail.cli._doctor._assembly import BootstrapNeeded
from raytrail.cli._doctor._model import Finding, Severity
from raytrail.cli._terminal import listed

DELETED_FIRST = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""States of a stack that was never made, which the CDK CLI deletes before it makes it."""
STUCK = ("CREATE_FAILED", "DELETE_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED")
MOST_ACTIONS = 8
"""How many actions a sentence names."""


def stack_states(seen: Seen) -> Iterator[Finding]:
    """Stacks of the app's names that CloudFormation does not update as they are, or that are somebody else's."""
    for stack in (seen.stacks or {}).values():
        if not stack.ours:
            yield _another_apps(seen, stack)
        elif stack.status in STUCK:
            yield _stuck(seen, stack)
        elif stack.status.endswith("_IN_PROGRESS"):
            yield Finding(
                name="stack-busy",
                severity="warning",
                title=f"the stack {stack.name} is being changed",
                seen=f"{stack.name} is {stack.status}",
                means="CloudFormation changes a stack once at a time; the CDK CLI waits until it has ended",
                todo="wait, or see who deploys",
            )
        elif stack.status in DELETED_FIRST:
            yield Finding(
                name="stack-rolled-back",
                severity="note",
                title=f"the stack {stack.name} failed to be made before",
                seen=f"{stack.name} is {stack.status}" + (f": {stack.reason}" if stack.reason else ""),
                means="the CDK CLI deletes what is left of it, and makes it anew",
                todo="see what went wrong then, so that it does not again",
                command=(f"aws cloudformation describe-stack-events --stack-name {stack.name} {_region(seen)}",),
            )


def _another_apps(seen: Seen, stack: StackSeen) -> Finding:
    kinds = listed(sorted({made.type for made in stack.made})[:3])
    return Finding(
        name="stack-of-another-app",
        severity="error",
        title=f"a stack {stack.name} exists that is another app's",
        seen=f"{stack.name} is {stack.status} and has {len(stack.made)} resources ({kinds}), none of them this app's",
        means="a deployment would replace all that it has",
        todo="give this app another name (the setting name begins each stack's), or deploy to another Region",
        decided="by logical ids: that stack and the template have none in common",
    )


def _stuck(seen: Seen, stack: StackSeen) -> Finding:
    cdk, gone = seen.plan.cdk, stack.status == "DELETE_FAILED"
    verb = "destroy" if gone else "rollback"
    return Finding(
        name="stack-stuck",
        severity="error",
        title=f"the stack {stack.name} is stuck",
        seen=f"{stack.name} is {stack.status}" + (f": {stack.reason}" if stack.reason else ""),
        means="CloudFormation takes no update of it in this state",
        todo="see why, mend that, and then " + ("destroy it again" if gone else "roll it back to its last good state"),
        command=(
            f"aws cloudformation describe-stack-events --stack-name {stack.name} {_region(seen)}",
            f"{cdk} {verb} {seen.plan.called(stack.name)}",
        ),
    )


def bootstrap(seen: Seen) -> Iterator[Finding]:
    """The bootstrap that the stacks stand on: there, new enough, whole."""
    for needed in seen.plan.bootstraps:
        found = seen.bootstraps.get(needed.parameter)
        if found is None:
            continue
        if found.version is None:
            yield _not_bootstrapped(seen, needed, found)
            taken = [name for name, there in found.buckets.items() if there is True]
            if taken and not found.stack:
                yield _bucket_left(seen, taken)
        elif found.version < needed.version:
            yield _too_old(seen, needed, found.version)
        # The stack of another qualifier has another name, so CDKToolkit is not this one's.
        if found.stack in STUCK and _is_usual(needed):
            yield _toolkit_stuck(seen, found.stack)
        lost = [name for name, there in found.buckets.items() if there is False]
        if found.version is not None and lost:
            yield _bucket_lost(seen, needed, lost)


def _not_bootstrapped(seen: Seen, needed: BootstrapNeeded, found: BootstrapSeen) -> Finding:
    place = seen.plan.place
    if found.others:
        return Finding(
            name="bootstrap-of-another-qualifier",
            severity="error",
            title=f"{place} is bootstrapped, with another qualifier",
            seen=f"the app needs {needed.qualifier}; there is {listed(found.others)}",
            means="the roles and the bucket that the app's stacks name do not exist",
            todo=f"bootstrap once more beside it, or let the app use theirs: the context "
            f"@aws-cdk/core:bootstrapQualifier of cdk.json is to be {found.others[0]}",
            command=(
                f"{seen.plan.cdk} bootstrap {place} --qualifier {needed.qualifier} "
                f"--toolkit-stack-name CDKToolkit-{needed.qualifier}",
            ),
            decided=f"by the SSM parameters below /cdk-bootstrap/: {needed.parameter} is not among them",
        )
    return Finding(
        name="bootstrap-missing",
        severity="error",
        title=f"{place} is not bootstrapped",
        seen=f"there is no SSM parameter {needed.parameter}",
        means="the CDK CLI has no bucket to put files into, and no roles to deploy with",
        todo="bootstrap the account and Region, once",
        command=(_bootstrap(seen, needed),),
    )


def _bucket_left(seen: Seen, buckets: list[str]) -> Finding:
    return Finding(
        name="bootstrap-bucket-left",
        severity="error",
        title="the bucket of an earlier bootstrap is still there",
        seen=f"{listed(buckets)} exists, and no stack CDKToolkit",
        means="the bucket stays when that stack is deleted, and stops the next bootstrap, which makes one of this name",
        todo="in the S3 console empty it, with all versions, and delete it, if no other app's files are in it",
    )


def _bucket_lost(seen: Seen, needed: BootstrapNeeded, buckets: list[str]) -> Finding:
    region = _region(seen)
    return Finding(
        name="bootstrap-bucket-missing",
        severity="error",
        title="the bootstrap's bucket is gone",
        seen=f"there is no bucket {listed(buckets)}, and the bootstrap's version is there",
        means="nothing can be put where the stacks look for templates and code; CloudFormation does not notice",
        todo="find the stack of the bootstrap, delete that one, and bootstrap anew",
        # Never CDKToolkit by guess: it may be another qualifier's, on which other apps stand.
        command=(
            f"aws cloudformation describe-stack-resources --physical-resource-id {buckets[0]} {region} "
            "--query 'StackResources[0].StackName'",
            f"aws cloudformation delete-stack --stack-name STACK {region}",
            _bootstrap(seen, needed),
        ),
    )


def _too_old(seen: Seen, needed: BootstrapNeeded, version: int) -> Finding:
    return Finding(
        name="bootstrap-too-old",
        severity="error",
        title=f"the bootstrap of {seen.plan.place} is too old",
        seen=f"{needed.parameter} is {version}, and the app needs {needed.version} or later",
        means="the CDK CLI refuses to deploy",
        todo="bootstrap again: the newer version replaces it, and serves older apps too"
        + ("" if _is_usual(needed) else "; --toolkit-stack-name is to be the stack that it was made with"),
        command=(_bootstrap(seen, needed),),
    )


def _toolkit_stuck(seen: Seen, status: str) -> Finding:
    # A stack that works but for its last update is not to be deleted: other apps stand on it.
    mend = {"UPDATE_ROLLBACK_FAILED": "continue-update-rollback", "UPDATE_FAILED": "rollback-stack"}
    return Finding(
        name="bootstrap-stuck",
        severity="error",
        title="the stack of the bootstrap is stuck",
        seen=f"CDKToolkit is {status}",
        means="it cannot be brought up to date, and parts of it may be missing",
        todo="mend it, then bootstrap again",
        command=(
            f"aws cloudformation {mend.get(status, 'delete-stack')} --stack-name CDKToolkit {_region(seen)}",
            f"{seen.plan.cdk} bootstrap {seen.plan.place}",
        ),
    )


def _bootstrap(seen: Seen, needed: BootstrapNeeded) -> str:
    return f"{seen.plan.cdk} bootstrap {seen.plan.place}{_beside(needed)}"


def _is_usual(needed: BootstrapNeeded) -> bool:
    """Whether it is the CDK's own qualifier, whose stack is CDKToolkit."""
    return needed.qualifier in ("", "hnb659fds")


def _beside(needed: BootstrapNeeded) -> str:
    """Options that keep a bootstrap of another qualifier from replacing CDKToolkit, on which other apps stand."""
    if _is_usual(needed):
        return ""
    return f" --qualifier {needed.qualifier} --toolkit-stack-name CDKToolkit-{needed.qualifier}"


def _region(seen: Seen) -> str:
    return f"--region {seen.plan.where.region}"


def may_not_deploy(seen: Seen) -> Finding | None:
    """Whether whoever asks may assume the bootstrap's roles, or do without them."""
    permissions = seen.permissions
    held = {} if permissions is None else {r: d for r, d in permissions.may_assume.items() if not d.allowed}
    if permissions is None or not held:
        return None
    sure = any(decision.refused for decision in held.values())
    roles = listed(role.rpartition("/")[2] for role in held)
    if permissions.may_without:
        means = "the CDK CLI goes on with the caller's own permissions, which do"
    else:
        means = "the CDK CLI deploys with these roles; the caller's own permissions, tried next, do not do either"
    return Finding(
        name="deploys-without-roles" if permissions.may_without else "may-not-deploy",
        severity="note" if permissions.may_without else "error" if sure else "warning",
        title="the bootstrap's roles may not be assumed",
        seen=f"sts:AssumeRole on {roles} is {_held(held)}",
        means=means,
        todo=f"let whoever deploys call sts:AssumeRole on the roles of the bootstrap in {seen.plan.place}",
        decided="by IAM's simulator, which sees no session policy and no trust policy of a role",
    )


def lacking_actions(seen: Seen) -> Iterator[Finding]:
    """Actions that creating the resources takes, and that who creates them may not do."""
    permissions = seen.permissions
    if permissions is None:
        return
    held = {action: decision for action, decision in permissions.may.items() if not decision.allowed}
    refused = {action for action, decision in held.items() if decision.refused}
    lost = sorted(type for type, needs in permissions.needs.items() if needs.changing and needs.changing <= refused)
    never = {action for type in lost for action in permissions.needs[type].changing}
    who = permissions.acting.rpartition("/")[2]
    if never:
        some = listed(lost[:3]) + (" and others" if len(lost) > 3 else "")
        yield _lacking(
            seen,
            {action: held[action] for action in sorted(never)},
            name="deployment-lacks-actions",
            severity="error",
            title=f"{who} may not create {some}",
            means="the deployment fails at the first resource of such a type",
        )
    if maybe := {action: decision for action, decision in sorted(held.items()) if action not in never}:
        yield _lacking(
            seen,
            maybe,
            name="deployment-may-lack-actions",
            severity="warning",
            title=f"{who} lacks actions that CloudFormation may call",
            means="CloudFormation's schemas name them for the app's types; some are called for certain properties only",
        )


def _lacking(
    seen: Seen, held: dict[str, Decision], *, name: str, severity: Severity, title: str, means: str
) -> Finding:
    rest = len(held) - MOST_ACTIONS
    some = ", ".join(list(held)[:MOST_ACTIONS]) + (f" and {rest} more" if rest > 0 else "")
    by_role = bool(seen.plan.execution_roles)
    needed = next(iter(seen.plan.bootstraps), None)
    return Finding(
        name=name,
        severity=severity,
        title=title,
        seen=f"{some}: {_held(held)}",
        means=means,
        todo="add them to its policies"
        + (", or bootstrap again with every policy that the role is to have" if by_role else ""),
        command=(
            f"{seen.plan.cdk} bootstrap {seen.plan.place}{_beside(needed) if needed else ''} "
            "--cloudformation-execution-policies POLICY_ARN,POLICY_ARN",
        )
        if by_role
        else (),
        decided="by IAM's simulator, asked for every resource (*): a policy that allows an action on some names alone "
        "counts as lacking, as does what only the policy of a key or a bucket would allow",
    )


def _held(held: dict[str, Decision]) -> str:
    by = f"held back by {listed(sorted({decision.held_by for decision in held.values()}))}"
    keys = sorted({key for decision in held.values() for key in decision.depends_on})
    return f"{by}, depending on {listed(keys)}" if keys else by
