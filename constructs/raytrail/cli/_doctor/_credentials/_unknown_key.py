"""The one error for many causes, "The security token included in the request is invalid", told apart.

AWS answers InvalidClientTokenId alike for a key that never was, was deleted or deactivated, for a temporary key without
its token or with another's, for a long-term key with any token, for keys of another partition, and in a Region that the
account has not enabled. What the key's ID says, what lies beside it, and what another Region answers tell them apart,
in this order; where that does not decide, `decided` says so, and what would.
"""

from __future__ import annotations

from shlex import quote

from raytrail.cli._aws import session_of
from raytrail.cli._doctor._credentials._call import at_home, status_of_region
from raytrail.cli._doctor._credentials._environment import account_of_profile
from raytrail.cli._doctor._credentials._key import Key, read_key
from raytrail.cli._doctor._credentials._setup import Pair, Setup
from raytrail.cli._doctor._model import Finding
from raytrail.cli._refusals import brief_key
from raytrail.cli._regions import OPT_IN_REGIONS, partition_of


def tell_apart(setup: Setup, pair: Pair, code: str, region: str) -> Finding:
    """Say which of the causes it is that AWS does not know a key.

    Args:
        setup: What else is configured.
        pair: The key that was refused.
        code: AWS's code.
        region: Where it was refused.
    """
    key = read_key(pair.key_id)
    return (
        by_form(setup, pair, code)
        or _good_elsewhere(setup, pair, region, code)
        or (_token_stale(setup, pair, code) if pair.token else _deleted_or_inactive(setup, pair, key, code))
    )


def by_form(setup: Setup, pair: Pair, code: str) -> Finding | None:
    """What no key of AWS's can be, or be used with; this needs no answer of AWS's."""
    key = read_key(pair.key_id)
    # An emulator makes keys of another form.
    if setup.address is None and key.kind == "local":
        return _of_emulator(pair, code)
    if setup.address is None and key.flaw:
        return impossible_key(setup, pair, key, code)
    if key.kind == "temporary" and not pair.token:
        return _token_missing(setup, pair, code)
    if key.kind == "long-term" and pair.token:
        return _token_left_over(setup, pair, code)
    return None


def impossible_key(setup: Setup, pair: Pair, key: Key, code: str) -> Finding:
    """An ID that no access key can have."""
    return Finding(
        name="key-invalid",
        severity="error",
        title="the access key ID is none",
        seen=f"{brief_key(pair.key_id)} from {pair.place}: {key.flaw}",
        means=f"no account ever had this key ({code})",
        todo="copy the ID again from where the key was made; the secret is shown only then, so where it is lost, make "
        "a new key",
        command=_anew(setup, pair),
        decided="by the form of the ID alone; AWS answers the same for a key that was deleted",
    )


def _of_emulator(pair: Pair, code: str) -> Finding:
    return Finding(
        name="local-credentials",
        severity="error",
        title="AWS is asked with the key of an emulator",
        seen=f"the access key is {pair.key_id!r}, from {pair.place} ({code})",
        means="it was left over from a local run, as `raytrail local` prints it; AWS knows no such key",
        todo="unset it to ask AWS, or point at the emulator with --endpoint",
        command=("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_ENDPOINT_URL",),
        decided="keys of AWS begin with AKIA or ASIA; an account id or a word such as test is what emulators take",
    )


def _token_missing(setup: Setup, pair: Pair, code: str) -> Finding:
    stray = setup.variable("AWS_SESSION_TOKEN") and pair.method != "env"
    beside = "; the environment has AWS_SESSION_TOKEN, which does not count for a profile's key" if stray else ""
    return Finding(
        name="session-token-missing",
        severity="error",
        title="a temporary key is used without its session token",
        seen=f"{pair}{beside}",
        means=f"AWS takes a temporary key only together with the token that it was issued with ({code})",
        todo="export or write all three of one session: the ID, the secret and the token",
        command=_anew(setup, pair),
        decided="the ID begins with ASIA, so the key is temporary, and there is no token; AWS answers the same for a "
        "deleted key",
    )


