"""What CloudTrail would have delivered, laid out in a folder, and signed with a key of the tests' own.

Written after AWS's description of digests, and apart from the embedded AWS, which writes them too.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from raytrail.integrity import PublicKeys
from raytrail.localaws._cloudtrail._signing import KeyPair

ACCOUNT = "111122223333"
BUCKET = "amzn-s3-demo-bucket"
START = datetime(2026, 1, 31, 21, 1, 31, tzinfo=UTC)
"""Three hours before another day, and another month."""
HOUR = timedelta(hours=1)


def key_pair(number: int = 0) -> KeyPair:
    """A key pair of the tests, drawn once."""
    return _key_pair(number)


@cache
def _key_pair(_number: int) -> KeyPair:
    return KeyPair.generate()


def public_keys_document(*pairs: KeyPair) -> dict[str, Any]:
    """What `aws cloudtrail list-public-keys` prints of them."""
    rows = [
        {"Value": base64.b64encode(pair.public_der).decode(), "Fingerprint": pair.fingerprint}
        for pair in pairs or [key_pair()]
    ]
    return {"PublicKeyList": [{**row, "ValidityStartTime": 1.0, "ValidityEndTime": 2.0} for row in rows]}


def public_keys(*pairs: KeyPair) -> PublicKeys:
    """The same, read."""
    return PublicKeys.read([("keys.json", json.dumps(public_keys_document(*pairs)))])


@dataclass
class Trail:
    """A trail that delivers to a folder as if that were its bucket."""

    folder: Path
    name: str = "audit_all"
    account: str = ACCOUNT
    region: str = "us-east-1"
    home_region: str = "us-east-1"
    prefix: str = ""
    organization: str = ""
    start: datetime = START
    backfill: bool = False
    digests: list[str] = field(default_factory=list)
    """The keys of the digests, the oldest first."""
    logs: list[str] = field(default_factory=list)
    signatures: dict[str, str] = field(default_factory=dict)
    _previous: dict[str, Any] = field(default_factory=dict)

    @property
    def above(self) -> str:
        """The folders above CloudTrail's."""
        return "/".join(part for part in (self.prefix, "AWSLogs", self.organization, self.account) if part)

    def log_key(self, moment: datetime, unique: str, kind: str = "CloudTrail") -> str:
        """Where a log file goes."""
        name = f"{self.account}_{kind}_{self.region}_{moment:%Y%m%dT%H%MZ}_{unique}.json.gz"
        return f"{self.above}/{kind}/{self.region}/{moment:%Y/%m/%d}/{name}"

    def log(self, moment: datetime, unique: str, kind: str = "CloudTrail") -> dict[str, Any]:
        """Deliver a log file, and return what a digest says of it."""
        key = self.log_key(moment, unique, kind)
        record = {"eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "eventName": "GetObject", "eventID": unique * 9}
        raw = json.dumps({"Records": [record]}).encode()
        self.write(key, gzip.compress(raw))
        self.logs.append(key)
        return {
            "s3Bucket": BUCKET,
            "s3Object": key,
            "hashValue": hashlib.sha256(raw).hexdigest(),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": record["eventTime"],
            "oldestEventTime": record["eventTime"],
        }

    def hour(self, logs: int = 2, length: timedelta = HOUR, pair: KeyPair | None = None, **other: Any) -> str:
        """Deliver an hour's log files and its digest; return the digest's key."""
        begin, end, pair = self.start, self.start + length, pair or key_pair()
        step = length / (logs + 1)
        said = [self.log(begin + step * (n + 1), f"{begin:%d%H}n{n}") for n in range(logs)]
        backfill = "_backfill" if self.backfill else ""
        name = (
            f"{self.account}_CloudTrail-Digest_{self.region}_{self.name}_{self.home_region}_{end:%Y%m%dT%H%M%SZ}"
            f"{backfill}.json.gz"
        )
        key = f"{self.above}/CloudTrail-Digest/{self.region}/{end:%Y/%m/%d}/{name}"
        nothing = dict.fromkeys(("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"))
        document = {
            "awsAccountId": self.account,
            "digestStartTime": f"{begin:%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": BUCKET,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": pair.fingerprint,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": max((log["newestEventTime"] for log in said), default=None),
            "oldestEventTime": min((log["oldestEventTime"] for log in said), default=None),
            **{f"previousDigest{name}": value for name, value in (self._previous or nothing).items()},
            "logFiles": said,
            **other,
        }
        raw = json.dumps(document).encode()
        self.write(key, gzip.compress(raw))
        own = hashlib.sha256(raw).hexdigest()
        before = document["previousDigestSignature"] or "null"
        signature = pair.sign("\n".join([document["digestEndTime"], f"{BUCKET}/{key}", own, before]).encode()).hex()
        self._previous = {
            "S3Bucket": BUCKET,
            "S3Object": key,
            "HashValue": own,
            "HashAlgorithm": "SHA-256",
            "Signature": signature,
        }
        self.start = end
        self.digests.append(key)
        self.signatures[key] = signature
        return key

    def restart(self, after: timedelta) -> None:
        """Stop, and start again after a while: the next digest knows none before it."""
        self._previous = {}
        self.start += after

    def write(self, key: str, body: bytes) -> None:
        """Put an object."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def sign_newest(self) -> None:
        """Lay what `aws s3api head-object` prints of the newest digest beside it."""
        key = self.digests[-1]
        head = {"ContentLength": 1, "Metadata": {"signature": self.signatures[key]}}
        self.write(f"{key}.head-object.json", json.dumps(head).encode())


def rewrite(path: Path, **changes: Any) -> None:
    """Change what a digest says."""
    document = json.loads(gzip.decompress(path.read_bytes()))
    path.write_bytes(gzip.compress(json.dumps(document | changes).encode()))


def move(source: Path, target: Path) -> None:
    """Move a file, and make the folder that it goes to."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
