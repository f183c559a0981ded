"""Digests: an account each hour of the files that a trail with validation has delivered, signed and chained.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from raytrail.integrity import HASH_ALGORITHM, SIGNATURE_ALGORITHM, signing_string
from raytrail.localaws._cloudtrail._put import ObjectWriter
from raytrail.localaws._cloudtrail._signing import RegionKeys
from raytrail.localaws._cloudtrail._trails import Trail, Trails, failed, now, ok, utc
from raytrail.localaws._hooks import hook
from raytrail.localaws._world import Response

EVERY_SECONDS = 3600
KEY_SECONDS = 30 * 24 * 3600
"""How long a key is valid, as in the examples that AWS prints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """A digest that lies in its bucket."""

    bucket: str
    key: str
    hash: str
    signature: str


@dataclass(kw_only=True, slots=True)
class _Chain:
    """The digests of one trail, in one account and Region."""

    trail: Trail
    account_id: str
    region: str
    start: int
    """Where the next digest begins: seconds since the epoch."""
    delivered: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the next digest says of log files, by key."""
    previous: _Written | None = None
    ending: bool = False


class Digests:
    """Keeps account of what is delivered, and writes it down. Safe to use from several threads."""

    def __init__(self, trails: Trails, writer: ObjectWriter, keys: RegionKeys) -> None:
        self._trails = trails
        self._writer = writer
        self._keys = keys
        self._since = int(now())
        self._region = hook("ministack.core.responses:get_region")
        self._scope = hook("ministack.core.responses:request_scope")
        self._chains: dict[tuple[str, str, str], _Chain] = {}
        self._began: dict[str, int] = {}
        self._lock = threading.RLock()
        hook("ministack.services.cloudtrail:_DISPATCH")["ListPublicKeys"] = self._list_public_keys

    def note(self, trail: Trail, key: str, body: bytes) -> None:
        """Take note of a log file that was delivered."""
        if not trail.validates:
            return
        raw = gzip.decompress(body)
        times = [record["eventTime"] for record in json.loads(raw)["Records"]]
        account, _, region = key.partition("AWSLogs/")[2].split("/")[-7:-4]
        with self._lock:
            self._chain(trail, account, region).delivered[key] = {
                "s3Bucket": trail.bucket,
                "s3Object": key,
                "hashValue": hashlib.sha256(raw).hexdigest(),
                "hashAlgorithm": HASH_ALGORITHM,
                "newestEventTime": max(times),
                "oldestEventTime": min(times),
            }

    def turn(self) -> None:
        """Begin, continue and end chains as trails start and stop. Called after each delivery."""
        moment = int(now())
        with self._lock:
            active = {trail.arn: trail for trail in self._trails.current() if trail.logging and trail.validates}
            for trail in active.values():
                self._chain(trail, trail.account_id, trail.home_region)
            for name, chain in list(self._chains.items()):
                current = active.get(chain.trail.arn)
                if current is not None:
                    chain.trail, chain.ending = current, False
                    if moment - chain.start >= EVERY_SECONDS:
                        self._write(chain, moment)
                elif not chain.ending:
                    # What was recorded before the end is delivered first, and the call that ended it.
                    chain.ending = True
                elif moment > chain.start and self._write(chain, moment):
                    del self._chains[name]
            self._began = {arn: began for arn, began in self._began.items() if arn in active}

    def write(self, account_id: str) -> list[dict[str, str]]:
        """Write a digest of each chain of an account's trails now, and return their buckets and keys."""
        with self._lock:
            chains = [chain for chain in self._chains.values() if chain.trail.account_id == account_id]
            # A digest lasts a second at least: two could not be told apart by their keys.
            while any(int(now()) <= chain.start for chain in chains):
                time.sleep(0.05)
            moment = int(now())
            written = [chain.previous for chain in chains if self._write(chain, moment)]
            return [{"bucket": digest.bucket, "key": digest.key} for digest in written if digest is not None]

    def _chain(self, trail: Trail, account_id: str, region: str) -> _Chain:
        began = self._began.setdefault(trail.arn, int(now()))
        new = _Chain(trail=trail, account_id=account_id, region=region, start=began)
        return self._chains.setdefault((trail.arn, account_id, region), new)

    def _write(self, chain: _Chain, end: int) -> bool:
        trail, pair = chain.trail, self._keys.of(chain.region)
        key = _key(chain, end)
        previous = chain.previous
        logs = list(chain.delivered.values())
        raw = json.dumps(
            {
                "awsAccountId": chain.account_id,
                "digestStartTime": utc(chain.start),
                "digestEndTime": utc(end),
                "digestS3Bucket": trail.bucket,
                "digestS3Object": key,
                "digestPublicKeyFingerprint": pair.fingerprint,
                "digestSignatureAlgorithm": SIGNATURE_ALGORITHM,
                "newestEventTime": max((log["newestEventTime"] for log in logs), default=None),
                "oldestEventTime": min((log["oldestEventTime"] for log in logs), default=None),
                "previousDigestS3Bucket": previous.bucket if previous else None,
                "previousDigestS3Object": previous.key if previous else None,
                "previousDigestHashValue": previous.hash if previous else None,
                "previousDigestHashAlgorithm": HASH_ALGORITHM if previous else None,
                "previousDigestSignature": previous.signature if previous else None,
                "logFiles": logs,
            },
            separators=(",", ":"),
        ).encode()
        content_hash = hashlib.sha256(raw).hexdigest()
        signed = signing_string(
            end_time=utc(end),
            bucket=trail.bucket,
            key=key,
            content_hash=content_hash,
            previous_signature=previous.signature if previous else None,
        )
        signature = pair.sign(signed).hex()
        metadata = {"signature": signature, "signature-algorithm": SIGNATURE_ALGORITHM}
        with self._scope(trail.account_id, trail.home_region):
            refused = self._writer.put(trail, key, gzip.compress(raw, mtime=0), metadata)
        self._trails.status(trail.arn).note("digest", refused)
        if refused:
            return False  # it is made again, of more, at the next turn
        chain.previous = _Written(bucket=trail.bucket, key=key, hash=content_hash, signature=signature)
        chain.start, chain.delivered = end, {}
        return True

    def _list_public_keys(self, body: dict[str, Any]) -> Response:
        """ListPublicKeys: the key of the Region, when its time and the time asked for overlap."""
        end = float(body.get("EndTime") or now())
        start = float(body.get("StartTime") or end)
        if start > end:
            return failed("InvalidTimeRangeException", "The start time of the range is after its end time.")
        rows = []
        if start < self._since + KEY_SECONDS and end >= self._since:
            pair = self._keys.of(str(self._region()))
            rows.append(
                {
                    "Value": base64.b64encode(pair.public_der).decode(),
                    "ValidityStartTime": self._since,
                    "ValidityEndTime": self._since + KEY_SECONDS,
                    "Fingerprint": pair.fingerprint,
                }
            )
        return ok({"PublicKeyList": rows})


def _key(chain: _Chain, end: int) -> str:
    trail, stamp = chain.trail, utc(end)
    name = trail.arn.rpartition("/")[2]
    compact = stamp.replace("-", "").replace(":", "")
    file = f"{chain.account_id}_CloudTrail-Digest_{chain.region}_{name}_{trail.home_region}_{compact}.json.gz"
    day = stamp[:10].replace("-", "/")
    folders = [trail.prefix.strip("/"), "AWSLogs", trail.organization_id, chain.account_id, "CloudTrail-Digest"]
    return "/".join([*(part for part in folders if part), chain.region, day, file])
