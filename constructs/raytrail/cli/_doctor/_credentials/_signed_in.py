"""Sign-ins by ``aws sso login`` and ``aws login``: what their cached tokens say of themselves."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

from botocore.utils import generate_login_cache_key, get_login_token_cache_directory

from raytrail.cli._doctor._credentials._loading import profile_with
from raytrail.cli._doctor._credentials._setup import Setup, read_time
from raytrail.cli._doctor._model import Finding


@dataclass(frozen=True, kw_only=True)
class Cached:
    """A token that a sign-in left on the disk.

    Attributes:
        path: Its file.
        content: What the file says; None where there is no such file, or none that can be read.
    """

    path: Path
    content: dict[str, Any] | None

    @property
    def ended(self) -> datetime | None:
        """When the token ended; None where that is not said, or still to come."""
        said = (self.content or {}).get("expiresAt") or ((self.content or {}).get("accessToken") or {})
        ends = read_time(said.get("expiresAt") if isinstance(said, dict) else said)
        return ends if ends is not None and ends < datetime.now(UTC) else None


def sso_token(setup: Setup, profile: str) -> Cached:
    """The token of a profile's SSO session."""
    section = setup.files.profiles.get(profile, {})
    name = str(section.get("sso_session") or section.get("sso_start_url") or "")
    folder = Path(os.path.expanduser("~/.aws/sso/cache"))  # noqa: PTH111 - a home that nobody knows is no error
    # The names of these files are the SDKs' convention, not ours.
    return _cached(folder / f"{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()}.json")


def login_token(setup: Setup, profile: str) -> Cached:
    """The token of a profile's ``aws login``."""
    name = str(setup.files.profiles.get(profile, {}).get("login_session", ""))
    return _cached(Path(get_login_token_cache_directory()) / f"{generate_login_cache_key(name)}.json")


def sso_ended(setup: Setup, error: Exception) -> Finding:
    """An SSO session that ran out, or in which nobody signed in yet."""
    profile = profile_with(setup, "sso_session", "sso_start_url") or setup.chosen.name
    section = setup.files.profiles.get(profile, {})
    name = str(section.get("sso_session") or section.get("sso_start_url") or "?")
    token = sso_token(setup, profile)
    return Finding(
        name="sso-session-ended",
        severity="error",
        title="the SSO sign-in has ended" if token.content else "nobody has signed in to the SSO session yet",
        seen=f"the profile {profile} uses the SSO session {name}; {_state(token)}",
        means="no credentials can be had for the profile until somebody signs in",
        todo="sign in in the browser; in CI take a role by OIDC instead",
        command=(f"aws sso login --profile {quote(profile)}",),
        decided=_by_which_clock(token),
    )


def login_ended(setup: Setup, error: Exception) -> Finding:
    """A session of ``aws login`` that ran out."""
    profile = profile_with(setup, "login_session") or setup.chosen.name
    token = login_token(setup, profile)
    return Finding(
        name="login-session-ended",
        severity="error",
        title="the sign-in by `aws login` has ended" if token.content else "nobody has signed in by `aws login` yet",
        seen=f"the profile {profile} uses such a sign-in; {_state(token)}",
        means="no credentials can be had for the profile until somebody signs in",
        todo="sign in in the browser",
        command=(f"aws login --profile {quote(profile)}",),
        decided=_by_which_clock(token),
    )


def login_needs_crt(setup: Setup, error: Exception) -> Finding:
    """``aws login`` needs a library that boto3 does not bring."""
    profile = profile_with(setup, "login_session") or setup.chosen.name
    return Finding(
        name="login-needs-crt",
        severity="error",
        title="boto3 cannot use a sign-in by `aws login` without the package awscrt",
        seen=f"the profile {profile} has login_session; awscrt is not installed beside boto3",
        means="the AWS CLI and the CDK CLI can use this profile, and Python programs such as this one cannot",
        todo="install it, or let the AWS CLI hand over the credentials",
        command=(
            'pip install "botocore[crt]"',
            f'eval "$(aws configure export-credentials --profile {quote(profile)} --format env)"',
        ),
    )


def _cached(path: Path) -> Cached:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    return Cached(path=path, content=content if isinstance(content, dict) else None)


def _state(token: Cached) -> str:
    if token.content is None:
        return f"{_home(token.path)} does not exist, or is no JSON"
    if ended := token.ended:
        return f"its token in {_home(token.path)} ended at {ended.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"its token in {_home(token.path)} has not ended by its date, and AWS does not take it"


def _by_which_clock(token: Cached) -> str:
    if token.content is None:
        return "the token's file is not there; AWS was not asked"
    if token.ended:
        return "the date in the token's file has passed by this machine's clock, and no newer token was to be had"
    return "AWS refused a token whose date has not passed: somebody signed out, or the session was revoked"


def _home(path: Path) -> str:
    return str(path).replace(os.path.expanduser("~"), "~", 1)  # noqa: PTH111 - a part of a text, no path
