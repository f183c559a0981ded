"""Which account and Region the command asks, and how."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.parsers import ResponseParserError

from raytrail.cli._errors import WrongUse
from raytrail.cli._refusals import Refused, explain

EMBEDDED_ACCOUNT = "111122223333"
"""The access key of the embedded AWS's administrator, whose secret may be anything."""
EMBEDDED_REGION = "us-east-1"
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")

PATIENCE = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 6})
"""Throttled calls are repeated by botocore, with growing pauses."""

PATIENCE_HERE = Config(connect_timeout=2, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3})
"""What does not answer on this machine is not there."""


@dataclass(frozen=True, kw_only=True)
class Aws:
    """An account in a Region, real or embedded.

    Attributes:
        session: Whose credentials are used.
        region: Where it asks.
        endpoint: The URL that every service is asked at; None for AWS's own.
    """

    session: boto3.Session
    region: str
    endpoint: str | None = None

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of ``service``; ``region_name`` and ``config`` may be given anew."""
        settings: dict[str, Any] = {
            "region_name": self.region,
            "endpoint_url": self.endpoint,
            "config": PATIENCE_HERE if self.endpoint and _host(self.endpoint) in THIS_MACHINE else PATIENCE,
            **options,
        }
        make: Any = self.session.client
        return make(service, **settings)

    def __str__(self) -> str:
        return f"Region {self.region}" + (f" at {self.endpoint}" if self.endpoint else "")


def connect(*, endpoint: str | None, profile: str | None, region: str | None) -> Aws:
    """Decide whom to ask: the embedded AWS when the endpoint is on this machine, otherwise AWS.

    Args:
        endpoint: A URL. Default: that of ``AWS_ENDPOINT_URL``; without it, AWS's own.
        profile: A profile of the AWS configuration. Default: whatever boto3 finds.
        region: A Region. Default: that of ``AWS_REGION``, of ``AWS_DEFAULT_REGION`` or of the profile; for the
            embedded AWS us-east-1.

    Raises:
        WrongUse: The endpoint is no URL, or no Region is known.
        Refused: The profile does not exist, or there are no credentials to be had.
    """
    ignored = os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    endpoint = endpoint or (None if ignored else os.environ.get("AWS_ENDPOINT_URL")) or None
    if is_here(endpoint) and not profile:
        return embedded(str(endpoint), region)
    try:
        session = new_session(profile, region)
        found = session.region_name
        if found is None:
            raise WrongUse("no Region is known: give --region, set AWS_REGION, or give the profile one")
        load_credentials(session)
    except (BotoCoreError, ClientError) as error:
        raise Refused(explain(error, None, region or "")) from error
    except ResponseParserError as error:
        raise Refused(NO_AWS) from error
    except LOADING_ERRORS as error:
        said = " ".join(str(error).split())
        raise Refused(f"the credentials could not be had ({said}); `raytrail doctor` tells the causes apart") from error
    return Aws(session=session, region=found, endpoint=endpoint)


def is_here(endpoint: str | None) -> bool:
    """Whether an endpoint is on this machine, as the embedded AWS's is.

    Raises:
        WrongUse: It is no URL.
    """
    return endpoint is not None and _host(endpoint) in THIS_MACHINE


def embedded(endpoint: str, region: str | None) -> Aws:
    """The embedded AWS at an endpoint, asked as its administrator."""
    return Aws(session=_embedded_session(), region=region or _region_of_environment(), endpoint=endpoint)


def new_session(profile: str | None, region: str | None) -> boto3.Session:
    """A session that also waits no longer than we do where it asks AWS for its credentials.

    boto3 itself does not read ``AWS_REGION``, which the CDK CLI and the other SDKs read first.

    Raises:
        BotoCoreError: There is no such profile, or a configuration file is malformed.
    """
    core = botocore.session.get_session()
    core.set_default_client_config(PATIENCE)
    return boto3.Session(
        botocore_session=core, profile_name=profile, region_name=region or os.environ.get("AWS_REGION") or None
    )


NO_AWS = "what answers does not answer as AWS does: is it a proxy, or an endpoint of something else?"

LOADING_ERRORS = (
    *(OSError, RuntimeError, ValueError, EOFError, AttributeError, KeyError, TypeError),
    ResponseParserError,
)
"""What botocore lets through while it loads credentials: the program of a credential_process is not there or does not
write JSON, a token's file is missing, AWS_CREDENTIAL_EXPIRATION has passed, nobody types the code of an MFA device; the
next three where that JSON, or a token's, has another shape; the last where what answers is not AWS."""


def load_credentials(session: boto3.Session) -> ReadOnlyCredentials:
    """Have a session's credentials now, so that what is wrong with them is said before anything else.

    Raises:
        BotoCoreError: There are none, or they cannot be had.
        ClientError: AWS refused to let a role be assumed.
    """
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return credentials.get_frozen_credentials()


@contextmanager
def asking(aws: Aws) -> Iterator[None]:
    """Say in words what it means when AWS refuses, or does not answer.

    Raises:
        Refused: It did.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Refused(explain(error, aws.session, aws.region)) from error
    except ResponseParserError as error:
        raise Refused(NO_AWS) from error


def _host(endpoint: str) -> str:
    wrong = f"an endpoint is a URL such as http://127.0.0.1:4566, got {endpoint!r}"
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise WrongUse(wrong) from error
    if parts.scheme not in ("http", "https") or not host or " " in endpoint:
        raise WrongUse(wrong)
    return host


def _region_of_environment() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or EMBEDDED_REGION


def _embedded_session() -> boto3.Session:
    """The session of the embedded AWS's administrator.

    An access key of twelve digits, as `raytrail local` says to export it, is the account's and is taken.
    """
    key = os.environ.get("AWS_ACCESS_KEY_ID", "")
    if not (len(key) == len(EMBEDDED_ACCOUNT) and key.isdecimal()):
        key = EMBEDDED_ACCOUNT
    return session_of(key, "local")


def session_of(key_id: str, secret: str, token: str = "") -> boto3.Session:
    """A session of these credentials, deaf to profiles and configuration files."""
    nothing: dict[str, Any] = {"profile": (None, None, None, None)}
    for name in ("config_file", "credentials_file"):
        nothing[name] = (None, None, os.devnull, None)
    return boto3.Session(
        botocore_session=botocore.session.Session(session_vars=nothing),
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token or None,
    )
