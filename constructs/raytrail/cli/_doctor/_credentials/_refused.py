"""What AWS's refusal of credentials means, as a finding."""

from __future__ import annotations

import re
from shlex import quote

from botocore.exceptions import ClientError, HTTPClientError

from raytrail.cli._doctor._credentials._key import read_key
from raytrail.cli._doctor._credentials._loading import chain, profile_with, source_pair
from raytrail.cli._doctor._credentials._network import unknown_region
from raytrail.cli._doctor._credentials._place import clock
from raytrail.cli._doctor._credentials._setup import Pair, Setup
from raytrail.cli._doctor._credentials._signed_in import sso_token
from raytrail.cli._doctor._credentials._unknown_key import impossible_key, not_enabled, tell_apart, written_anew
from raytrail.cli._doctor._credentials._unloadable import RENEW_PROCESS, line_of_process
from raytrail.cli._doctor._model import Finding
from raytrail.cli._refusals import TOLERATED_SECONDS, Meaning, code_of, meaning_of, said_by


def why_refused(setup: Setup, pair: Pair | None, error: ClientError, region: str, ahead: float | None) -> Finding:
    """Say why AWS refused to say who one is, or to let a role be assumed.

    Args:
        setup: What else is configured.
        pair: The credentials; None where they were to be had by the call that was refused.
        error: AWS's answer.
        region: Where it was asked.
        ahead: How many seconds this machine's clock is ahead of AWS's; None where that is not known.
    """
    code, said, meaning = code_of(error), said_by(error), meaning_of(error)
    of_call = {"AssumeRoleWithWebIdentity": _web_identity, "GetRoleCredentials": _sso_role}.get(error.operation_name)
    if meaning is Meaning.THROTTLED:
        return _throttled(error.operation_name, f"{code}: {said}")
    if of_call:
        return of_call(setup, code, said)
    if meaning is Meaning.WRONG_SECRET and ahead is not None and abs(ahead) > TOLERATED_SECONDS:
        meaning = Meaning.WRONG_CLOCK
    used = pair or source_pair(setup)
    refused = f"{error.operation_name} was refused with {code}: {said}"
    says = {
        Meaning.WRONG_CLOCK: lambda: clock(ahead, f"{code}: {said}", refused=True),
        Meaning.WRONG_REGION: lambda: unknown_region(setup.region_for_raytrail(), region),
        Meaning.UNKNOWN_KEY: lambda: tell_apart(setup, used, code, region),
        Meaning.EXPIRED: lambda: _expired(setup, used, code),
        Meaning.WRONG_SECRET: lambda: _wrong_secret(setup, used, code, ahead),
        Meaning.NOT_ENABLED: lambda: not_enabled(region, "", pair, f"{code}: {said}"),
    }
    if not used.key_id:
        says[Meaning.UNKNOWN_KEY] = says[Meaning.WRONG_SECRET] = lambda: _unseen(setup, used, code, refused, meaning)
    if meaning in says:
        return says[meaning]()
    if error.operation_name == "AssumeRole" and meaning is Meaning.DENIED:
        return _role(setup, code, said)
    if error.operation_name == "AssumeRole" and code == "ValidationError":
        return _role_settings(setup, said)
    return _other(used, refused)


def _other(pair: Pair, said: str) -> Finding:
    return Finding(
        name="refused",
        severity="error",
        title="AWS refuses the credentials, for a reason that is not known here",
        seen=f"{pair}: {said}",
        means="nothing else can be looked at",
        todo="look the code up in the AWS documentation",
        command=("aws sts get-caller-identity --debug",),
    )


def _unseen(setup: Setup, pair: Pair, code: str, refused: str, meaning: Meaning) -> Finding:
    """A key for a role that botocore alone has seen, mostly one that a program wrote."""
    if pair.method != "custom-process":
        return _other(pair, refused)
    wrong_secret = meaning is Meaning.WRONG_SECRET
    return Finding(
        name="wrong-secret" if wrong_secret else "key-of-process-unknown",
        severity="error",
        title="the secret is not that of the access key" if wrong_secret else "AWS does not know the key of a program",
        seen=str(pair),
        means=f"AWS knows the key, and the signature was made with another secret ({code})"
        if wrong_secret
        else f"the key was deleted or deactivated, or it and its token are not of one session ({code})",
        todo=f"{RENEW_PROCESS}; the ID, the secret and the token that it writes must be of one session",
        command=(line_of_process(profile_with(setup, "credential_process")),),
        decided="" if wrong_secret else "AWS gives one answer for all of these, and what the program wrote is not seen",
    )


