"""The two AWS files of a person, read as botocore reads them, and what keeps it from reading them."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from botocore.configloader import build_profile_map, raw_config_parse
from botocore.exceptions import ConfigNotFound, ConfigParseError

from raytrail.cli._doctor._model import Finding

Section = Mapping[str, Any]

_KNOWN = (
    "aws_access_key_id",
    "credential_process",
    "login_session",
    "region",
    "role_arn",
    "sso_account_id",
    "sso_session",
)
"""Settings by which one recognises a section that was meant to be a profile."""


@dataclass(frozen=True, kw_only=True)
class File:
    """One of the two files.

    Attributes:
        path: Where it is looked for.
        variable: The environment variable that may say so.
        named: Whether that variable says so.
        sections: Its sections, as they are headed.
        damage: What keeps it from being read; None where nothing does.
    """

    path: Path
    variable: str
    named: bool
    sections: Mapping[str, Section] = field(default_factory=dict, repr=False)
    damage: Finding | None = None


@dataclass(frozen=True, kw_only=True)
class Files:
    """Both files, together as botocore takes them: a profile's settings of the credentials file win.

    Attributes:
        config: ``~/.aws/config``.
        credentials: ``~/.aws/credentials``.
        profiles: Each profile's settings.
        sso_sessions: The settings of each ``[sso-session X]``.
        services: The settings of each ``[services X]``.
    """

    config: File
    credentials: File
    profiles: Mapping[str, Section] = field(repr=False)
    sso_sessions: Mapping[str, Section] = field(repr=False)
    services: Mapping[str, Section] = field(repr=False)

    @property
    def damages(self) -> list[Finding]:
        """What keeps either from being read."""
        return [file.damage for file in (self.config, self.credentials) if file.damage]

    def holding(self, profile: str) -> Path:
        """The file in which the key of a profile stands: that of the credentials, unless only the other has it."""
        here, there = (file.sections.get(name, {}) for file, name in self._headed(profile))
        only_config = "aws_access_key_id" in there and "aws_access_key_id" not in here
        return self.config.path if only_config else self.credentials.path

    def _headed(self, profile: str) -> tuple[tuple[File, str], tuple[File, str]]:
        quoted = f'profile "{profile}"' if " " in profile else f"profile {profile}"
        heading = profile if profile == "default" else quoted
        return (self.credentials, profile), (self.config, heading)

    def static(self, profile: str) -> str:
        """The access key ID that stands in a profile; empty where there is none."""
        return str(self.profiles.get(profile, {}).get("aws_access_key_id", ""))

    def misplaced(self, profile: str) -> str:
        """How a profile's heading is wrong in either file, in words; empty where no section is meant to be it."""
        if " " in profile and f"profile {profile}" in self.config.sections:
            return (
                f'{self.config.path} has [profile {profile}], where blanks need quotation marks: [profile "{profile}"]'
            )
        for heading in self.config.sections:
            if heading.strip().lower() in (profile.lower(), f"profile {profile}".lower()) and heading not in (
                profile if profile == "default" else "",
                f"profile {profile}",
            ):
                return f"{self.config.path} has [{heading}], where a profile is headed [profile {profile}]"
        for heading in self.credentials.sections:
            if heading.strip().lower() in (profile.lower(), f"profile {profile}".lower()) and heading != profile:
                return f"{self.credentials.path} has [{heading}], where a profile is headed [{profile}]"
        return ""

    def unheaded(self) -> Iterator[str]:
        """Sections of the configuration file that look like profiles and are none."""
        for heading, section in self.config.sections.items():
            named = heading == "default" or heading.startswith(("profile ", "sso-session ", "services "))
            if not named and any(name in section for name in _KNOWN):
                yield heading


def read_files(environment: Mapping[str, str]) -> Files:
    """Read both files; what cannot be read is a damage, and as empty as botocore would leave it."""
    config = _read("AWS_CONFIG_FILE", "~/.aws/config", environment)
    credentials = _read("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", environment)
    mapped = build_profile_map(dict(config.sections))
    profiles: dict[str, dict[str, Any]] = {name: dict(section) for name, section in mapped["profiles"].items()}
    for name, section in credentials.sections.items():
        profiles.setdefault(name, {}).update(section)
    return Files(
        config=config,
        credentials=credentials,
        profiles=profiles,
        sso_sessions=mapped["sso_sessions"],
        services=mapped["services"],
    )


