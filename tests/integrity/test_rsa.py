"""Signatures, against those that OpenSSL made and keys that AWS prints."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integrity.delivered import key_pair

from raytrail.errors import InvalidProps
from raytrail.integrity import PublicKeys, RsaKey, padded

PRINTED = Path(__file__).parent / "printed"
OPENSSL = json.loads((PRINTED / "openssl.json").read_text())
AWS = json.loads((PRINTED / "aws_examples.json").read_text())
MESSAGE = OPENSSL["message"].encode()
SIGNATURE = bytes.fromhex(OPENSSL["signature"])


@pytest.mark.parametrize("form", ["pkcs1", "spki"])
def test_what_openssl_signed_verifies_with_the_key_in_either_of_its_forms(form: str) -> None:
    key = RsaKey.from_der(base64.b64decode(OPENSSL[form]))
    assert key.verifies(MESSAGE, SIGNATURE)
    assert not key.verifies(MESSAGE + b".", SIGNATURE)
    assert not key.verifies(MESSAGE, b"")
    assert not key.verifies(MESSAGE, b"\0" + SIGNATURE)


@settings(max_examples=25)
@given(st.integers(0, 2047))
def test_no_bit_of_a_signature_may_differ(bit: int) -> None:
    key = RsaKey.from_der(base64.b64decode(OPENSSL["pkcs1"]))
    other = int.from_bytes(SIGNATURE, "big") ^ (1 << bit)
    assert not key.verifies(MESSAGE, other.to_bytes(256, "big"))


def test_a_hash_with_less_padding_and_something_behind_it_is_no_signature() -> None:
    """What a check takes that reads from the front, and anybody makes for a small exponent (Bleichenbacher, 2006)."""
    pair = key_pair()
    whole = padded(MESSAGE, 256)
    short = b"\0\1" + b"\xff" * 8 + whole[whole.index(b"\xff\0") + 1 :]
    forged = pow(int.from_bytes(short.ljust(256, b"\x01"), "big"), pair.private_exponent, pair.modulus)
    key = RsaKey.from_der(pair.public_der)
    assert not key.verifies(MESSAGE, forged.to_bytes(256, "big"))
    assert key.verifies(MESSAGE, pair.sign(MESSAGE))


def test_the_keys_that_aws_prints_are_read_and_their_fingerprint_is_the_md5_of_their_bytes() -> None:
    keys = PublicKeys.read([("printed", json.dumps(AWS["public_keys"]))])
    assert len(keys) == 3
    for row in AWS["public_keys"]["publicKeyList"]:
        key = keys.get(row["Fingerprint"])
        assert key is not None
        assert (key.modulus.bit_length(), key.exponent) == (2048, 65537)
        assert hashlib.md5(base64.b64decode(row["Value"])).hexdigest() == row["Fingerprint"]


@pytest.mark.parametrize("cut", [0, 1, 3, 100, -1])
def test_a_key_that_is_cut_off_is_refused(cut: int) -> None:
    for form in ("pkcs1", "spki"):
        with pytest.raises(InvalidProps, match="DER"):
            RsaKey.from_der(base64.b64decode(OPENSSL[form])[:cut])


def test_a_key_with_something_behind_it_is_refused() -> None:
    for form in ("pkcs1", "spki"):
        with pytest.raises(InvalidProps, match="ends before"):
            RsaKey.from_der(base64.b64decode(OPENSSL[form]) + b"\0")


def test_a_key_too_short_to_prove_anything_is_refused() -> None:
    with pytest.raises(InvalidProps, match="2048 to 16384 bits, got 512"):
        RsaKey((1 << 511) + 1, 65537)


def test_the_answers_of_several_regions_may_stand_in_one_file() -> None:
    whole = AWS["public_keys"]["publicKeyList"]
    text = "\n".join(json.dumps({"PublicKeyList": [row]}, indent=4) for row in whole)
    assert len(PublicKeys.read([("all.json", text)])) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("{", "not JSON"),
        ("[]", "without a PublicKeyList"),
        ('{"PublicKeyList": [{"Value": "MIIB"}]}', "without Fingerprint"),
        ('{"PublicKeyList": [{"Value": "no base64!", "Fingerprint": "00"}]}', "in base64"),
        ('{"PublicKeyList": [{"Value": "AAAA", "Fingerprint": "00"}]}', "no RSA public key in DER"),
    ],
)
def test_a_file_without_public_keys_is_named_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidProps, match=r"keys\.json holds no public keys: ") as caught:
        PublicKeys.read([("keys.json", text)])
    assert why in str(caught.value)
