"""What it means when AWS refuses, or does not answer: one or two sentences with what to do."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import boto3
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from raytrail.errors import RaytrailError


class Refused(RaytrailError):
    """AWS did not do what it was asked."""


DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "NotAuthorized",
        "UnauthorizedException",
        "UnauthorizedOperation",
    }
)
"""Codes that say: these credentials are good, and may not do this."""

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_UNKNOWN = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "MissingAuthenticationToken",
        "UnrecognizedClientException",
    }
)
_CLOCK = frozenset({"RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException"})
_NOT_ENABLED = frozenset({"OptInRequired", "RegionDisabledException", "SubscriptionRequiredException"})
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"})
CREDENTIAL_CODES = _EXPIRED | _UNKNOWN | _CLOCK | _NOT_ENABLED
"""Codes that no other call will escape."""

OPT_IN_REGIONS = frozenset(
    {
        *("af-south-1", "ap-east-1", "ap-east-2", "ap-south-2"),
        *("ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
        *("ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2"),
        *("il-central-1", "me-central-1", "me-south-1", "mx-central-1"),
    }
)
"""Regions that an account must enable, and that refuse session tokens of the global STS endpoint by default
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html)."""

TOLERATED_SECONDS = 5 * 60
"""How far a clock may be off before AWS refuses a signature."""


def explain(error: BotoCoreError | ClientError, session: boto3.Session | None, region: str) -> str:
    """Say what an error of boto3 means, and what to do.

    Args:
        error: What boto3 raised.
        session: Whose credentials were used; None when it did not come to that.
        region: Where AWS was asked.
    """
    if isinstance(error, ClientError):
        return _answered(error, session, region)
    for kinds, say in _LOCAL:
        if isinstance(error, kinds):
            return say(error, region)
    return f"AWS could not be asked: {_one_line(error)}"


def code_of(error: ClientError) -> str:
    """The code of an error that AWS answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def whose(session: boto3.Session | None) -> str:
    """Which credentials a session uses, with no more of the key than one recognises it by."""
    try:
        credentials = session.get_credentials() if session else None
    except BotoCoreError:
        credentials = None
    if session is None or credentials is None:
        return "the credentials"
    key = credentials.access_key or ""
    token = " with a session token" if credentials.token else ""
    source = _SOURCES.get(credentials.method, credentials.method)
    profile = "" if credentials.method in ("env", "explicit") else f", profile {session.profile_name!r}"
    return f"the access key {key[:4]}...{key[-4:]}{token} (from {source}{profile})"


_SOURCES = {
    "env": "the environment",
    "shared-credentials-file": "the credentials file",
    "config-file": "the configuration file",
    "sso": "a sign-in by `aws sso login`",
    "login": "a sign-in by `aws login`",
    "assume-role": "an assumed role",
    "assume-role-with-web-identity": "a role assumed with a web identity",
    "container-role": "the container's role",
    "iam-role": "the instance's role",
    "explicit": "the command itself",
    "custom-process": "the profile's credential_process",
}


def _answered(error: ClientError, session: boto3.Session | None, region: str) -> str:
    code, said = code_of(error), _one_line(error.response.get("Error", {}).get("Message") or error)
    call, who = error.operation_name, whose(session)
    if code in _CLOCK:
        return _wrong_clock(error, code, said, session)
    if code in _UNKNOWN:
        return _unknown_key(code, said, session, region)
    meanings = (
        (DENIED, f"{who} may not call {call} in {region}: {said}; let them, or use another --profile"),
        (_EXPIRED, f"the session of {who} has expired ({code}): {_sign_in_again(session)}"),
        (
            _NOT_ENABLED,
            f"{region} refuses {who} ({code}: {said}); enable the Region, and STS in it, in the account's settings, or "
            "ask in another --region",
        ),
        (
            _THROTTLED,
            f"AWS throttles {call} ({said}) even after several tries; try again later, or ask for less with --since",
        ),
    )
    for codes, meaning in meanings:
        if code in codes:
            return meaning
    return f"{call} was refused in {region}: {said} ({code})"


