"""Where the files lie."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from raytrail.errors import InvalidProps

SIDECAR = ".head-object.json"
"""What is appended to a digest's file name for the file that has its signature."""


class Source(Protocol):
    """A bucket, or a copy of one.

    Paths have slashes, and none at either end. What does not exist is a FileNotFoundError, what cannot be read any
    other OSError; both concern one path only.
    """

    @property
    def bucket(self) -> str | None:
        """The bucket, whose keys the paths are; None for a copy, whose paths are only the last parts of keys."""

    @property
    def root(self) -> str:
        """The path below which to look."""

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """The names of the folders and of the files that lie in a folder itself.

        Args:
            folder: Its path.
        """

    def open(self, path: str) -> IO[bytes]:
        """Open a file, and return the stream. Called by several threads.

        Args:
            path: Its path.
        """

    def open_signed(self, path: str) -> tuple[IO[bytes], str | None]:
        """Open a digest, and return the stream, with the signature in its metadata if that is known.

        Args:
            path: Its path.
        """


class FolderSource:
    """A copy in a folder, as ``aws s3 sync`` makes it.

    The metadata of objects do not come along. Whoever wants the signature of the newest digest checked too lays what
    ``aws s3api head-object`` printed of it beside it, with ``.head-object.json`` appended to its name. Names that
    begin with a dot are passed over, as Athena passes them over.

    Args:
        folder: A folder with the key layout of the bucket.

    Raises:
        InvalidProps: It is no folder.
    """

    bucket: str | None = None
    """None: a copy does not know its bucket."""
    root = ""
    """Empty: everything below the folder is looked at."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InvalidProps(f"{folder} is no folder; give one with the key layout of the bucket, or s3://BUCKET")
        self._folder = folder

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """The names of the folders and of the files that lie in a folder itself, but for sidecars.

        Args:
            folder: Its path.
        """
        folders, files = [], []
        with os.scandir(self._folder / folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                # A folder that is a link could lead in a circle.
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif not entry.name.endswith(SIDECAR):
                    files.append(entry.name)
        return folders, files

    def open(self, path: str) -> IO[bytes]:
        """Open a file below the folder, and return the stream.

        Args:
            path: Its path; one that leads out of the folder is a FileNotFoundError.
        """
        parts = path.split("/")
        # A digest says which files to read: one that was forged must not name others.
        if any(part in ("", ".", "..") for part in parts) or "\\" in path or "\0" in path:
            raise FileNotFoundError(path)
        found = self._folder / PurePosixPath(*parts)
        if found.exists() and not found.is_file():
            raise OSError("no regular file")
        return found.open("rb")

    def open_signed(self, path: str) -> tuple[IO[bytes], str | None]:
        """Open a digest, and return the stream, with the signature that its sidecar has.

        Args:
            path: Its path.
        """
        stream, signature = self.open(path), None
        try:
            with self.open(f"{path}{SIDECAR}") as sidecar:
                signature = json.load(sidecar)["Metadata"]["signature"]
        except (OSError, ValueError, TypeError, KeyError):
            pass  # as if it were not there: then the signature cannot be checked
        return stream, signature if isinstance(signature, str) else None
