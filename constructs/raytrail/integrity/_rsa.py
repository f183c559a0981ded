"""Checking of RSA signatures with a public key: RSASSA-PKCS1-v1_5 over SHA-256, which CloudTrail signs digests with.

Only public values pass through here, so plain arithmetic leaks nothing, and checking needs no library.
https://www.rfc-editor.org/rfc/rfc8017#section-8.2.2
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from raytrail.errors import InvalidProps

MIN_BITS = 2048
"""What CloudTrail's keys have, and less is no proof of anything."""
MAX_BITS = 16_384
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands before a SHA-256 hash in a signature: DER of DigestInfo (RFC 8017, section 9.2, note 1)."""

_INTEGER, _BIT_STRING, _SEQUENCE = 0x02, 0x03, 0x30
_RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")
"""DER of the AlgorithmIdentifier of an RSA key in a SubjectPublicKeyInfo."""


@dataclass(frozen=True, slots=True)
class RsaKey:
    """A public key.

    Raises:
        InvalidProps: The modulus has not 2,048 to 16,384 bits, or a number is even
            (https://www.rfc-editor.org/rfc/rfc8017#section-3.1).
    """

    modulus: int
    """Its modulus."""
    exponent: int
    """Its public exponent."""

    def __post_init__(self) -> None:
        if not MIN_BITS <= self.modulus.bit_length() <= MAX_BITS:
            bits = self.modulus.bit_length()
            raise InvalidProps(f"an RSA key of a digest has {MIN_BITS} to {MAX_BITS} bits, got {bits}")
        if not (3 <= self.exponent < self.modulus and self.exponent % 2 and self.modulus % 2):
            raise InvalidProps(f"the modulus and exponent of an RSA key are odd, got exponent {self.exponent}")

    @classmethod
    def from_der(cls, der: bytes) -> RsaKey:
        """Return the key that ``ListPublicKeys`` gives.

        Args:
            der: RSAPublicKey of PKCS #1, or SubjectPublicKeyInfo, in which AWS has given keys too.

        Raises:
            InvalidProps: It is neither.
        """
        content, rest = _take(der, _SEQUENCE)
        if content.startswith(_RSA_ENCRYPTION):
            bits, left = _take(content[len(_RSA_ENCRYPTION) :], _BIT_STRING)
            if rest or left or not bits.startswith(b"\0"):
                raise InvalidProps("a public key in DER ends before its bytes do")
            return cls.from_der(bits[1:])
        modulus, after = _take(content, _INTEGER)
        exponent, left = _take(after, _INTEGER)
        if rest or left:
            raise InvalidProps("a public key in DER ends before its bytes do")
        return cls(int.from_bytes(modulus, "big", signed=True), int.from_bytes(exponent, "big", signed=True))

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether the holder of the private key signed this message.

        Args:
            message: What was signed.
            signature: The signature.
        """
        length = (self.modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != length or number >= self.modulus:
            return False
        return pow(number, self.exponent, self.modulus).to_bytes(length, "big") == padded(message, length)


def padded(message: bytes, length: int) -> bytes:
    """The EMSA-PKCS1-v1_5 encoding of a message: what a signature is made of.

    Args:
        message: What is signed.
        length: Bytes of the signature, which are those of the key's modulus.
    """
    info = SHA256_INFO + hashlib.sha256(message).digest()
    return b"\0\1" + b"\xff" * (length - len(info) - 3) + b"\0" + info


def _take(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first value, which must have this tag, and what follows it."""
    if len(der) < 2 or der[0] != tag:
        raise InvalidProps(f"no RSA public key in DER: got {der[:8].hex() or 'nothing'} where tag {tag:02x} belongs")
    start, length = 2, der[1]
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    if len(der) < start + length or start > 6:
        raise InvalidProps(f"a public key in DER is cut off after {len(der)} bytes")
    return der[start : start + length], der[start + length :]