def _token_left_over(setup: Setup, pair: Pair, code: str) -> Finding:
    name = setup.token_of_environment.by if pair.method == "env" else "aws_session_token"
    command = (f"unset {name}",) if pair.method == "env" else _anew(setup, pair)
    return Finding(
        name="session-token-left-over",
        severity="error",
        title="a long-term key is used with a session token",
        seen=f"{pair}; the token stands in {name}",
        means=f"a long-term key has no token; with one that is left over from another session AWS refuses it ({code})",
        todo="take the token away",
        command=command,
        decided="the ID begins with AKIA, so the key is long-term; if it is still refused without the token, it was "
        "deleted or deactivated",
    )


def _good_elsewhere(setup: Setup, pair: Pair, region: str, code: str) -> Finding | None:
    """The same key, where a Region that every account has knows it."""
    # The key of an emulator is not shown to AWS.
    home = at_home(pair, region) if setup.address is None else None
    if home is None or home.identity is None:
        return None
    who, knows = home.identity, home.identity.region
    if who.partition != partition_of(region):
        return other_partition(
            region, who.partition, f"AWS does not know {pair} in {region} ({code}), and {knows} knows it as {who.arn}"
        )
    if region not in OPT_IN_REGIONS:
        return Finding(
            name="region-refuses",
            severity="error",
            title=f"{region} refuses a key that {knows} takes",
            seen=f"{pair}: {code} in {region}, {who.arn} in {knows}",
            means="the Region was opened after this version of raytrail, or STS is deactivated in it",
            todo="look at the Region under Account, and at STS under IAM > Account settings; or take another Region",
            command=(f"aws account get-region-opt-status --region-name {region}",),
        )
    session = session_of(pair.key_id, pair.secret, pair.token)
    return not_enabled(
        region, status_of_region(session, region, None), pair, f"{code} in {region}, while {knows} knows it"
    )


def not_enabled(region: str, status: str, pair: Pair | None, seen: str) -> Finding:
    """An opt-in Region that refuses a good key: it is not enabled, or the token is of the global endpoint."""
    temporary = pair is not None and bool(pair.token)
    if status in ("ENABLED", "ENABLED_BY_DEFAULT") and temporary:
        return Finding(
            name="token-of-global-endpoint",
            severity="error",
            title=f"{region} takes no session token of the global STS endpoint",
            seen=f"{pair}: {seen}; the account has enabled {region}",
            means="the global endpoint issues tokens that only the Regions know that every account has",
            todo="sign in again by a Regional endpoint, or let the account's global endpoint issue tokens for all",
            command=(
                "export AWS_STS_REGIONAL_ENDPOINTS=regional",
                "aws iam set-security-token-service-preferences --global-endpoint-token-version v2Token",
            ),
            decided="the Region is enabled and the key is good in another, so what remains is the kind of its token",
        )
    states = {"ENABLING": "it is being enabled, which can take hours", "DISABLING": "it is being disabled"}
    unsure = (
        "the credentials may not ask whether it is enabled; where it is, a token of the global STS endpoint is refused "
        "in the same words (sign in with AWS_STS_REGIONAL_ENDPOINTS=regional)"
    )
    return Finding(
        name="region-not-enabled",
        severity="error",
        title=f"the account has not enabled {region}",
        seen=f"{pair or 'the credentials'}: {seen}{f'; {states[status]}' if status in states else ''}",
        means="Regions opened since 2019 are off until an account enables them, and know none of its keys until then",
        todo="wait" if status == "ENABLING" else "enable the Region (it takes minutes to hours), or take another",
        command=(f"aws account enable-region --region-name {region}",) if status != "ENABLING" else (),
        decided=f"the account says {status}" if status else unsure,
    )


def other_partition(region: str, partition: str, seen: str) -> Finding:
    """Keys of one partition, for a Region of another."""
    return Finding(
        name="other-partition",
        severity="error",
        title=f"the keys are of the partition {partition}, and {region} is of {partition_of(region)}",
        seen=seen,
        means="partitions share nothing: no accounts, keys, roles or ARNs; an account in one is no account in another",
        todo=f"use a profile with keys of {partition_of(region)}, or a Region of {partition}",
        command=("aws configure list-profiles",),
    )