def _sign_in_again(session: boto3.Session | None) -> str:
    method = _method(session)
    if method == "env":
        return "export fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset them"
    profile = f" --profile {session.profile_name}" if session else ""
    if method in ("sso", "login"):
        return f"sign in again with `aws {'sso login' if method == 'sso' else 'login'}{profile}`"
    return "sign in again, or renew what the profile holds"


def _unknown_key(code: str, said: str, session: boto3.Session | None, region: str) -> str:
    """The message that speaks of a security token, whatever is wrong with the key."""
    if region in OPT_IN_REGIONS:
        todo = (
            f"{region} must be enabled in the account, and takes no session token of the global STS endpoint: enable "
            "it, or sign in again with AWS_STS_REGIONAL_ENDPOINTS=regional"
        )
    elif region.startswith(("cn-", "us-gov-")):
        todo = f"{region} is of another partition, which knows only keys of its own: use a --profile of it"
    elif _method(session) == "env":
        todo = (
            "the environment's AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN must be of one session, "
            "and win over a profile: export the three anew, or unset them and give --profile"
        )
    else:
        todo = "it was deleted or deactivated, or its session has ended: sign in again, or use another --profile"
    return f"AWS does not know {whose(session)} in {region} ({code}: {said}); {todo}"


def _wrong_clock(error: ClientError, code: str, said: str, session: boto3.Session | None) -> str:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        theirs = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        theirs = None
    ahead = (datetime.now(UTC) - theirs).total_seconds() if theirs and theirs.tzinfo else 0.0
    if abs(ahead) > TOLERATED_SECONDS:
        direction = "ahead of" if ahead > 0 else "behind"
        return (
            f"this machine's clock is {abs(ahead) / 60:.0f} minutes {direction} AWS's, which therefore refuses every "
            f"signature ({code}): set the clock"
        )
    if "expired" in said.lower() or "not yet current" in said.lower():
        return f"AWS refuses the time of the signature ({code}: {said}); set this machine's clock"
    return f"the secret does not belong to {whose(session)} ({code}: {said}); export or configure the pair anew"


def _method(session: boto3.Session | None) -> str:
    credentials = session.get_credentials() if session else None
    return credentials.method if credentials else ""


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".")


def _no_answer(error: BotoCoreError, region: str) -> str:
    where = str(error.kwargs.get("endpoint_url") or "AWS") if hasattr(error, "kwargs") else "AWS"
    if "127.0.0.1" in where or "localhost" in where:
        return f"nothing answers at {where}: start the embedded AWS with `raytrail local`, which prints its endpoint"
    known = [name for part in ("aws", "aws-cn", "aws-us-gov") for name in _regions(part)]
    if known and region not in known:
        near = difflib.get_close_matches(region, known, n=1)
        return f"{region!r} is no Region that boto3 knows" + (f"; did you mean {near[0]}?" if near else "")
    return f"{where} does not answer: is the network, a proxy, or a VPC without an endpoint in the way?"


def _regions(partition: str) -> list[str]:
    return boto3.Session().get_available_regions("lambda", partition_name=partition)


def _no_credentials(error: BotoCoreError, region: str) -> str:
    return (
        "no credentials were found: give --profile, sign in with `aws sso login` or `aws login`, or point --endpoint "
        "at the embedded AWS that `raytrail local` starts"
    )


def _ended_sign_in(error: BotoCoreError, region: str) -> str:
    return (
        f"the sign-in of the profile has ended ({_one_line(error)}): sign in again with `aws sso login` or `aws login`"
    )


def _broken_profile(error: BotoCoreError, region: str) -> str:
    return f"the AWS configuration is not usable: {_one_line(error)}; see `aws configure list-profiles`"


_LOCAL: tuple[tuple[tuple[type[BotoCoreError], ...], Callable[[BotoCoreError, str], str]], ...] = (
    ((boto.NoCredentialsError,), _no_credentials),
    ((boto.SSOError, boto.LoginError, boto.TokenRetrievalError, boto.CredentialRetrievalError), _ended_sign_in),
    ((boto.ProfileNotFound, boto.PartialCredentialsError, boto.ConfigParseError), _broken_profile),
    ((boto.HTTPClientError, boto.ConnectionError), _no_answer),
)
