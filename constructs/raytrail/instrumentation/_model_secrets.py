"""Keys of partners: never themselves, only where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from raytrail.errors import InvalidProps


@runtime_checkable
class Secret(Protocol):
    """A secret of ``aws_cdk.aws_secretsmanager``, made or imported: an ``ISecret``."""

    @property
    def secret_arn(self) -> str:
        """The ARN."""

    @property
    def secret_name(self) -> str:
        """The name."""

    @property
    def secret_full_arn(self) -> str | None:
        """The ARN with the six characters at its end, where they are known."""

    @property
    def encryption_key(self) -> Any:
        """The KMS key of its own, if it has one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretField:
    """A key in a secret of Secrets Manager, for a secret that holds more than one, or has a KMS key of its own.

    Args:
        secret: The secret: its name, its ARN, or the construct.
        field: The field of the secret's JSON that holds the key. Default: the whole secret is the key.
        encryption_key_arn: The ARN of the KMS key that encrypts a secret given by name or ARN. Default: the AWS managed
            key ``aws/secretsmanager``, which needs no permission; a construct brings its own.

    Raises:
        InvalidProps: It is no secret's name or ARN, or it is the key itself.
    """

    secret: str | Secret
    field: str | None = None
    encryption_key_arn: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.secret, str):
            _check_name(self.secret)
        elif not isinstance(self.secret, Secret):
            raise InvalidProps(
                f"a key is given as a secret of Secrets Manager, by name, ARN or construct, got "
                f"{type(self.secret).__name__}: a key itself, also as a SecretValue, would stand in the template"
            )
        if self.field == "":
            raise InvalidProps("field of a secret is a name in its JSON, got ''; leave it out to take the whole secret")


SecretSource: TypeAlias = "str | Secret | SecretField"
"""Where a key is: a secret by name, ARN or construct, or a field in one."""

# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html#SecretsManager-CreateSecret-request-Name
_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_ARN = re.compile(r"arn:[^:]+:secretsmanager:[^:]+:[^:]+:secret:[A-Za-z0-9/_+=.@-]{1,519}")
_TOKEN = "${Token["  # noqa: S105 - how the CDK writes a value that only the deployment knows, not a password
_Form: TypeAlias = tuple[re.Pattern[str], str]
"""A form of keys, and what it is called."""

_HEXADECIMAL = (re.compile(r"[0-9a-f]{32}"), "a key of 32 hexadecimal digits, as those of Rollbar and Honeycomb")
_SURE_FORMS = (
    (re.compile(r"hc[a-z]{3}_[A-Za-z0-9]{20,}"), "a key of Honeycomb"),
    (re.compile(r"(?i)(bearer|basic)[ =].+"), "the value of an authorization header"),
)
_FORMS = (_HEXADECIMAL, *_SURE_FORMS)
"""What is a key as a whole."""

_TOKEN_OF_HONEYCOMB = re.compile(
    r"(?=.*[a-z])(?=.*[A-Z])(?=(?:.*?[A-Za-z][0-9]+(?=[A-Za-z])){2})(?!.*[a-z]{5})[A-Za-z0-9]{22}"
)
"""Honeycomb documents no length. A name in plain words has five small letters in a row somewhere, or its digits at its
end; a key seldom has either."""

_NO_NAMES = (*_FORMS, (_TOKEN_OF_HONEYCOMB, "a key of 22 letters and digits, as those of Honeycomb"))
"""What is a key where a secret's name is meant."""

_SURE_PARTS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (
        re.compile(r"\{\{resolve:(secretsmanager|ssm-secure):"),
        "a reference that CloudFormation replaces by the key",
    ),
    (re.compile(r"://[^/?#\s:@]*:[^/?#\s@]+@"), "a URL with a password in it"),
)
_PARTS = (*_SURE_PARTS, (re.compile(r"://[^/?#\s]*@"), "a URL with a user in it"))
"""What gives away that a key is within."""

_FOR_KEYS = re.compile(
    r"(?i)^(cookie|x-honeycomb-team)$|api[-_]?key|(^|[-_])key$|auth(?!ors?([-_.]|$))|dsn|credential|licen[cs]e|access|token|secret"
    r"|passw(or)?d"
)
"""The names of headers and fields whose value is a key."""


def secret_field(source: SecretSource) -> SecretField:
    """Return what was given as a `SecretField`.

    Raises:
        InvalidProps: It is no secret's name or ARN, or it is the key itself.
    """
    return source if isinstance(source, SecretField) else SecretField(secret=source)


def check_plain_header(name: str, value: str) -> None:
    """Refuse a header that carries a key in clear.

    Raises:
        InvalidProps: The header is one for keys, or its value looks like one.
    """
    form = key_in(value)
    if form or is_for_key(name):
        raise InvalidProps(
            f"header {name!r} carries {form or 'a key'}, which would stand in clear in the template and in the "
            "function's environment: put the key into Secrets Manager and name the secret in header_secrets"
        )


def is_for_key(name: str) -> bool:
    """Whether a header or field of this name is one for keys."""
    return _FOR_KEYS.search(name) is not None


def key_in(value: str) -> str | None:
    """Return in words what key a text is or holds, by its form; None if it has no form of one."""
    if words := _words(value, _FORMS, _PARTS):
        return words
    # As token=… in a query, or sentry_key=… in a header.
    named = next((name for name in re.findall(r"([\w.-]+)=[^\s=&]", value) if is_for_key(name)), None)
    return f"a key as {named}" if named else None


def key_in_attribute(name: str, value: str) -> str | None:
    """Return in words what key a resource attribute is or holds; None if its value may be anything else.

    Hashes, the addresses of repositories and texts with an equals sign are ordinary there, unlike in a header.
    """
    return _words(value, _FORMS if is_for_key(name) else _SURE_FORMS, _SURE_PARTS)


def _words(value: str, forms: Iterable[_Form], parts: Iterable[_Form]) -> str | None:
    """What a text is as a whole by one of the forms, or else has within by one of the parts."""
    whole = (words for form, words in forms if form.fullmatch(value))
    return next(whole, None) or next((words for form, words in parts if form.search(value)), None)


def _check_name(name: str) -> None:
    for form, words in _NO_NAMES:
        if form.fullmatch(name):
            raise InvalidProps(
                f"a key is given by the name of its secret, and this looks like {words}: put it into Secrets Manager, "
                "give the secret's name, and replace the key, which may be in a history by now; if it is a name, give "
                "the secret as its ARN or as a construct"
            )
    if not (_NAME.fullmatch(name) or _ARN.fullmatch(name) or _TOKEN in name):
        raise InvalidProps(
            # Not repeated: it may be a key.
            "a secret's name has 1 to 512 of the characters A-Z a-z 0-9 / _ + = . @ -, or is its ARN, got a text of "
            f"{len(name)} characters that is neither"
        )
