"""The public keys of CloudTrail, as somebody saved them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from raytrail.errors import InvalidProps
from raytrail.integrity._rsa import RsaKey

_LISTS = ("PublicKeyList", "publicKeyList")
"""What the AWS CLI prints, and what its documentation shows."""


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """Keys by their fingerprint. Each Region has keys of its own, and gets new ones every few weeks."""

    by_fingerprint: dict[str, RsaKey] = field(default_factory=dict)
    """The keys. Default: none."""

    def __len__(self) -> int:
        return len(self.by_fingerprint)

    def get(self, fingerprint: str) -> RsaKey | None:
        """The key with this fingerprint, if it is known.

        Args:
            fingerprint: In hexadecimal, in either case.
        """
        return self.by_fingerprint.get(fingerprint.lower())

    @classmethod
    def read(cls, texts: Iterable[tuple[str, str]]) -> PublicKeys:
        """Read what ``aws cloudtrail list-public-keys`` printed, and return its keys.

        Args:
            texts: Name and text of each file. A file may hold the answers of several calls one after the other, so
                that the answers of all Regions can be appended to one file.

        Raises:
            InvalidProps: A file holds no public keys; the message names it.
        """
        keys: dict[str, RsaKey] = {}
        for name, text in texts:
            try:
                keys |= {fingerprint: key for document in _documents(text) for fingerprint, key in _keys(document)}
            except InvalidProps as error:
                raise InvalidProps(
                    f"{name} holds no public keys: {error}; save what `aws cloudtrail list-public-keys "
                    "--start-time … --end-time …` prints"
                ) from error
        return cls(keys)


def _documents(text: str) -> Iterator[Any]:
    decoder, text = json.JSONDecoder(), text.lstrip("\ufeff").strip()
    if not text:
        raise InvalidProps("it is empty")
    while text:
        try:
            document, end = decoder.raw_decode(text)
        except (ValueError, RecursionError) as error:
            raise InvalidProps(f"not JSON: {error}") from error
        yield document
        text = text[end:].lstrip()


def _keys(document: Any) -> Iterator[tuple[str, RsaKey]]:
    rows = next((document[name] for name in _LISTS if name in document), None) if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise InvalidProps("JSON without a PublicKeyList")
    for row in rows:
        try:
            fingerprint, value = str(row["Fingerprint"]).lower(), base64.b64decode(row["Value"], validate=True)
        except (TypeError, KeyError, binascii.Error, ValueError) as error:
            raise InvalidProps(f"a row without Fingerprint and Value in base64: {str(row)[:80]}") from error
        yield fingerprint, RsaKey.from_der(value)
