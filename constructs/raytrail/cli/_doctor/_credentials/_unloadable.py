"""Why credentials could not be had: what stands in a profile, and what its helpers did."""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
from collections.abc import Callable
from shlex import quote

from botocore import exceptions as boto

from raytrail.cli._doctor._credentials._environment import KEYS
from raytrail.cli._doctor._credentials._loading import NobodyToAsk, chain, mfa_device, profile_with
from raytrail.cli._doctor._credentials._setup import Setup, read_time
from raytrail.cli._doctor._credentials._signed_in import login_ended, login_needs_crt, sso_ended
from raytrail.cli._doctor._model import Finding
from raytrail.cli._terminal import listed


def why_unloadable(setup: Setup, error: Exception) -> Finding | None:
    """What kept the credentials from being had on this machine; None where AWS or the network is to blame."""
    for kinds, say in _CAUSES:
        if isinstance(error, kinds):
            return say(setup, error)
    return None


def _no_profile(setup: Setup, error: Exception) -> Finding:
    name, by = setup.chosen.name, setup.chosen.by
    known = sorted(setup.files.profiles)
    if not name:
        return Finding(
            name="profile-not-found",
            severity="error",
            title=f"{by} is set, and empty",
            seen=f"{by} has no letters",
            means="boto3 looks for a profile without a name and refuses everything; the CDK CLI takes it for not set",
            todo="unset the variable",
            command=(f"unset {by}",),
        )
    near = difflib.get_close_matches(name, known, n=3)
    misplaced = setup.files.misplaced(name)
    by_keys = f"; or unset {by}, and the keys of the environment are used" if setup.keys_of_environment else ""
    have = f"the files have: {listed(known)}" if known else "no profile at all is configured"
    return Finding(
        name="profile-not-found",
        severity="error",
        title=f"there is no profile {name!r}",
        seen=f"{by} says {name}; {misplaced or have}",
        means="boto3 refuses everything, even where the environment has keys, if a variable chose the profile",
        todo=(
            f"mend the heading: {misplaced}"
            if misplaced
            else f"did you mean {listed(near, 'or')}?"
            if near
            else "take a profile that is there, or make this one"
        )
        + by_keys,
        command=(*_to_a_profile(name, near, misplaced), *((f"unset {by}",) if by_keys else ())),
        decided=f"looked for in {setup.files.config.path} and {setup.files.credentials.path}",
    )


def _to_a_profile(name: str, near: list[str], misplaced: str) -> tuple[str, ...]:
    """What to type to come to a profile that is there, or to make the one that is not."""
    if near and not misplaced:
        return (f"raytrail doctor --profile {quote(near[0])}",)
    return ("aws configure list-profiles", *(() if misplaced else (f"aws configure sso --profile {quote(name)}",)))


def _half_a_key(setup: Setup, error: Exception) -> Finding:
    # Botocore says what is missing, never what is there.
    missing = str(getattr(error, "kwargs", {}).get("cred_var", "the secret"))
    provider = str(getattr(error, "kwargs", {}).get("provider", ""))
    half = next((name for name in chain(setup) if _is_half(setup, name)), setup.chosen.name)
    if provider == "assume-role" and not _is_half(setup, half):
        return _incomplete(setup, f"the profile has a role_arn, and no {missing}")
    place = "the environment" if provider == "env" else f"the profile {half!r}"
    return Finding(
        name="key-without-secret",
        severity="error",
        title="an access key has no secret",
        seen=f"{place} has an access key ID, and no {missing}",
        means="boto3 stops here, and does not look on in other places",
        todo="set both, or take both away",
        command=(f"unset {missing} AWS_ACCESS_KEY_ID AWS_SESSION_TOKEN",)
        if provider == "env"
        else (f"aws configure --profile {quote(half)}",),
    )


def _is_half(setup: Setup, profile: str) -> bool:
    section = setup.files.profiles.get(profile, {})
    return "aws_access_key_id" in section and "aws_secret_access_key" not in section