def _read(variable: str, default: str, environment: Mapping[str, str]) -> File:
    named = variable in environment
    path = Path(os.path.expanduser(os.path.expandvars(environment.get(variable, default))))  # noqa: PTH111 - as botocore does
    sections: Mapping[str, Section] = {}
    damage = None
    try:
        sections = raw_config_parse(str(path))
        # What may not be read, botocore takes for empty.
        path.open("rb").close()
    except ConfigNotFound:
        damage = _not_found(path, variable if named else "")
    except ConfigParseError as error:
        damage = _malformed(path, error.kwargs.get("error"))
    except OSError as error:
        damage = _unreadable(path, error)
    return File(path=path, variable=variable, named=named, sections=sections, damage=damage)


def _not_found(path: Path, variable: str) -> Finding | None:
    """What is there instead of a file that botocore does not find; a container may name the null device."""
    try:
        path.stat()
    except PermissionError as error:
        return _unreadable(path, error)
    except OSError:
        return _missing(path, variable) if variable else None
    return _missing(path, variable, folder=True) if path.is_dir() and variable else None


def _missing(path: Path, variable: str, *, folder: bool = False) -> Finding:
    return Finding(
        name="config-file-missing",
        severity="warning",
        title=f"{variable} names a folder" if folder else f"the file that {variable} names does not exist",
        seen=f"{variable} is {path}",
        means="the SDKs take it for an empty file and say nothing; the profiles of ~/.aws are not seen",
        todo="unset the variable, or correct the path",
        command=(f"unset {variable}",),
    )


def _unreadable(path: Path, error: OSError) -> Finding:
    return Finding(
        name="config-file-unreadable",
        severity="error",
        title="an AWS configuration file may not be read",
        seen=f"{path}: {error.strerror or error}",
        means="botocore takes it for an empty file and says nothing, so its profiles seem not to exist",
        todo="make the file yours, and readable by you alone",
        command=(f'sudo chown "$(id -un)" {quote(str(path))}', f"chmod 600 {quote(str(path))}"),
    )


def _malformed(path: Path, error: object) -> Finding:
    what, line, todo = _damage(path, error)
    return Finding(
        name="config-file-malformed",
        severity="error",
        title="an AWS configuration file cannot be parsed",
        seen=f"{path}{f', line {line}' if line else ''}: {what}",
        means="boto3 refuses the whole file, every profile in it, even where the environment has credentials",
        todo=todo,
        command=(f"sed -n '{line}p' {quote(str(path))}" if line else f"file {quote(str(path))}",),
    )


def _damage(path: Path, error: object) -> tuple[str, int | None, str]:
    """What is wrong, where, and what to do; never the text of the line, which may hold a secret."""
    start = path.read_bytes()[:3]
    line: int | None = None
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in start:
        what, todo = "it is in UTF-16, as PowerShell writes it", "save it as UTF-8 without a byte order mark"
    elif start == b"\xef\xbb\xbf":
        what, line, todo = "it begins with a byte order mark", 1, "save it as UTF-8 without a byte order mark"
    elif isinstance(error, UnicodeDecodeError):
        what, todo = "it is not UTF-8", "save it as UTF-8"
    elif isinstance(error, configparser.DuplicateSectionError):
        what, line, todo = f"the section [{error.section}] occurs twice", error.lineno, "make the two sections one"
    elif isinstance(error, configparser.DuplicateOptionError):
        what, line = f"the setting {error.option} occurs twice in [{error.section}]", error.lineno
        todo = "delete the one that is out of date"
    elif isinstance(error, configparser.MissingSectionHeaderError):
        what, line = "a setting stands before the first [section]", error.lineno
        todo = "put it under the heading of its profile"
    elif isinstance(error, configparser.ParsingError) and error.errors:
        what, line = "the line is neither a [section] nor a setting (name = value)", error.errors[0][0]
        todo = "correct the line"
    else:
        what = "an indented line is no setting (name = value)"
        todo = "indent only the settings below one without a value"
    return what, line, todo