def _throttled(call: str, said: str) -> Finding:
    return Finding(
        name="refused",
        severity="error",
        title="AWS throttles the calls of this account",
        seen=f"{call} was answered with {said}",
        means="of the credentials nothing is said by this",
        todo="ask again in a minute; if it stays so, look what calls so often",
        command=("raytrail doctor",),
    )


def _role_settings(setup: Setup, said: str) -> Finding:
    profile = profile_with(setup, "role_arn") or setup.chosen.name
    names = ("role_arn", "role_session_name", "duration_seconds", "external_id", "mfa_serial")
    there = [name for name in names if name in setup.files.profiles.get(profile, {})]
    return Finding(
        name="profile-incomplete",
        severity="error",
        title=f"STS does not take what the profile {profile!r} says of the role",
        seen=f"{said} (ValidationError)",
        means="a setting of the profile has not the form or the size that is allowed; duration_seconds is at most the "
        "role's own maximum, and an hour where a role assumes another",
        todo=f"correct the setting that AWS names (the profile has {', '.join(there)})",
        command=(f"${{EDITOR:-vi}} {quote(str(setup.files.config.path))}",),
    )


def bad_header(setup: Setup, pair: Pair, error: Exception | None) -> Finding | None:
    """Credentials that cannot even stand in a request; None where that is not the error."""
    if not isinstance(error, HTTPClientError) or not isinstance(error.kwargs.get("error"), ValueError):
        return None
    key = read_key(pair.key_id)
    if key.flaw:
        return impossible_key(setup, pair, key, "the call could not be sent")
    if pair.token.isascii() and pair.token.isprintable():
        # It is something else that cannot be sent to, as a proxy whose URL is none.
        return None
    return Finding(
        name="session-token-malformed",
        severity="error",
        title="the session token has a line break or a letter that no token has",
        seen=str(pair),
        means="it cannot stand in the header of a request, so nothing was sent",
        todo="copy it again, in one line",
        decided="the request could not be built with it, and the ID of the key has the form of one",
    )


def _expired(setup: Setup, pair: Pair, code: str) -> Finding:
    command: tuple[str, ...]
    if pair.method == "env":
        todo, command = (
            "export fresh credentials, or unset them and use a profile",
            ("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",),
        )
    elif name := profile_with(setup, "sso_session", "sso_start_url"):
        todo, command = "sign in again", (f"aws sso login --profile {quote(name)}",)
    elif pair.method == "custom-process":
        name = profile_with(setup, "credential_process")
        todo, command = f"{RENEW_PROCESS}; let it write Expiration, too", (line_of_process(name),)
    else:
        todo, command = "have a new session written where this one is", _anew_there(setup, pair)
    return Finding(
        name="token-expired",
        severity="error",
        title="the session has ended",
        seen=str(pair),
        means=f"AWS knows the key and the token, and their time has passed ({code})",
        todo=todo,
        command=command,
        decided="AWS has words of its own for this, and says them only where the key and the token fit together",
    )


def _wrong_secret(setup: Setup, pair: Pair, code: str, ahead: float | None) -> Finding:
    form = _form_of_secret(pair.secret)
    measured = (
        f"the clock is right ({abs(ahead):.0f} s off), which would have been the other cause"
        if ahead is not None
        else "a wrong clock would be refused in words of time"
    )
    place = "AWS_SECRET_ACCESS_KEY" if pair.method == "env" else f"aws_secret_access_key of {pair.place}"
    return Finding(
        name="wrong-secret",
        severity="error",
        title="the secret is not that of the access key",
        seen=f"{pair}{f'; {form}' if form else ''}",
        means=f"AWS knows the key, and the signature was made with another secret ({code})",
        todo=f"set {place} anew; where it is lost, make a new key, for AWS shows a secret once",
        command=("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",)
        if pair.method == "env"
        else _anew_there(setup, pair),
        decided=f"AWS looks the key up before it looks at the signature, so the key is there; {measured}",
    )


def _anew_there(setup: Setup, pair: Pair) -> tuple[str, ...]:
    return (written_anew(setup, pair),) if pair.profile else ()


