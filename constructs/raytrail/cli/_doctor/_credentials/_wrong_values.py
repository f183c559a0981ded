"""Settings whose value botocore refuses before anything is sent, with what it takes."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from shlex import quote

from botocore import exceptions as boto

from raytrail.cli._doctor._credentials._loading import chain
from raytrail.cli._doctor._credentials._setup import Setup
from raytrail.cli._doctor._model import Finding
from raytrail.cli._terminal import listed


@dataclass(frozen=True, kw_only=True)
class _OfRole:
    """A setting that becomes a parameter of STS's calls for a role.

    Attributes:
        setting: What a profile calls it.
        allowed: What STS takes, in words.
        variable: The variable that a web identity has for it; empty where there is none.
    """

    setting: str
    allowed: str
    variable: str = ""


_OF_A_ROLE = {
    "RoleArn": _OfRole(
        setting="role_arn",
        allowed="the ARN of a role, such as arn:aws:iam::111122223333:role/deployer",
        variable="AWS_ROLE_ARN",
    ),
    "RoleSessionName": _OfRole(
        setting="role_session_name",
        allowed="2 to 64 letters, digits or any of _ + = , . @ -",
        variable="AWS_ROLE_SESSION_NAME",
    ),
    "DurationSeconds": _OfRole(
        setting="duration_seconds",
        allowed="900 to 43200 seconds, and no more than the role's own maximum",
    ),
    "ExternalId": _OfRole(setting="external_id", allowed="2 to 1224 characters"),
    "SerialNumber": _OfRole(setting="mfa_serial", allowed="9 to 256 characters, as the ARN of a device has"),
}
"""By STS's parameter (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html)."""

_CHOICES = {
    "defaults_mode": "legacy, auto, standard, in-region, cross-region or mobile",
    "sts_regional_endpoints": "legacy or regional",
    "account_id_endpoint_mode": "preferred, disabled or required",
}
"""Settings of which each has a variable, too: its name in capitals, after ``AWS_``."""


def wrong_value(setup: Setup, error: Exception | None) -> Finding | None:
    """The setting that botocore refuses; None where that is not the error."""
    if isinstance(error, boto.ParamValidationError):
        return _of_role(setup, str(error.kwargs.get("report", "")))
    if isinstance(error, boto.InvalidDefaultsMode):
        return _choice(setup, "defaults_mode")
    if isinstance(error, boto.InvalidSTSRegionalEndpointsConfigError):
        return _choice(setup, "sts_regional_endpoints")
    if isinstance(error, boto.InvalidConfigError):
        said = str(error)
        named = re.search(r"for '(\w+)' is invalid", said)
        if named and named[1] in _CHOICES:
            return _choice(setup, named[1])
        return _no_services(setup) if "services section" in said else None
    return None


def _of_role(setup: Setup, report: str) -> Finding | None:
    refused = re.search(r"for parameter (\w+), value: (\S+),", report)
    known = _OF_A_ROLE.get(refused[1]) if refused else None
    if not refused or not known:
        return None
    value = setup.variable(known.variable)
    if _reads_variables(setup) and value and refused[2] in _measures(value):
        return _of_variable(known.variable, value, known.allowed)
    having = [name for name in chain(setup) if known.setting in setup.files.profiles[name]]
    guilty = [name for name in having if refused[2] in _measures(str(setup.files.profiles[name][known.setting]))]
    profile = next(iter(guilty or having), "")
    return _of_profile(setup, profile, known.setting, known.allowed) if profile else None


def _reads_variables(setup: Setup) -> bool:
    """Whether the role is that of a web identity, of which variables may say what the profile says, too."""
    section = setup.section
    # Botocore asks for a profile's role with a source before it asks for a web identity.
    if setup.profile is not None or ("role_arn" in section and "web_identity_token_file" not in section):
        return False
    return bool(setup.variable("AWS_WEB_IDENTITY_TOKEN_FILE") or section.get("web_identity_token_file"))


def _measures(value: str) -> tuple[str, str]:
    """What botocore may say of a value: of a text its length, of a number the number."""
    return value, str(len(value))


def _choice(setup: Setup, setting: str) -> Finding | None:
    variable, allowed = f"AWS_{setting.upper()}", _CHOICES[setting]
    if variable in setup.environment:
        return _of_variable(variable, setup.variable(variable), allowed)
    return _of_profile(setup, setup.chosen.name, setting, allowed) if setting in setup.section else None


def _no_services(setup: Setup) -> Finding | None:
    name = str(setup.section.get("services", ""))
    there = sorted(setup.files.services)
    near = difflib.get_close_matches(name, there, n=1)
    have = f" (did you mean {near[0]}?)" if near else f" (there is {listed(there)})" if there else ""
    allowed = f"the name of a section that is headed [services NAME]{have}"
    return _of_profile(setup, setup.chosen.name, "services", allowed) if name else None


def _of_variable(name: str, value: str, allowed: str) -> Finding:
    return _refused(name, f"{name} is {value!r}", allowed, f"unset {name}")


def _of_profile(setup: Setup, profile: str, setting: str, allowed: str) -> Finding:
    value = str(setup.files.profiles[profile][setting])
    in_credentials = setting in setup.files.credentials.sections.get(profile, {})
    path = (setup.files.credentials if in_credentials else setup.files.config).path
    seen = f"the profile {profile!r} has {setting} = {value}"
    return _refused(setting, seen, allowed, f"${{EDITOR:-vi}} {quote(str(path))}")


def _refused(setting: str, seen: str, allowed: str, command: str) -> Finding:
    return Finding(
        name="setting-invalid",
        severity="error",
        title=f"the value of {setting} is not taken",
        seen=seen,
        means="boto3 stops here, before anything is sent; of the credentials nothing is said by this",
        todo=f"set it to what is allowed, or take it away; allowed is {allowed}",
        command=(command,),
    )
