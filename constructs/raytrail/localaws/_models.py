"""botocore's models of the services, read once for all sessions of the process."""

from __future__ import annotations

import functools
from pathlib import Path

import boto3
from botocore.loaders import Loader


class SharedLoader(Loader):
    """A loader that sessions share; each model that it read it keeps, as a session's own does."""

    @property
    def search_paths(self) -> list[str]:
        """The folders of the models: a copy, because each boto3 session appends boto3's own."""
        return list(super().search_paths)


@functools.cache
def loader() -> SharedLoader:
    """The process's loader.

    A session has one of its own unless it is told otherwise, and reading a model anew is most of what a client costs:
    60 ms, with this 10 ms.
    """
    return SharedLoader(extra_search_paths=[str(Path(boto3.__file__).parent / "data")])