def _form_of_secret(secret: str) -> str:
    """What is odd about a secret, without a letter of it."""
    if secret != secret.strip() or any(letter.isspace() for letter in secret):
        return "the secret has blanks or line breaks"
    if secret[:1] in ("'", '"') or secret[-1:] in ("'", '"'):
        return "the secret has quotation marks, which the AWS configuration takes for letters of it"
    if len(secret) != 40:
        return f"the secret has {len(secret)} characters, and secrets have 40"
    return ""


_NOT_AUTHORIZED = re.compile(r"User: (\S+) is not authorized to perform: sts:AssumeRole on resource: (\S+)")
"""How STS names whom it refuses which role; of several roles of a chain, only this says which it was."""


def _role(setup: Setup, code: str, said: str) -> Finding:
    if "MultiFactorAuthentication" in said:
        return _wrong_code(setup, code, said)
    named = _NOT_AUTHORIZED.search(said)
    caller, role = named.groups() if named else ("", "")
    first = profile_with(setup, "role_arn") or setup.chosen.name
    profile = next((name for name in chain(setup) if setup.files.profiles[name].get("role_arn") == role), first)
    section = setup.files.profiles.get(profile, {})
    role = role or str(section.get("role_arn", "the role"))
    source = str(section.get("source_profile", ""))
    mfa = "" if "mfa_serial" in section else ", or the role asks for MFA, and the profile has no mfa_serial"
    return Finding(
        name="role-not-assumable",
        severity="error",
        title=f"the role of the profile {profile!r} cannot be assumed",
        seen=f"{_who_assumes(setup, source, caller)} may not assume {role}: {said} ({code})",
        means="the role does not exist, or its trust policy does not name who asks, or the policies of who asks do not "
        f"allow sts:AssumeRole on it{mfa}",
        todo="look at both policies with credentials of the role's account",
        command=(
            f"aws iam get-role --role-name {quote(role.rsplit('/', 1)[-1])} --query Role.AssumeRolePolicyDocument",
            "aws sts get-caller-identity" + (f" --profile {quote(source)}" if source else ""),
        ),
        decided="AWS gives one answer for all of these, so that nobody can find out which roles there are",
    )


def _who_assumes(setup: Setup, source: str, caller: str) -> str:
    """Who asked for a role: the role of the source profile where that has one, otherwise the key at the chain's end."""
    if ":assumed-role/" in caller and "role_arn" in setup.files.profiles.get(source, {}):
        return f"the role of the profile {source!r} ({caller})"
    return str(source_pair(setup))


def _wrong_code(setup: Setup, code: str, said: str) -> Finding:
    device = setup.files.profiles.get(profile_with(setup, "mfa_serial"), {}).get("mfa_serial", "not set")
    return Finding(
        name="mfa-code-wrong",
        severity="error",
        title="the code of the MFA device was refused",
        seen=f"{said} ({code})",
        means="the code was mistyped, used a moment ago, or is of another device than mfa_serial names",
        todo=f"wait for the next code; mfa_serial is {device}",
        command=("aws iam list-mfa-devices",),
    )


def _web_identity(setup: Setup, code: str, said: str) -> Finding:
    expired = "xpired" in code or "expired" in said.lower()
    return Finding(
        name="web-identity-token-refused",
        severity="error",
        title="the web identity token has expired" if expired else "the role does not take the web identity token",
        seen=f"{said} ({code})",
        means="the token in the file is old"
        if expired
        else "the role's trust policy names another provider, audience or subject than the token has",
        todo="let the pod or the workflow write a new token"
        if expired
        else "compare the trust policy with the token's iss, aud and sub (for GitHub: permissions id-token: write, and "
        "the subject repo:OWNER/NAME:...)",
        command=("aws iam list-open-id-connect-providers",),
    )


def _sso_role(setup: Setup, code: str, said: str) -> Finding:
    profile = profile_with(setup, "sso_account_id") or setup.chosen.name
    section = setup.files.profiles.get(profile, {})
    signed_in = "; the sign-in itself is good" if sso_token(setup, profile).ended is None else ""
    return Finding(
        name="sso-role-refused",
        severity="error",
        title="the SSO sign-in may not take the profile's role",
        seen=f"{section.get('sso_role_name')} in account {section.get('sso_account_id')}: {said} ({code}){signed_in}",
        means="the person has not that permission set in that account, or the profile names one of them wrongly",
        todo="list what the person has, or ask who assigns permission sets",
        command=(f"aws configure sso --profile {quote(profile)}",),
    )
