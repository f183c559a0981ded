"""Having the credentials: which are used, or what botocore met while it looked for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from raytrail.cli._aws import LOADING_ERRORS, load_credentials, new_session
from raytrail.cli._doctor._credentials._setup import Pair, Setup

IN_FILES = ("shared-credentials-file", "config-file")
"""How botocore calls the places that a person writes a key to."""


class NobodyToAsk(Exception):
    """A role needs the code of an MFA device, and there is no terminal at which somebody could type it."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What came of looking for credentials.

    Attributes:
        session: A session of boto3; None where not even that could be made.
        pair: The credentials; None where they could not be had.
        error: Why not.
    """

    session: boto3.Session | None
    pair: Pair | None = None
    error: Exception | None = None


def load(setup: Setup, region: str) -> Loaded:
    """Look for credentials as every other command does. What this asks of AWS (a role, a sign-in) changes nothing."""
    try:
        session = new_session(setup.profile, region)
    except BotoCoreError as error:
        return Loaded(session=None, error=error)
    # Python has no standard input where it was closed.
    if mfa_device(setup) and (sys.stdin is None or not sys.stdin.isatty()):
        return Loaded(session=session, error=NobodyToAsk())
    try:
        found = load_credentials(session)
    except (BotoCoreError, ClientError, *LOADING_ERRORS) as error:
        return Loaded(session=session, error=error)
    credentials = session.get_credentials()
    method = credentials.method if credentials else ""
    pair = Pair(
        key_id=found.access_key or "",
        secret=found.secret_key or "",
        token=found.token or "",
        place=_place(setup, method),
        method=method,
        profile=setup.chosen.name if method in IN_FILES else "",
    )
    return Loaded(session=session, pair=pair)


def chain(setup: Setup) -> Iterator[str]:
    """The chosen profile, and after it each that it takes its credentials from; a loop ends where it began.

    Of a source profile keys of its own count before a role that it has.
    """
    seen: list[str] = []
    name = setup.chosen.name
    while name and name not in seen and name in setup.files.profiles:
        seen.append(name)
        yield name
        section = setup.files.profiles[name]
        goes_on = "role_arn" in section and not (seen[1:] and "aws_access_key_id" in section)
        name = str(section.get("source_profile", "")) if goes_on else ""


def profile_with(setup: Setup, *settings: str) -> str:
    """The first profile of the chain that has one of the settings; empty where none has."""
    return next((name for name in chain(setup) if any(each in setup.files.profiles[name] for each in settings)), "")


def mfa_device(setup: Setup) -> str:
    """The MFA device of which a code must be typed before the credentials can be had; empty without."""
    if setup.keys_of_environment:
        return ""
    name = profile_with(setup, "mfa_serial")
    section = setup.files.profiles.get(name, {})
    return str(section["mfa_serial"]) if name and "role_arn" in section else ""


def source_pair(setup: Setup) -> Pair:
    """The key with which a role was to be assumed."""
    last = list(chain(setup))[-1:]
    section = setup.files.profiles.get(last[0], {}) if last else {}
    if section.get("credential_source") == "Environment":
        return Pair(
            key_id=setup.variable("AWS_ACCESS_KEY_ID"),
            secret=setup.variable("AWS_SECRET_ACCESS_KEY"),
            token=setup.token_of_environment.name,
            place="the environment (credential_source)",
            method="env",
        )
    if "credential_process" in section and "aws_access_key_id" not in section:
        # What it wrote is botocore's alone.
        return Pair(
            key_id="", secret="", place=f"the credential_process of the profile {last[0]!r}", method="custom-process"
        )
    return Pair(
        key_id=str(section.get("aws_access_key_id", "")),
        secret=str(section.get("aws_secret_access_key", "")),
        token=str(section.get("aws_security_token") or section.get("aws_session_token") or ""),
        place=f"the profile {last[0]!r}" if last else "the source profile",
        method="shared-credentials-file",
        profile=last[0] if last else "",
    )


def _place(setup: Setup, method: str) -> str:
    profile = f"the profile {setup.chosen.name!r}"
    files = setup.files
    return {
        "env": "the environment",
        "shared-credentials-file": f"{profile} in {files.credentials.path}",
        "config-file": f"{profile} in {files.config.path}",
        "custom-process": f"the credential_process of {profile}",
        "sso": f"the SSO sign-in of {profile}",
        "login": f"the `aws login` of {profile}",
        "assume-role": f"the role of {profile}",
        "assume-role-with-web-identity": "a role assumed with a web identity",
        "container-role": "the container's role",
        "iam-role": "the instance's role",
    }.get(method, method)
