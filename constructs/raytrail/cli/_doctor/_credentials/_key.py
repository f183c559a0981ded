"""What an access key ID says by itself, before anybody is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LOCAL = ("test", "local", "localstack", "dummy", "fake")
_OTHERS = {
    "AIDA": "a user",
    "AROA": "a role",
    "AGPA": "a group",
    "AIPA": "an instance profile",
    "ANPA": "a managed policy",
    "ABIA": "a bearer token of STS",
    "ACCA": "a service-specific credential",
    "APKA": "a public key",
    "ASCA": "a certificate",
}
"""Prefixes of ids that are no access keys
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids)."""

Kind = Literal["long-term", "temporary", "local", "none"]


@dataclass(frozen=True, kw_only=True)
class Key:
    """An access key ID.

    Attributes:
        id: The ID as it stands in its place.
        kind: Long-term (AKIA), temporary (ASIA), of an emulator (``test``, or an account id), or none at all.
        flaw: Why no key of AWS can have this ID; empty where one can.
        account: The account that made it, where the ID says so; otherwise None.
    """

    id: str
    kind: Kind
    flaw: str = ""
    account: str | None = None


def read_key(text: str) -> Key:
    """Tell what an access key ID is by its form."""
    if re.fullmatch(r"\d{12}", text) or text.lower() in _LOCAL:
        return Key(id=text, kind="local", account=text if text.isdecimal() else None)
    flaw = next(_flaws(text), "")
    kind: Kind = {"AKIA": "long-term", "ASIA": "temporary"}.get(text[:4], "none")  # type: ignore[assignment]  # mypy widens the values to str
    return Key(id=text, kind=kind, flaw=flaw, account=None if flaw else account_of(text))


def account_of(key_id: str) -> str | None:
    """The account that an access key ID encodes, of twelve digits.

    After the prefix of four letters an ID is base32. Where its first bit is set, the 40 bits after it are the number of
    the account; in IDs made before about April 2019, which begin with AKIAI or AKIAJ, that bit is not set, and they do
    not say it. AWS does not document this. Aidan Steele (awsteele.com, 2020) and Tal Be'ery (2023) found it out, and
    ``sts:GetAccessKeyInfo`` answers by it.

    Returns:
        The account, or None where the ID does not encode one.
    """
    body = key_id[4:14]
    if len(body) < 10 or any(letter not in _LETTERS for letter in body) or not says_account(key_id):
        return None
    bits = 0
    for letter in body:
        bits = bits << 5 | _LETTERS.index(letter)
    account = bits >> 9 & (1 << 40) - 1
    return f"{account:012d}" if account < 10**12 else None


def says_account(key_id: str) -> bool:
    """Whether the first bit of an ID is set, so that an account follows."""
    return _LETTERS.find(key_id[4:5]) >= 16


def _flaws(text: str) -> Iterator[str]:
    """Why no access key can have this ID, in words with none of its letters but those that are wrong."""
    if "#" in text:
        yield "a comment stands behind it, which the AWS configuration takes for letters of the key"
    if text != text.strip() or any(not letter.isprintable() for letter in text):
        yield "it has blanks or invisible characters at its ends or within"
    if text[:1] in ("'", '"') or text[-1:] in ("'", '"'):
        yield "it has quotation marks, which the AWS configuration takes for letters of the key"
    if len(text) >= 40:
        yield f"it has {len(text)} characters, as a secret or a token has: the values may have changed places"
    if text[:4] in _OTHERS:
        yield f"it begins with {text[:4]}, so it is the unique id of {_OTHERS[text[:4]]} and no access key"
    if text[:4].upper() in ("AKIA", "ASIA") and text != text.upper():
        yield "it has lower-case letters"
    if text[:4] not in ("AKIA", "ASIA"):
        yield "it does not begin with AKIA (long-term) or ASIA (temporary)"
    if len(text) != 20:
        yield f"it has {len(text)} characters, and access key IDs have 20"
    if wrong := sorted(set(text[4:]) - set(_LETTERS)):
        yield f"it has {' and '.join(wrong)}, which do not occur in access key IDs (A to Z and 2 to 7 do)"
    elif says_account(text) and account_of(text) is None:
        yield "the account that it encodes has more than twelve digits"
