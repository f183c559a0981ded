"""The logs that were asked for: files and folders of this machine, and prefixes of buckets."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from raytrail.cli._aws import Aws, asking
from raytrail.cli._errors import WrongUse
from raytrail.cli._refusals import CREDENTIAL_CODES, code_of
from raytrail.cli._replay._pieces import SUFFIXES, Piece, files_below, name_of, pieces_of
from raytrail.records import Refusal

SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Digests, Insights, network activity and aggregates lie beside the records of events, in folders of their own.
_OF_OTHERS = re.compile(r"(^|/)CloudTrail-[A-Za-z]+/")
_AT_ONCE = 8
_GZIPPED = 8


@dataclass(frozen=True, slots=True)
class _Object:
    """An object of S3."""

    bucket: str
    key: str
    size: int

    @property
    def uri(self) -> str:
        """As ``s3://bucket/key``."""
        return f"{SCHEME}{self.bucket}/{self.key}"


@dataclass(kw_only=True)
class Inputs:
    """What is read, found before anything of it is.

    Attributes:
        files: Files of this machine.
        objects: Objects of S3.
        left: Names of files that are not opened, since their names are not those of logs.
        others: Objects passed over: of CloudTrail, and no records of events.
    """

    files: list[Path] = field(default_factory=list)
    objects: list[_Object] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    others: int = 0
    aws: Aws | None = None

    @property
    def stored(self) -> int:
        """Stored bytes."""
        return sum(path.stat().st_size for path in self.files) + sum(each.size for each in self.objects)

    @property
    def size(self) -> int:
        """About how many bytes there are, decompressed."""
        files = sum(path.stat().st_size * (_GZIPPED if path.name.endswith(".gz") else 1) for path in self.files)
        return files + sum(each.size * (_GZIPPED if each.key.endswith(".gz") else 1) for each in self.objects)

    def pieces(self) -> Iterator[Piece | Refusal]:
        """Everything, in pieces, in the order in which it was found."""
        for path in self.files:
            yield from pieces_of(path)
        if self.aws is not None and self.objects:
            yield from _downloaded(self.aws, self.objects)


def find_inputs(paths: Sequence[str], aws: Aws | None) -> Inputs:
    """Look for the logs.

    Args:
        paths: Files, folders and locations ``s3://BUCKET/PREFIX``.
        aws: Where buckets are; needed if there is one.

    Raises:
        WrongUse: A path does not exist, or a location names no bucket.
        Refused: The bucket may not be listed.
    """
    found = Inputs(aws=aws)
    for text in dict.fromkeys(paths):
        if text.startswith(SCHEME):
            assert aws is not None
            _find_objects(text, aws, found)
            continue
        path = Path(text)
        if not path.exists() and text.lower().startswith("s3:"):
            raise WrongUse(f"{text!r} is no location of S3: write s3://BUCKET or s3://BUCKET/PREFIX")
        if not path.exists():
            raise WrongUse(f"{text} does not exist; give a file or folder of CloudTrail logs, or s3://BUCKET/PREFIX")
        if not path.is_file() and not path.is_dir():
            raise WrongUse(f"{text} is no file and no folder; save what it gives to a file, and give that")
        for each in files_below(path):
            if each == path or each.name.lower().endswith(SUFFIXES):
                found.files.append(each)
            else:
                found.left.append(name_of(each))
    return found


def check_location(location: str) -> None:
    """Refuse what begins as a location of S3 and is none, before AWS is asked.

    Raises:
        WrongUse: It names no bucket.
    """
    bucket = location.removeprefix(SCHEME).partition("/")[0]
    if not _BUCKET.fullmatch(bucket):
        raise WrongUse(
            f"{location!r} names no bucket; a location is s3://BUCKET or s3://BUCKET/PREFIX, and a bucket's name has "
            "3 to 63 small letters, digits, dots and dashes"
        )


def _find_objects(location: str, aws: Aws, found: Inputs) -> None:
    bucket, _, prefix = location.removeprefix(SCHEME).partition("/")
    with asking(aws):
        for page in aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                each = _Object(bucket, entry["Key"], int(entry["Size"]))
                if each.key.endswith("/"):
                    continue
                if _OF_OTHERS.search(each.key):
                    found.others += 1
                elif each.key.lower().endswith(SUFFIXES):
                    found.objects.append(each)
                else:
                    found.left.append(each.uri)


def _downloaded(aws: Aws, objects: Sequence[_Object]) -> Iterator[Piece | Refusal]:
    """The objects, some of them on their way while one is read."""
    client = aws.client("s3")
    coming: deque[Future[Piece | Refusal]] = deque()
    with ThreadPoolExecutor(_AT_ONCE) as threads, asking(aws):
        try:
            for each in objects:
                coming.append(threads.submit(_download, client, each))
                if len(coming) == _AT_ONCE:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _download(client: Any, wanted: _Object) -> Piece | Refusal:
    """An object; what concerns it alone is a refusal, what every call would meet is an error."""
    try:
        data: bytes = client.get_object(Bucket=wanted.bucket, Key=wanted.key)["Body"].read()
    except ClientError as error:
        if code_of(error) in CREDENTIAL_CODES:
            raise
        said = f"{code_of(error)}: {error.response.get('Error', {}).get('Message', '')}"
        return Refusal(file=wanted.uri, line=0, reason=f"cannot be read: {said}")
    except BotoCoreError as error:
        return Refusal(file=wanted.uri, line=0, reason=f"cannot be read: {error}")
    packed = wanted.key.endswith(".gz")
    return Piece(file=wanted.uri, data=data, stored=len(data), size=len(data) * (_GZIPPED if packed else 1))
