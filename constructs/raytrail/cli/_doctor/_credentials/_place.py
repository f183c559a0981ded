"""Whether good credentials are of the account, the partition, the Region and the time that are needed."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

import boto3

from raytrail.cli._doctor._credentials._call import status_of_region, time_of_aws
from raytrail.cli._doctor._credentials._environment import account_of_profile
from raytrail.cli._doctor._credentials._key import read_key
from raytrail.cli._doctor._credentials._network import unknown_region
from raytrail.cli._doctor._credentials._setup import Chosen, Pair, Setup
from raytrail.cli._doctor._credentials._unknown_key import not_enabled, other_partition
from raytrail.cli._doctor._model import Finding, Identity
from raytrail.cli._refusals import TOLERATED_SECONDS, brief_key, off_by
from raytrail.cli._regions import OPT_IN_REGIONS, known_regions, partition_of

WORTH_A_WORD_SECONDS = 60


def clock(ahead: float | None, said: str = "", *, refused: bool = False) -> Finding:
    """A clock that is wrong, with how much."""
    measured = f"it is {off_by(ahead)} AWS's" if ahead is not None else "AWS did not say its own time"
    far = ahead is not None and abs(ahead) > TOLERATED_SECONDS
    tolerated = f"{TOLERATED_SECONDS // 60} minutes"
    return Finding(
        name="clock-skew",
        severity="error" if refused else "warning" if far else "note",
        title="this machine's clock is wrong",
        seen=f"{measured}{f'; {said}' if said else ''}",
        means="AWS refuses every signature, whatever the key is"
        if refused
        else f"this call was answered, and services refuse signatures that are more than {tolerated} off"
        if far
        else f"AWS tolerates {tolerated}; a clock that drifts gets there",
        todo="let the clock be set by the network; in a virtual machine or WSL that slept, set it once",
        command=("sudo timedatectl set-ntp true", "sudo hwclock -s  # in WSL"),
        decided="measured against the Date of AWS's own answer, to a second. The CDK CLI corrects itself by it and may "
        "work all the same; boto3 and the AWS CLI do not",
    )


def look_at_clock(ahead: float | None) -> Finding | None:
    """What there is to say of a clock with which a call was answered."""
    return clock(ahead) if ahead is not None and abs(ahead) > WORTH_A_WORD_SECONDS else None


def account_of_refused(setup: Setup, pair: Pair) -> Finding | None:
    """A key that was refused, and whose ID says that it is of another account than the app's."""
    account = read_key(pair.key_id).account
    accounts = setup.expected.accounts
    if account is None or not accounts or account in accounts or pair.method == "assume-role":
        return None
    return _other_account(
        setup, account, f"the ID of {brief_key(pair.key_id)} encodes the account {account}", "by the ID"
    )


def look_at_identity(setup: Setup, who: Identity, session: boto3.Session, pair: Pair) -> Iterator[Finding]:
    """What there is to say of good credentials for this app."""
    accounts = setup.expected.accounts
    if accounts and who.account not in accounts:
        yield _other_account(setup, who.account, f"{who.arn} is of account {who.account}", "by sts:GetCallerIdentity")
    if who.arn.endswith(":root"):
        yield _root(who)
    for region, whose in setup.expected.regions.items():
        if partition_of(region) != who.partition:
            yield other_partition(region, who.partition, f"{who.arn}; {whose} names {region}")
        elif region not in known_regions():
            # A Region newer than botocore's list answers.
            if time_of_aws(region, setup.address).ahead is None:
                yield unknown_region(Chosen(name=region, by=whose), region)
        elif region in OPT_IN_REGIONS and region != who.region:
            status = status_of_region(session, region, setup.address)
            if status in ("DISABLED", "DISABLING", "ENABLING"):
                yield not_enabled(region, status, pair, f"{whose} names {region}")


def _other_account(setup: Setup, account: str, seen: str, how: str) -> Finding:
    named = "; ".join(f"{whose} says {each}" for each, whose in setup.expected.accounts.items())
    wanted = next(iter(setup.expected.accounts))
    theirs = [name for name in setup.files.profiles if account_of_profile(setup, name) == wanted]
    near = theirs[0] if theirs else ""
    return Finding(
        name="other-account",
        severity="error",
        title="the keys are of another account than the app expects",
        seen=f"{seen}; {named}",
        means=f"the CDK CLI stops with 'Need to perform AWS calls for account {wanted}', unless that account's "
        f"bootstrap trusts {account}",
        todo=f"the profile {near!r} names that account: use it"
        if near
        else "use credentials of that account, or correct the account of the app",
        command=(f"raytrail doctor --profile {quote(near)}",) if near else ("aws configure list-profiles",),
        decided=how,
    )


def _root(who: Identity) -> Finding:
    return Finding(
        name="root-user",
        severity="warning",
        title="these are keys of the account's root user",
        seen=who.arn,
        means="root cannot assume the roles of the bootstrap, so the CDK CLI goes on with all of root's power and a "
        "warning; root's keys cannot be limited, and the kit's own alerts speak of each use",
        todo="deploy as a role or a user, and delete root's keys",
        command=("aws configure sso",),
    )
