"""Key pairs of the embedded CloudTrail's own, with which it signs digests: one for each Region, as AWS has them.

Python's integers are all that RSA takes. The keys live as long as the server and protect nothing.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import threading
from dataclasses import dataclass

from raytrail.integrity import padded

BITS = 2048
EXPONENT = 65537
_ROUNDS = 8
"""Of Miller and Rabin, for a prime drawn at random: FIPS 186-5, table B.1 asks for 4."""
_SMALL_PRIMES = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, math.isqrt(n) + 1, 2))]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An RSA key pair."""

    modulus: int
    private_exponent: int

    @classmethod
    def generate(cls) -> KeyPair:
        """Draw one."""
        p, q = _prime(BITS // 2), _prime(BITS // 2)
        private = pow(EXPONENT, -1, math.lcm(p - 1, q - 1))
        return cls(modulus=p * q, private_exponent=private)

    def sign(self, message: bytes) -> bytes:
        """SHA256withRSA, which is RSASSA-PKCS1-v1_5 over SHA-256."""
        length = BITS // 8
        return pow(int.from_bytes(padded(message, length), "big"), self.private_exponent, self.modulus).to_bytes(length)

    @property
    def public_der(self) -> bytes:
        """The public key: DER of RSAPublicKey (PKCS #1)."""
        return _der(0x30, _integer(self.modulus) + _integer(EXPONENT))

    @property
    def fingerprint(self) -> str:
        """The MD5 of the public key's DER, which it is of each key that AWS's documentation prints."""
        return hashlib.md5(self.public_der, usedforsecurity=False).hexdigest()


class RegionKeys:
    """The key pair of each Region, drawn when it is first needed. Safe to use from several threads."""

    def __init__(self) -> None:
        self._keys: dict[str, KeyPair] = {}
        self._lock = threading.Lock()

    def of(self, region: str) -> KeyPair:
        """The key pair of a Region."""
        with self._lock:
            if region not in self._keys:
                self._keys[region] = KeyPair.generate()
            return self._keys[region]


def _prime(bits: int) -> int:
    while True:
        # The two highest bits make the product of two such primes as long as it should be.
        candidate = secrets.randbits(bits) | (0b11 << (bits - 2)) | 1
        if candidate % EXPONENT != 1 and all(candidate % p for p in _SMALL_PRIMES) and _is_prime(candidate):
            return candidate


def _is_prime(number: int) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(_ROUNDS):
        value = pow(2 + secrets.randbelow(number - 3), odd, number)
        if value in (1, number - 1):
            continue
        for _ in range(twos - 1):
            value = value * value % number
            if value == number - 1:
                break
        else:
            return False
    return True


def _integer(number: int) -> bytes:
    # One bit more than it has, for the sign.
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content