def _loop(setup: Setup, error: Exception) -> Finding:
    visited = [str(name) for name in getattr(error, "kwargs", {}).get("visited_profiles", ())]
    again = str(getattr(error, "kwargs", {}).get("source_profile", ""))
    return Finding(
        name="profile-loop",
        severity="error",
        title="profiles take their credentials from each other",
        seen=f"source_profile leads {' > '.join([*visited, again])}",
        means="none of them has keys, a sign-in or a credential_source of its own",
        todo=f"let the last, {visited[-1] if visited else again}, name a profile with credentials",
    )


def _wrong_settings(setup: Setup, error: Exception) -> Finding:
    for name in (setup.chosen.name, *setup.files.profiles):
        source = str(setup.files.profiles.get(name, {}).get("source_profile", ""))
        if source and source not in setup.files.profiles and f'"{source}"' in str(error):
            near = difflib.get_close_matches(source, setup.files.profiles, n=1)
            return Finding(
                name="source-profile-missing",
                severity="error",
                title=f"the source_profile of {name!r} does not exist",
                seen=f"the profile {name} has source_profile = {source}"
                f"{f'; {misplaced}' if (misplaced := setup.files.misplaced(source)) else ''}",
                means="the role cannot be assumed without the credentials of that profile",
                todo=f"did you mean {near[0]}?" if near else "name a profile that is there",
                command=(f"aws configure set source_profile {quote(near[0])} --profile {quote(name)}",) if near else (),
            )
    return _incomplete(setup, " ".join(str(error).split()).rstrip("."))


def _incomplete(setup: Setup, what: str) -> Finding:
    return Finding(
        name="profile-incomplete",
        severity="error",
        title=f"the settings of the profile {setup.chosen.name!r} do not make credentials",
        seen=what,
        means="boto3 stops here, and does not look on in other places",
        todo="complete the profile, or take another with --profile",
        command=(f"aws configure list{setup.profile_option()}",),
    )


def _needs_mfa(setup: Setup, error: Exception) -> Finding:
    device = mfa_device(setup)
    profile = profile_with(setup, "mfa_serial") or setup.chosen.name
    return Finding(
        name="mfa-needed",
        severity="error",
        title="the role needs the code of an MFA device, and nobody is here to type it",
        seen=f"the profile {profile} has mfa_serial = {device}; standard input is no terminal",
        means="in a terminal boto3 and the CDK CLI ask for the code; in a pipe or in CI they cannot. boto3 asks each "
        "program anew, for it keeps no assumed role",
        todo="run this in a terminal, or export a session first, which every program then uses; in CI take a role that "
        "needs no device, by OIDC",
        command=(f'eval "$(aws configure export-credentials --profile {quote(setup.chosen.name)} --format env)"',),
    )


def _nothing(setup: Setup, error: Exception) -> Finding:
    looked = ["the environment", str(setup.files.credentials.path), str(setup.files.config.path)]
    disabled = setup.variable("AWS_EC2_METADATA_DISABLED").lower() == "true"
    looked.append(
        "not the instance's role (AWS_EC2_METADATA_DISABLED is true)"
        if disabled
        else "the instance's role (169.254.169.254 does not answer)"
    )
    others = sorted(name for name in setup.files.profiles if name != setup.chosen.name)
    unheaded = list(setup.files.unheaded())
    hint = f"; [{unheaded[0]}] of {setup.files.config.path} is no profile without the word profile" if unheaded else ""
    command: tuple[str, ...]
    todo, command = "sign in, or set up keys", ("aws configure sso", "aws login")
    if others:
        one = quote(others[0]) if len(others) == 1 else "NAME"
        todo, command = f"choose a profile: {listed(others[:8], 'or')}", (f"export AWS_PROFILE={one}",)
    return Finding(
        name="no-credentials",
        severity="error",
        title="there are no credentials",
        seen=f"looked at {listed(looked)}; the profile is {setup.chosen.name!r}{hint}",
        means="no call can be signed, so nothing of the account can be looked at",
        todo=todo,
        command=command,
    )