def _token_stale(setup: Setup, pair: Pair, code: str) -> Finding:
    other = next(
        (
            name
            for name, section in setup.files.profiles.items()
            if section.get("aws_access_key_id") == pair.key_id
            and (section.get("aws_session_token") or section.get("aws_security_token")) not in (None, pair.token)
        ),
        "",
    )
    evidence = (
        f"the profile {other!r} has the same key with another token"
        if other
        else "nothing else here has this key. A token that has merely ended is refused in other words (ExpiredToken), "
        "so it is another session's or cut short, or the session's role was deleted; that AWS does not tell"
    )
    blanks = "; the token has blanks or line breaks" if pair.token != "".join(pair.token.split()) else ""
    return Finding(
        name="session-token-stale",
        severity="error",
        title="the session token is not that of this key",
        seen=f"{pair}{blanks}",
        means=f"the ID, the secret and the token must be of one session; one of them was renewed without the others "
        f"({code})",
        todo="renew all three together",
        command=_anew(setup, pair),
        decided=evidence,
    )


def _deleted_or_inactive(setup: Setup, pair: Pair, key: Key, code: str) -> Finding:
    known = {
        **setup.expected.accounts,
        **{
            account: f"the profile {name!r}"
            for name in setup.files.profiles
            if setup.files.static(name) != key.id and (account := account_of_profile(setup, name))
        },
    }
    if key.account is None:
        typed = "the ID is too old to say its account, so a slip of the pen cannot be told from a deleted key"
    elif key.account in known:
        typed = (
            f"the ID encodes the account {key.account}, which is that of {known[key.account]}, so it is typed right as "
            "far as that; a slip in its last letters cannot be excluded"
        )
    else:
        typed = (
            f"the ID encodes the account {key.account}, which nothing here names: if it is none of yours, a letter of "
            "the ID is wrong"
        )
    user = "--user-name NAME"
    return Finding(
        name="key-deleted-or-inactive",
        severity="error",
        title="the access key was deleted or deactivated",
        seen=str(pair),
        means=f"AWS knows no active key of this ID ({code})",
        todo="ask with other credentials of the account: a key that is listed as Inactive can be activated, one that "
        "is not listed is gone, and a new one must be made",
        command=(
            f"aws iam list-access-keys {user}{f'  # in account {key.account}' if key.account else ''}",
            f"aws iam update-access-key {user} --access-key-id {key.id[:4]}... --status Active",
        ),
        decided=f"{typed}. Deleted, inactive and never made are one answer of AWS's; the list tells them apart",
    )


def _anew(setup: Setup, pair: Pair) -> tuple[str, ...]:
    """What to type to have the credentials of a place anew."""
    if pair.method == "env":
        # One that was chosen, or the only one: of several none is guessed.
        others = [name for name in setup.files.profiles if name != "default"]
        one = setup.chosen.name if setup.chosen.name in others else others[0] if len(others) == 1 else ""
        export = (f'eval "$(aws configure export-credentials --profile {quote(one)} --format env)"',) if one else ()
        return ("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN", *export)
    if pair.method == "sso":
        return (f"aws sso login{setup.profile_option()}",)
    if pair.method == "login":
        return (f"aws login{setup.profile_option()}",)
    if pair.method == "custom-process":
        return (f"aws configure get credential_process{setup.profile_option()}",)
    return (written_anew(setup, pair),) if pair.profile else ()


def written_anew(setup: Setup, pair: Pair) -> str:
    """What to type to write the key of a profile anew; `aws configure` asks for no session token."""
    if pair.token or read_key(pair.key_id).kind == "temporary":
        return f"${{EDITOR:-vi}} {quote(str(setup.files.holding(pair.profile)))}"
    same = pair.profile == setup.chosen.name
    return f"aws configure{setup.profile_option() if same else f' --profile {quote(pair.profile)}'}"
