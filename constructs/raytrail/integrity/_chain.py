"""The chain of the digests of one trail, judged from the newest to the oldest.

In that order each digest is judged by the one after it, which states its hash and carries its signature: so a copy
of the files is enough for all but the newest, whose signature only its object's metadata has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from raytrail.integrity._content import Damaged, Followed
from raytrail.integrity._digest import SIGNATURE_ALGORITHM, Digest, Link
from raytrail.integrity._findings import Finding, Status, hindrance
from raytrail.integrity._keys import PublicKeys
from raytrail.integrity._names import DigestName, read_digest_name
from raytrail.integrity._rsa import RsaKey
from raytrail.integrity._source import SIDECAR

_NO_SIGNATURE = (
    "its signature is in its metadata in S3 alone: lay what `aws s3api head-object` prints of it beside it, with "
    f"{SIDECAR} appended to its name"
)
_NO_METADATA = "its metadata have no signature, without which CloudTrail delivers none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """A digest as it was found, or why it could not be read."""

    path: str
    name: DigestName
    content: Digest | Damaged | Followed | OSError
    signature: str | None
    """Of the object's metadata, when they are known."""
    bucket: str | None
    """Where it was read; None for a copy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What is known of a digest."""

    finding: Finding
    digest: Digest | None = None
    """The digest, when what it says of log files counts: nothing is known against its content."""
    signed: bool = False
    """Whether its content is known to be CloudTrail's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Newer:
    """The digest after the one that is judged next."""

    path: str
    digest: Digest
    doubted: bool
    """It was altered: what it says of the digest before it counts only where that is proof in itself."""
    signed: bool


@dataclass(slots=True)
class Chain:
    """Judges the digests of one chain, which come one by one, the newest first."""

    keys: PublicKeys
    _newer: _Newer | None = field(default=None, init=False)
    """None before the newest, and after one of which nothing is known."""

    def take(self, found: Read) -> Iterator[Judged]:
        """Judge a digest, and what should have come before it in this order."""
        newer = self._newer
        link = newer.digest.previous if newer else None
        if newer is not None and link is not None and not _is(found, link):
            if not newer.doubted and _ended_by(link, found.name.end):
                yield _judged(found, Status.EXTRA, f"it has come into the chain: {newer.path} names an older one")
                return
            yield from self.missing(found.bucket)
            self._newer = newer = link = None
        if isinstance(found.content, Digest):
            yield from self._judge(found, found.content, newer, link)
            return
        self._newer = None
        yield _judged(found, *hindrance(found.content))

    def missing(self, bucket: str | None, since: datetime | None = None) -> Iterator[Judged]:
        """Name the digest before the one judged last, which is not there.

        Args:
            bucket: What is read; None for a copy.
            since: From when digests are asked for: one that ended by then is not missed.
        """
        newer = self._newer
        link = newer.digest.previous if newer else None
        if newer is None or link is None or newer.doubted or (since is not None and _ended_by(link, since)):
            return
        name = read_digest_name(link.key.rpartition("/")[2])
        status, reason = Status.MISSING, f"named by the digest after it, {newer.path}"
        if link.bucket != (bucket or newer.digest.bucket):
            status, reason = Status.UNVERIFIED, f"the chain goes on in another bucket, {link.bucket}: verify that too"
        # As the paths of a copy: without what stands before them in the keys.
        path = link.key.removeprefix(newer.digest.key.removesuffix(newer.path))
        chain = name.chain if name else None
        yield Judged(finding=Finding(status=status, kind="digest", path=path, reason=reason, chain=chain))

    def _judge(self, found: Read, digest: Digest, newer: _Newer | None, link: Link | None) -> Iterator[Judged]:
        if reason := _moved(found, digest):
            self._newer = None
            yield _judged(found, Status.ALTERED, reason)
            return
        key, no_key = self._key(digest)
        own = key.verifies(digest.signed, _bytes(found.signature)) if key and found.signature is not None else None
        carried = key.verifies(digest.signed, _bytes(link.signature)) if key and link else None
        signed = bool(own or carried)
        linked = link is None or (link.hash == digest.hash and carried is not False)
        believed = newer if newer is not None and not newer.doubted else None
        if believed and signed and not linked:
            # This one is CloudTrail's for certain, so the other is not.
            yield _said(found, believed.path, Status.ALTERED, f"what it states of {found.path} is not so")
        # Something speaks against it, be it the word of a digest that was altered, and no signature for it.
        doubted = not signed and (own is False or not linked)
        if own is False:
            status, reason = Status.ALTERED, "the signature in its metadata does not fit it"
        elif signed:
            status, reason = Status.VERIFIED, ""
        elif believed and not linked:
            whose = "" if believed.signed else f", or {believed.path} was altered, which states them"
            status, reason = Status.ALTERED, f"its hash or signature does not fit it{whose}"
        elif no_key:
            status, reason = Status.UNVERIFIED, no_key
        else:
            status, reason = Status.UNVERIFIED, _NO_SIGNATURE if found.bucket is None else _NO_METADATA
        if believed and not doubted:
            yield from _gap(found, digest, believed, link)
        self._newer = _Newer(path=found.path, digest=digest, doubted=doubted, signed=signed)
        yield _judged(found, status, reason, None if doubted else digest, signed)

    def _key(self, digest: Digest) -> tuple[RsaKey | None, str]:
        """The key that its signature is checked with, or why there is none."""
        if digest.signature_algorithm != SIGNATURE_ALGORITHM:
            return None, f"it is signed with {digest.signature_algorithm}, of which only {SIGNATURE_ALGORITHM} is known"
        key = self.keys.get(digest.fingerprint)
        if key is None and len(self.keys) == 0:
            return None, "no public keys were given"
        return key, "" if key else f"no public key with the fingerprint {digest.fingerprint} was given"


def _judged(found: Read, status: Status, reason: str, digest: Digest | None = None, signed: bool = False) -> Judged:
    said = _said(found, found.path, status, reason)
    return Judged(finding=said.finding, digest=digest, signed=signed)


def _said(found: Read, path: str, status: Status, reason: str) -> Judged:
    return Judged(finding=Finding(status=status, kind="digest", path=path, reason=reason, chain=found.name.chain))


def _gap(found: Read, digest: Digest, newer: _Newer, link: Link | None) -> Iterator[Judged]:
    """What no digest covers between this one and the next. Backfill digests cover what they must, and no more."""
    if digest.end == newer.digest.start or found.name.chain.backfill:
        return
    period = f"{digest.end:%Y-%m-%dT%H:%M:%SZ}/{newer.digest.start:%Y-%m-%dT%H:%M:%SZ}"
    if link is not None:
        status, reason = Status.BROKEN, f"{newer.path} does not begin where the digest before it ends"
    elif digest.end < newer.digest.start:
        status, reason = Status.UNVERIFIED, "no digest covers it: logging, or its validation, was off"
    else:
        return
    yield Judged(finding=Finding(status=status, kind="period", path=period, reason=reason, chain=found.name.chain))


def _is(found: Read, link: Link) -> bool:
    return _lies_at(found.path, found.bucket, link.bucket, link.key)


def _moved(found: Read, digest: Digest) -> str:
    if _lies_at(found.path, found.bucket, digest.bucket, digest.key):
        return ""
    return f"it is not where CloudTrail put it: it says s3://{digest.bucket}/{digest.key}"


def _lies_at(path: str, read_from: str | None, bucket: str, key: str) -> bool:
    """Whether a file is the object. Of a copy only the last parts of the key are known."""
    if read_from is not None:
        return (read_from, path) == (bucket, key)
    return key == path or key.endswith(f"/{path}")


def _ended_by(link: Link, moment: datetime) -> bool:
    name = read_digest_name(link.key.rpartition("/")[2])
    return name is not None and name.end <= moment


def _bytes(signature: str) -> bytes:
    try:
        return bytes.fromhex(signature)
    except ValueError:
        return b""
