"""A bucket as a source of files to check. Of AWS only S3 is asked, and nothing there is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from raytrail.cli._aws import Aws, asking
from raytrail.cli._errors import WrongUse
from raytrail.cli._refusals import CREDENTIAL_CODES

SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_GONE = ("NoSuchKey", "404", "NotFound")


class BucketSource:
    """The objects below ``s3://BUCKET/PREFIX``; paths are keys."""

    def __init__(self, aws: Aws, location: str) -> None:
        bucket, _, prefix = location.removeprefix(SCHEME).partition("/")
        if not _BUCKET.fullmatch(bucket):
            raise WrongUse(f"{location!r} names no bucket; a location is s3://BUCKET or s3://BUCKET/PREFIX")
        self.bucket: str | None = bucket
        self.root = prefix.strip("/")
        self._aws = aws
        self._client = aws.client("s3")

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """The names of the folders and of the objects that lie in a folder itself."""
        prefix = f"{folder}/" if folder else ""
        folders, files = [], []
        with asking(self._aws):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/"):
                folders += [entry["Prefix"][len(prefix) : -1] for entry in page.get("CommonPrefixes", [])]
                files += [entry["Key"][len(prefix) :] for entry in page.get("Contents", [])]
        # An object with the name of the folder itself is what consoles make to show it.
        return [name for name in folders if name], [name for name in files if name]

    def open(self, path: str) -> IO[bytes]:
        """Open an object."""
        return self.open_signed(path)[0]

    def open_signed(self, path: str) -> tuple[IO[bytes], str | None]:
        """Open an object, with the signature in its metadata."""
        with self._only_this_file():
            answer = self._client.get_object(Bucket=self.bucket, Key=path)
        stream = cast("IO[bytes]", _Stream(answer["Body"]))
        return stream, answer["Metadata"].get("signature")

    @contextmanager
    def _only_this_file(self) -> Iterator[None]:
        """Errors that concern one object, as those of a file; what every call would meet ends the command."""
        with asking(self._aws):
            try:
                yield
            except ClientError as error:
                code = str(error.response.get("Error", {}).get("Code", ""))
                if code in CREDENTIAL_CODES:
                    raise
                said = f"{code}: {error.response.get('Error', {}).get('Message', '')}"
                raise (FileNotFoundError(said) if code in _GONE else OSError(said)) from error


class _Stream:
    """The content of an object, whose connection may break."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._body.close()

    def read(self, size: int) -> bytes:
        """Read at most ``size`` bytes."""
        try:
            piece: bytes = self._body.read(size)
        except BotoCoreError as error:
            raise OSError(f"the connection broke: {error}") from error
        return piece