def _helper_failed(setup: Setup, error: Exception) -> Finding | None:
    """A program or a file that botocore takes credentials from; its words may hold secrets and are not repeated."""
    if setup.keys_of_environment:
        # These come before any helper, and of them only the time is parsed.
        return _no_time(setup) if setup.variable("AWS_CREDENTIAL_EXPIRATION") else None
    if token_file := _token_file(setup):
        empty = isinstance(error, boto.ParamValidationError)
        return _no_token_file(token_file) if empty or not os.access(token_file[0], os.R_OK) else None
    if name := profile_with(setup, "credential_process"):
        return _process_failed(setup, name, error)
    if setup.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") or setup.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        return _container_failed(setup)
    if name := profile_with(setup, "credential_source"):
        return _no_source(setup, name)
    return None


def _no_time(setup: Setup) -> Finding:
    text = setup.variable("AWS_CREDENTIAL_EXPIRATION")
    return Finding(
        name="credentials-unreadable",
        severity="error",
        title="AWS_CREDENTIAL_EXPIRATION is no time that botocore understands",
        seen=f"it is {text!r}" + (", without a time zone" if read_time(text) else ""),
        means="boto3 stops here; the keys themselves were not looked at",
        todo="unset the variable, or export a time such as 2026-01-01T08:00:00Z",
        command=("unset AWS_CREDENTIAL_EXPIRATION",),
    )


_SOURCES = {
    "Environment": "the environment has no AWS_ACCESS_KEY_ID",
    "Ec2InstanceMetadata": "no instance of EC2 with a role answers (169.254.169.254)",
    "EcsContainer": "the environment names no container's credentials",
}


def _no_source(setup: Setup, name: str) -> Finding:
    source = str(setup.files.profiles[name]["credential_source"])
    return Finding(
        name="no-credentials",
        severity="error",
        title=f"the credential_source of {name!r} has no credentials",
        seen=f"the profile {name} has credential_source = {source}; {_SOURCES.get(source, 'it gives none')}",
        means="the role cannot be assumed without the credentials of that source",
        todo="run this where the source is, or let the profile name a source_profile instead",
        command=(f"aws configure list --profile {quote(name)}",),
    )


def _process_failed(setup: Setup, name: str, error: Exception) -> Finding:
    line = str(setup.files.profiles[name]["credential_process"])
    try:
        program = shlex.split(line)[0]
    except (ValueError, IndexError):
        program = line.split(" ", maxsplit=1)[0]
    if shutil.which(program) is None:
        seen = f"{program} is not there, or may not be run"
    elif isinstance(error, boto.CredentialRetrievalError):
        said = str(error.kwargs.get("error_msg", ""))
        ours = said.startswith(("Unsupported version", "Missing required key"))
        seen = f"{program} {f'wrote what is no answer: {said}' if ours else 'ended with an error'}"
    else:
        seen = f"{program} did not write the JSON that is asked of it"
    return Finding(
        name="credential-process-failed",
        severity="error",
        title=f"the credential_process of {name!r} gives no credentials",
        seen=seen,
        means="botocore starts it without a shell, so neither ~ nor variables nor pipes in it are understood",
        todo="run what stands in the profile by hand; it must write JSON with Version 1, AccessKeyId and "
        "SecretAccessKey (what it says is not repeated here, because it may hold a secret)",
        command=(line_of_process(name),),
    )


def _token_file(setup: Setup) -> tuple[str, str] | None:
    """The file of a web identity, and what names it."""
    if setup.profile is None and (path := setup.variable("AWS_WEB_IDENTITY_TOKEN_FILE")):
        return path, "AWS_WEB_IDENTITY_TOKEN_FILE"
    if name := profile_with(setup, "web_identity_token_file"):
        return str(setup.files.profiles[name]["web_identity_token_file"]), f"the profile {name!r}"
    return None


