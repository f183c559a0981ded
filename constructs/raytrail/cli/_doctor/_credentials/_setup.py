"""What a person has set: options, environment, files; and what of it wins, for boto3 and for the CDK CLI.

The orders are those of botocore 1.43 (`session`, `configprovider`, `credentials`) and of the CDK CLI 2.1148
(`awscli-compatible`), read in their sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from shlex import quote
from typing import Any

from raytrail.cli._doctor._credentials._files import Files
from raytrail.cli._refusals import brief_key


def read_time(text: object) -> datetime | None:
    """A time as the SDKs write it, in UTC where it says no zone; None where it is none."""
    try:
        time = datetime.fromisoformat(str(text).replace("UTC", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the app expects.

    Attributes:
        accounts: Each account that it names, with where it does.
        regions: Each Region that it names, with where it does.
        profile: The profile that ``cdk.json`` or ``~/.cdk.json`` gives the CDK CLI.
    """

    accounts: Mapping[str, str] = field(default_factory=dict)
    regions: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A value, and what chose it.

    Attributes:
        name: The value.
        by: The option or variable; empty where it is a default.
    """

    name: str
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Everything that decides which credentials are used and where.

    Attributes:
        environment: The environment variables.
        files: The AWS files.
        profile: The option ``--profile``.
        region: The option ``--region``.
        endpoint: The option ``--endpoint``.
        address: The address that every call of this command goes to, once that is known; None for AWS's own.
        expected: What the app expects.
    """

    environment: Mapping[str, str] = field(repr=False)
    files: Files
    profile: str | None = None
    region: str | None = None
    endpoint: str | None = None
    address: str | None = None
    expected: Expected = field(default_factory=Expected)

    def variable(self, name: str) -> str:
        """An environment variable; empty where it is not set."""
        return self.environment.get(name, "")

    @property
    def chosen(self) -> Chosen:
        """The profile that boto3 takes: of its two variables the one with DEFAULT wins, also when it is empty."""
        if self.profile is not None:
            return Chosen(name=self.profile, by="--profile")
        for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"):
            if name in self.environment:
                return Chosen(name=self.environment[name], by=name)
        return Chosen(name="default")

    @property
    def chosen_by_cdk(self) -> Chosen:
        """The profile that the CDK CLI takes, with the same ``--profile``."""
        if self.profile is not None:
            return self.chosen
        if self.expected.profile:
            return Chosen(name=self.expected.profile, by="cdk.json")
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            if self.variable(name):
                return Chosen(name=self.variable(name), by=name)
        return Chosen(name="default")

    @property
    def section(self) -> Mapping[str, Any]:
        """The settings of the chosen profile."""
        return self.files.profiles.get(self.chosen.name, {})

    @property
    def section_of_cdk_endpoints(self) -> Mapping[str, Any]:
        """The settings by which the CDK CLI's SDK finds endpoints: not those of ``--profile``, nor of cdk.json."""
        return self.files.profiles.get(self.variable("AWS_PROFILE") or "default", {})

    @property
    def keys_of_environment(self) -> bool:
        """Whether boto3 takes the keys of the environment: not with ``--profile``, but with AWS_PROFILE."""
        return bool(self.variable("AWS_ACCESS_KEY_ID")) and self.profile is None

    @property
    def token_of_environment(self) -> Chosen:
        """The session token of the environment, as botocore finds it."""
        for name in ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"):
            if self.variable(name):
                return Chosen(name=self.variable(name), by=name)
        return Chosen(name="")

    def region_for_raytrail(self) -> Chosen:
        """The Region that this command asks in."""
        if self.region:
            return Chosen(name=self.region, by="--region")
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            if self.variable(name):
                return Chosen(name=self.variable(name), by=name)
        return self._region_of_profile(self.chosen)

    def region_for_boto3(self) -> Chosen:
        """The Region that a program with boto3 takes: AWS_REGION is not read."""
        if self.variable("AWS_DEFAULT_REGION"):
            return Chosen(name=self.variable("AWS_DEFAULT_REGION"), by="AWS_DEFAULT_REGION")
        return self._region_of_profile(self.chosen)

    def region_for_cdk(self) -> Chosen:
        """The Region that the CDK CLI takes for stacks that name none; us-east-1 without any."""
        for name in ("AWS_REGION", "AMAZON_REGION", "AWS_DEFAULT_REGION", "AMAZON_DEFAULT_REGION"):
            if self.variable(name):
                return Chosen(name=self.variable(name), by=name)
        found = self._region_of_profile(self.chosen_by_cdk)
        return found if found.name else self._region_of_profile(Chosen(name="default"))

    def _region_of_profile(self, profile: Chosen) -> Chosen:
        region = str(self.files.profiles.get(profile.name, {}).get("region", ""))
        return Chosen(name=region, by=f"the profile {profile.name!r}" if region else "")

    def profile_option(self) -> str:
        """What one adds to a command of the AWS CLI to have the chosen profile."""
        return f" --profile {quote(self.chosen.name)}" if self.chosen.by and self.chosen.name else ""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An access key where it was found.

    Attributes:
        key_id: The access key ID; empty where only botocore knows it.
        secret: The secret.
        token: The session token; empty without.
        place: Where it was found, in words.
        method: How botocore calls that place, as ``env``.
        profile: The profile of a file that it stands in; empty where it stands in none.
    """

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    place: str = ""
    method: str = ""
    profile: str = ""

    def __str__(self) -> str:
        if not self.key_id:
            return f"the key from {self.place}"
        token = " with a session token" if self.token else " without a session token"
        return f"the access key {brief_key(self.key_id)}{token}, from {self.place}"
