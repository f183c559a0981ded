"""Names that the templates fix and something else has, and sampling rules that come in each other's way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from raytrail.cli._doctor._account._seen import Seen, Taken
from raytrail.cli._doctor._model import Finding
from raytrail.cli._terminal import listed
from raytrail.cli._why._patterns import fits

PATTERNS = ("ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath", "ResourceARN")
"""What a sampling rule matches requests by."""
MOST_NAMES = 5


def taken_names(seen: Seen) -> Iterator[Finding]:
    """One finding for each type of resource, and each owner of what has its names."""

    def alike(taken: Taken) -> tuple[str, str, bool, bool]:
        return taken.resource.type, taken.owner or "", taken.left, bool(taken.physical)

    for (type, owner, left, _), some in groupby(sorted(seen.taken, key=alike), alike):
        yield _taken(seen, type, owner, list(some), left=left)


def _taken(seen: Seen, type: str, owner: str, taken: list[Taken], *, left: bool) -> Finding:
    what = f"{type} {_some([each.resource.name for each in taken])}"
    refused = "CloudFormation refuses to make a second one, and the stack is rolled back"
    if owner:
        return Finding(
            name="name-of-another-stack",
            severity="error",
            title=f"the stack {owner} has what is called as the app's {type}",
            seen=f"{what} is part of the stack {owner}",
            means=refused,
            todo=f"give one of the two another name, or destroy {owner} if this app takes its place",
        )
    if left:
        stacks = dict.fromkeys(each.resource.stack for each in taken)
        return Finding(
            name="name-left-behind",
            severity="error",
            title=f"an {type} of the app's name is left from an earlier deployment",
            seen=f"{what} exists, and no stack has it",
            means="the app keeps such a thing when its stack goes; CloudFormation refuses to make another of that name",
            todo="let the deployment take it over, or look into it and delete it",
            command=tuple(
                f"{seen.plan.cdk} deploy {seen.plan.called(stack)} --import-existing-resources" for stack in stacks
            ),
            decided="by the template, which retains it, and by CloudFormation, where no stack owns it",
        )
    if not taken[0].physical:
        return Finding(
            name="name-refused",
            severity="warning",
            title=f"an {type} of the app's name may be somebody else's",
            seen=f"{what} is refused to these credentials (403)",
            means=f"names of buckets are one set for all accounts: if there is one, {refused}",
            todo="choose another name, or allow s3:ListBucket if the bucket is this account's",
            decided="by the status alone: S3 gives no reason, and may refuse a bucket of this account too",
        )
    whose = "whose it is could not be looked at" if taken[0].owner is None else "no stack of CloudFormation has it"
    return Finding(
        name="name-taken",
        severity="error",
        title=f"an {type} of the app's name exists already",
        seen=f"{what} exists, and {whose}",
        means=refused,
        todo="delete or rename what is there, or give the app's another name (the setting name begins each)",
    )


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return listed(names[:MOST_NAMES]) if more <= 0 else f"{', '.join(names[:MOST_NAMES])} and {more} more"


def sampling_rules(seen: Seen) -> Iterator[Finding]:
    """Rules of others that decide before the app's do, or whom the app's come before."""
    ours = [
        (each.name, rule)
        for each in seen.plan.of("AWS::XRay::SamplingRule")
        # A priority that a parameter has a say in is not known before.
        if each.name
        and isinstance(rule := each.properties.get("SamplingRule"), Mapping)
        and str(rule.get("Priority", 0)).isdecimal()
    ]
    names = {name for name, _ in ours}
    others = [(n, r.rule) for n, r in (seen.rules or {}).items() if n not in names and not _ours(seen, n)]
    for name, rule in ours:
        found = {
            "sampling-rule-hidden": [n for n, r in others if _priority(r) < _priority(rule) and covers(r, rule)],
            "sampling-rule-tied": [n for n, r in others if _priority(r) == _priority(rule) and meets(r, rule)],
            "sampling-rule-hides": [n for n, r in others if _priority(r) > _priority(rule) and covers(rule, r)],
        }
        for kind, named in found.items():
            if named:
                yield _order(kind, name, named)


_ORDER = {
    "sampling-rule-hidden": ("come before it and match all that it does", "it never decides"),
    "sampling-rule-tied": ("have its priority and match some requests that it does", "which decides is not defined"),
    "sampling-rule-hides": ("come after it and match nothing that it does not", "from then on they never decide"),
}
"""How the rules of others stand to one of the app's, and what comes of it."""


def _ours(seen: Seen, name: str) -> bool:
    return seen.owns("AWS::XRay::SamplingRule", name)


def _order(kind: str, rule: str, others: list[str]) -> Finding:
    how, means = _ORDER[kind]
    return Finding(
        name=kind,
        severity="warning",
        title=f"the sampling rule {rule} and others come in each other's way",
        seen=f"{listed(others)}: {how}",
        means=f"X-Ray asks rules in the order of their priority, and the first that matches decides: {means}",
        todo="give one of them another priority, or narrow what it matches",
    )


def _priority(rule: Mapping[str, Any]) -> int:
    return int(rule.get("Priority", 0))


def covers(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    """Whether each request that ``narrow`` matches is matched by ``wide`` too."""
    attributes = wide.get("Attributes") or {}
    return all(_covers(_pattern(wide, each), _pattern(narrow, each)) for each in PATTERNS) and (
        not attributes or attributes == (narrow.get("Attributes") or {})
    )


def meets(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether some request may match both: for each member one pattern covers the other."""
    return all(
        _covers(_pattern(one, each), _pattern(other, each)) or _covers(_pattern(other, each), _pattern(one, each))
        for each in PATTERNS
    )


def _pattern(rule: Mapping[str, Any], member: str) -> str:
    return str(rule.get(member, "*"))


def _covers(wide: str, narrow: str) -> bool:
    if wide in ("*", narrow):
        return True
    # A single letter of the one does not stand for the any number of the other.
    return not ("?" in wide and "*" in narrow) and fits(wide, narrow, ignore_case=True)