def _no_token_file(file: tuple[str, str]) -> Finding:
    path, by = file
    variable = by.startswith("AWS_")
    state = "does not exist, or may not be read"
    if os.access(path, os.R_OK):
        state = "holds no token"
    return Finding(
        name="web-identity-token-missing",
        severity="error",
        title="the file of the web identity token cannot be read",
        seen=f"{by} names {path}, which {state}",
        means="the role cannot be assumed with it; where a variable names it, it also wins over a profile that a "
        "variable chose",
        todo="unset the variables, if they are left over from a pod or a workflow; there, look at how it is mounted"
        if variable
        else "correct the path; botocore does not expand ~ in it",
        command=("unset AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN",) if variable else (f"ls -l {quote(path)}",),
    )


def _container_failed(setup: Setup) -> Finding:
    names = [name for name in sorted(setup.environment) if name.startswith("AWS_CONTAINER_CREDENTIALS_")]
    return Finding(
        name="container-credentials-failed",
        severity="error",
        title="the container's credentials cannot be had",
        seen=f"{listed(names)} {'is' if len(names) == 1 else 'are'} set, and nothing there answers as it should",
        means="botocore stops here",
        todo="outside of a container or CloudShell, unset the variable",
        command=(f"unset {' '.join(names)}",),
    )


RENEW_PROCESS = "run the program by hand, and sign in anew where it takes its session from, or empty its cache"


def line_of_process(profile: str) -> str:
    """What to type to see the program of a profile; it is not repeated here, because it may hold a secret."""
    return f"aws configure get credential_process --profile {quote(profile)}"


def _ended(setup: Setup, error: Exception) -> Finding | None:
    if "still expired" not in str(error):
        return None
    name = "" if setup.keys_of_environment else profile_with(setup, "credential_process")
    if name:
        seen = f"the Expiration that the credential_process of the profile {name!r} wrote is in the past"
        todo, command = RENEW_PROCESS, (line_of_process(name),)
    elif text := setup.variable("AWS_CREDENTIAL_EXPIRATION"):
        seen = f"AWS_CREDENTIAL_EXPIRATION is {text}"
        todo = "export fresh credentials, with their expiration, or unset all four"
        command = (f"unset {' '.join(KEYS)} AWS_CREDENTIAL_EXPIRATION",)
    else:
        seen = f"what was had for the profile {setup.chosen.name!r} ended before it came"
        todo, command = "look at this machine's clock, and at what gives the credentials", ("date -u",)
    return Finding(
        name="token-expired",
        severity="error",
        title="the session has ended",
        seen=seen,
        means="botocore does not even send what it is told has expired",
        todo=todo,
        command=command,
        decided="by this machine's clock; AWS was not asked",
    )


_CAUSES: tuple[tuple[tuple[type[Exception], ...], Callable[[Setup, Exception], Finding | None]], ...] = (
    ((boto.ProfileNotFound,), _no_profile),
    ((boto.PartialCredentialsError,), _half_a_key),
    ((boto.InfiniteLoopConfigError,), _loop),
    ((boto.InvalidConfigError,), _wrong_settings),
    ((NobodyToAsk, EOFError, boto.RefreshWithMFAUnsupportedError), _needs_mfa),
    ((boto.NoCredentialsError,), _nothing),
    ((boto.SSOError, boto.TokenRetrievalError), sso_ended),
    ((boto.LoginError,), login_ended),
    ((boto.MissingDependencyException,), login_needs_crt),
    ((boto.CredentialRetrievalError, boto.ParamValidationError, OSError, ValueError), _helper_failed),
    ((AttributeError, KeyError, TypeError), _helper_failed),
    ((RuntimeError,), _ended),
)
