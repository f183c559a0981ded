"""What in the environment shadows, contradicts or halves what was chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from shlex import quote

from raytrail.cli._doctor._credentials._key import read_key
from raytrail.cli._doctor._credentials._loading import chain
from raytrail.cli._doctor._credentials._setup import Setup, read_time
from raytrail.cli._doctor._model import Finding
from raytrail.cli._refusals import brief_key

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
SOON_SECONDS = 30 * 60


def look_at_environment(setup: Setup) -> Iterator[Finding]:
    """Everything in the environment that is worth a word, whether or not the credentials work."""
    for check in _CHECKS:
        if finding := check(setup):
            yield finding


def account_of_profile(setup: Setup, name: str) -> str | None:
    """The account that a profile is of, as far as its settings say so."""
    section = setup.files.profiles.get(name, {})
    if role := str(section.get("role_arn", "")):
        return role.split(":")[4] if role.count(":") >= 5 else None
    for setting in ("sso_account_id", "aws_account_id"):
        if section.get(setting):
            return str(section[setting])
    if login := str(section.get("login_session", "")):
        return login.split(":")[4] if login.count(":") >= 5 else None
    return read_key(setup.files.static(name)).account


def _shadowed_profile(setup: Setup) -> Finding | None:
    key, chosen = setup.variable("AWS_ACCESS_KEY_ID"), setup.chosen
    if not key or not chosen.by:
        return None
    if setup.profile is not None:
        if any(setup.files.profiles[name].get("credential_source") == "Environment" for name in chain(setup)):
            return None
        return Finding(
            name="environment-ignored",
            severity="note",
            title="the environment has keys, which --profile leaves aside",
            seen=f"AWS_ACCESS_KEY_ID is {brief_key(key)}; --profile is {setup.profile}",
            means="with --profile boto3 and the CDK CLI take the profile; any command without it takes the keys of "
            "the environment, whatever AWS_PROFILE says",
            todo="unset the keys, if they are not wanted",
            command=(f"unset {' '.join(KEYS)}",),
        )
    # A profile that is not there stops everything, so nothing is used instead of it.
    if chosen.name not in setup.files.profiles or setup.files.static(chosen.name) == key:
        return None
    theirs, ours = account_of_profile(setup, chosen.name), read_key(key).account
    differ = theirs is not None and ours is not None and theirs != ours
    accounts = f" of account {ours}, and the profile is of account {theirs}" if differ else ""
    return Finding(
        name="environment-shadows-profile",
        severity="error" if differ else "warning",
        title=f"keys of the environment are used instead of the profile {chosen.name!r}",
        seen=f"{chosen.by} is {chosen.name}, and AWS_ACCESS_KEY_ID is {brief_key(key)}{accounts}",
        means="keys of the environment win over a profile that a variable chose, for boto3, the AWS CLI and the CDK "
        "CLI; only the option --profile wins over them",
        todo="unset the keys to use the profile, or unset the variable to use the keys",
        command=(f"unset {' '.join(KEYS)}",),
        decided="botocore asks the environment before any profile, except where a profile was given in code"
        + ("; the accounts are read from the key's ID and from the profile's settings" if differ else ""),
    )


def _halves(setup: Setup) -> Finding | None:
    rest = [name for name in (*KEYS[1:], "AWS_SECURITY_TOKEN") if setup.variable(name)]
    if setup.variable(KEYS[0]) or not rest:
        return None
    return Finding(
        name="environment-incomplete",
        severity="warning",
        title="the environment has a part of a key alone",
        seen=f"{' and '.join(rest)} without AWS_ACCESS_KEY_ID",
        means="without the ID boto3 ignores the rest and goes on to the profile; an ID that is exported later would "
        "be used together with these, which belong to another session",
        todo="unset what is left, or export all of one session",
        command=(f"unset {' '.join(rest)}",),
    )


def _two_tokens(setup: Setup) -> Finding | None:
    old, new = setup.variable("AWS_SECURITY_TOKEN"), setup.variable("AWS_SESSION_TOKEN")
    if not old or old == new or not setup.keys_of_environment:
        return None
    return Finding(
        name="two-session-tokens",
        severity="warning",
        title="the environment has two session tokens",
        seen="AWS_SECURITY_TOKEN differs from AWS_SESSION_TOKEN" if new else "AWS_SECURITY_TOKEN, the old name, is set",
        means="boto3 takes AWS_SECURITY_TOKEN first; the CDK CLI and the other SDKs know AWS_SESSION_TOKEN alone",
        todo="unset the old name",
        command=("unset AWS_SECURITY_TOKEN",),
    )


def _two_profiles(setup: Setup) -> Finding | None:
    ours, cdk = setup.chosen, setup.chosen_by_cdk
    # Keys of the environment win over either variable, and lose to cdk.json.
    by_keys = setup.keys_of_environment
    differ = cdk.by == "cdk.json" if by_keys else ours.name != cdk.name
    if not ours.name or not differ:
        return None
    first = "the keys of the environment" if by_keys else f"{ours.name}, by {ours.by or 'default'}"
    return Finding(
        name="profiles-differ",
        severity="warning",
        title="boto3 and the CDK CLI choose different credentials",
        seen=f"boto3 takes {first}; the CDK CLI takes {cdk.name}, by {cdk.by or 'default'}",
        means="what is looked at here is not what deploys: boto3 prefers AWS_DEFAULT_PROFILE, the CDK CLI prefers "
        "`profile` of cdk.json, then AWS_PROFILE",
        todo="keep one of them, and run this again with --profile for the other",
        command=(
            f"raytrail doctor --profile {quote(cdk.name)}",
            *(("unset AWS_DEFAULT_PROFILE",) if ours.by == "AWS_DEFAULT_PROFILE" else ()),
        ),
    )


def _two_regions(setup: Setup) -> Finding | None:
    if setup.region:
        return None
    boto, cdk = setup.region_for_boto3(), setup.region_for_cdk()
    if not cdk.name or boto.name == cdk.name:
        return None
    none = not boto.name
    return Finding(
        name="regions-differ",
        severity="note" if none else "warning",
        title="boto3 and the CDK CLI choose different Regions",
        seen=f"boto3 has {'none' if none else f'{boto.name} by {boto.by}'}; the CDK CLI has {cdk.name} by {cdk.by}",
        means="boto3 does not read AWS_REGION; the CDK CLI, the AWS CLI and this command read it first. The kit's "
        "stacks name their Region, so this decides only for what names none",
        todo="set both variables to one Region",
        command=(f"export AWS_REGION={quote(cdk.name)} AWS_DEFAULT_REGION={quote(cdk.name)}",),
    )


def _ends_soon(setup: Setup) -> Finding | None:
    text = setup.variable("AWS_CREDENTIAL_EXPIRATION")
    if not text or not setup.keys_of_environment:
        return None
    ends = read_time(text)
    left = (ends - datetime.now(UTC)).total_seconds() if ends else 0
    if not 0 < left < SOON_SECONDS:
        return None
    return Finding(
        name="token-expires-soon",
        severity="warning",
        title="the session ends soon",
        seen=f"AWS_CREDENTIAL_EXPIRATION is {text}, in {left / 60:.0f} minutes",
        means="a deployment that outlives the session stops midway",
        todo="export fresh credentials before you deploy",
    )


_CHECKS: tuple[Callable[[Setup], Finding | None], ...] = (
    _shadowed_profile,
    _two_profiles,
    _halves,
    _two_tokens,
    _ends_soon,
    _two_regions,
)
