"""What it means when AWS refuses, or does not answer: one or two sentences with what to do.

`meaning_of` is the one place that knows what a code means. The sentences are for every command; which of several causes
it is, `raytrail doctor` tells (`raytrail.cli._doctor`), from the same meanings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

import boto3
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from raytrail.cli._regions import OPT_IN_REGIONS, known_regions, meant_region
from raytrail.errors import RaytrailError


class Refused(RaytrailError):
    """AWS did not do what it was asked."""


class Meaning(Enum):
    """What AWS's refusal says."""

    DENIED = "these credentials are good, and may not do this"
    EXPIRED = "the session has ended"
    UNKNOWN_KEY = "nothing is known of this key, or of this key with this token"
    WRONG_SECRET = "the signature was not made with the key's secret"  # noqa: S105 - words, no secret
    WRONG_CLOCK = "the time of the signature is not now"
    WRONG_REGION = "the signature is for another Region than the one that was asked"
    NOT_ENABLED = "the account has not enabled the Region, or the service"
    THROTTLED = "too many calls"
    OTHER = "something of the call itself"


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
_SIGNATURE = frozenset({"RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException"})
_NOT_ENABLED = frozenset({"OptInRequired", "RegionDisabledException", "SubscriptionRequiredException"})
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"})
CREDENTIAL_CODES = _EXPIRED | _UNKNOWN | _SIGNATURE | _NOT_ENABLED
"""Codes that no other call will escape."""

TOLERATED_SECONDS = 5 * 60
"""How far a clock may be off before AWS refuses a signature; STS answers until 15 minutes
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html)."""

_MEANINGS = (
    (DENIED, Meaning.DENIED),
    (_EXPIRED, Meaning.EXPIRED),
    (_UNKNOWN, Meaning.UNKNOWN_KEY),
    (_NOT_ENABLED, Meaning.NOT_ENABLED),
    (_THROTTLED, Meaning.THROTTLED),
)


