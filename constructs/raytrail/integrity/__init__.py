"""Whether CloudTrail's log files are those that it delivered, checked without asking AWS.

A trail with validation writes an hourly digest: the hash of each log file, the hash and signature of the digest
before, and, in the metadata of its object, a signature of its own. `verify` follows those chains through a bucket, or
through a copy of one, and says of each file what is known of it:

    keys = PublicKeys.read([("keys.json", Path("keys.json").read_text())])
    for outcome in verify(FolderSource(Path("logs")), keys):
        match outcome:
            case Finding(status=Status.ALTERED, path=path, reason=reason):
                ...

Plain Python and its standard library only, the check of a signature too.
"""

from raytrail.integrity._content import content_hash
from raytrail.integrity._digest import (
    HASH_ALGORITHM,
    SIGNATURE_ALGORITHM,
    Digest,
    Link,
    NamedLog,
    read_digest,
    signing_string,
)
from raytrail.integrity._findings import HARMED, Covered, Finding, Outcome, Status
from raytrail.integrity._keys import PublicKeys
from raytrail.integrity._names import ChainName
from raytrail.integrity._rsa import RsaKey, padded
from raytrail.integrity._source import FolderSource, Source
from raytrail.integrity._verify import verify

__all__ = [
    "HARMED",
    "HASH_ALGORITHM",
    "SIGNATURE_ALGORITHM",
    "ChainName",
    "Covered",
    "Digest",
    "Finding",
    "FolderSource",
    "Link",
    "NamedLog",
    "Outcome",
    "PublicKeys",
    "RsaKey",
    "Source",
    "Status",
    "content_hash",
    "padded",
    "read_digest",
    "signing_string",
    "verify",
]