def code_of(error: ClientError) -> str:
    """The code of an error that AWS answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def said_by(error: ClientError) -> str:
    """The message of an error that AWS answered, in one line."""
    return _one_line(error.response.get("Error", {}).get("Message") or error)


def meaning_of(error: ClientError) -> Meaning:
    """What an error that AWS answered says.

    A wrong clock and a wrong secret share their codes; the time in AWS's answer, or its words, tell them apart.
    """
    code = code_of(error)
    if code in _SIGNATURE:
        ahead = ahead_of_aws(error)
        said = said_by(error).lower()
        if "scoped to a valid region" in said:
            return Meaning.WRONG_REGION
        off = ahead is not None and abs(ahead) > TOLERATED_SECONDS
        words = "expired" in said or "not yet current" in said or code.startswith("Request")
        return Meaning.WRONG_CLOCK if off or words else Meaning.WRONG_SECRET
    return next((meaning for codes, meaning in _MEANINGS if code in codes), Meaning.OTHER)


def ahead_of_aws(error: ClientError, at: datetime | None = None) -> float | None:
    """How many seconds this machine's clock is ahead of AWS's, by the Date of its answer; None where it has none."""
    return seconds_ahead(error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", ""), at)


def seconds_ahead(date: str, at: datetime | None = None) -> float | None:
    """How many seconds this machine's clock is ahead of a Date header.

    Args:
        date: The header; it has whole seconds.
        at: This machine's time when the answer was made. Default: now.
    """
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    if theirs.tzinfo is None:
        return None
    return ((at or datetime.now(UTC)) - theirs).total_seconds()


def brief_key(key: str) -> str:
    """An access key ID with no more of it than one recognises it by.

    What has not the form of one is not shown at all: it may be a secret in the wrong place.
    """
    if re.fullmatch(r"[A-Z0-9]{12,128}", key):
        return f"{key[:4]}...{key[-4:]}"
    return f"({len(key)} characters that are no access key ID)"


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


def whose(session: boto3.Session | None) -> str:
    """Which credentials a session uses, with no more of the key than one recognises it by."""
    try:
        credentials = session.get_credentials() if session else None
        key = (credentials.access_key or "") if credentials else ""
    except (BotoCoreError, ClientError):
        # A role that cannot be assumed: there is no key of it.
        credentials = None
    if session is None or credentials is None:
        return "the credentials"
    token = " with a session token" if credentials.token else ""
    source = _SOURCES.get(credentials.method, credentials.method)
    profile = "" if credentials.method in ("env", "explicit") else f", profile {session.profile_name!r}"
    return f"the access key {brief_key(key)}{token} (from {source}{profile})"


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

_DOCTOR = "; `raytrail doctor` tells the causes apart"
"""The end of each message of which credentials are the cause."""


def _answered(error: ClientError, session: boto3.Session | None, region: str) -> str:
    code, said = code_of(error), said_by(error)
    call, who = error.operation_name, whose(session)
    match meaning_of(error):
        case Meaning.DENIED:
            text = f"{who} may not call {call} in {region}: {said}; let them, or use another --profile"
        case Meaning.EXPIRED:
            text = f"the session of {who} has expired ({code}): {_sign_in_again(session)}{_DOCTOR}"
        case Meaning.UNKNOWN_KEY:
            text = f"{_unknown_key(code, said, session, region)}{_DOCTOR}"
        case Meaning.WRONG_CLOCK:
            text = _wrong_clock(error, code, said)
        case Meaning.WRONG_REGION:
            text = f"{region!r} is not the name of the Region that was asked ({code}: {said}); give --region{_DOCTOR}"
        case Meaning.WRONG_SECRET:
            text = f"the secret does not belong to {who} ({code}: {said}); export or configure the pair anew{_DOCTOR}"
        case Meaning.NOT_ENABLED:
            text = (
                f"{region} refuses {who} ({code}: {said}); enable the Region, and STS in it, in the account's "
                f"settings, or ask in another --region{_DOCTOR}"
            )
        case Meaning.THROTTLED:
            text = f"AWS throttles {call} ({said}) even after several tries; try again later, or ask for less"
        case _:
            text = f"{call} was refused in {region}: {said} ({code})"
    return text


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


def _wrong_clock(error: ClientError, code: str, said: str) -> str:
    ahead = ahead_of_aws(error) or 0.0
    if abs(ahead) > TOLERATED_SECONDS:
        return (
            f"this machine's clock is {off_by(ahead)} AWS's, which therefore refuses every signature ({code}): set the "
            "clock"
        )
    return f"AWS refuses the time of the signature ({code}: {said}); set this machine's clock"


def off_by(ahead: float) -> str:
    """How far a clock is off, and in which direction: ``47 minutes behind``."""
    size = abs(ahead)
    length = f"{size:.0f} seconds" if size < 120 else f"{size / 60:.0f} minutes"
    return f"{length} {'ahead of' if ahead > 0 else 'behind'}"


def _method(session: boto3.Session | None) -> str:
    credentials = session.get_credentials() if session else None
    return credentials.method if credentials else ""


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".")


def _no_answer(error: BotoCoreError, region: str) -> str:
    where = str(error.kwargs.get("endpoint_url") or "AWS") if hasattr(error, "kwargs") else "AWS"
    if "127.0.0.1" in where or "localhost" in where:
        return f"nothing answers at {where}: start the embedded AWS with `raytrail local`, which prints its endpoint"
    if region not in known_regions():
        near = meant_region(region)
        return f"{region!r} is no Region that boto3 knows" + (f"; did you mean {near}?" if near else "")
    return f"{where} does not answer: is the network, a proxy, or a VPC without an endpoint in the way?"


def _no_credentials(error: BotoCoreError, region: str) -> str:
    return (
        "no credentials were found: give --profile, sign in with `aws sso login` or `aws login`, or point --endpoint "
        f"at the embedded AWS that `raytrail local` starts{_DOCTOR}"
    )


def _ended_sign_in(error: BotoCoreError, region: str) -> str:
    return (
        f"the sign-in of the profile has ended ({_one_line(error)}): sign in again with `aws sso login` or `aws "
        f"login`{_DOCTOR}"
    )


def _no_retrieval(error: BotoCoreError, region: str) -> str:
    return f"the profile's credentials could not be had ({_one_line(error)}){_DOCTOR}"


def _broken_profile(error: BotoCoreError, region: str) -> str:
    return f"the AWS configuration is not usable: {_one_line(error)}; see `aws configure list-profiles`{_DOCTOR}"


_LOCAL: tuple[tuple[tuple[type[BotoCoreError], ...], Callable[[BotoCoreError, str], str]], ...] = (
    ((boto.NoCredentialsError,), _no_credentials),
    ((boto.SSOError, boto.LoginError, boto.TokenRetrievalError), _ended_sign_in),
    ((boto.CredentialRetrievalError, boto.MissingDependencyException), _no_retrieval),
    (
        (boto.ProfileNotFound, boto.PartialCredentialsError, boto.ConfigParseError, boto.InvalidConfigError),
        _broken_profile,
    ),
    ((boto.HTTPClientError, boto.ConnectionError), _no_answer),
)
