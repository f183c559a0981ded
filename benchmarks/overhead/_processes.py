"""Processes that are asked in lines of JSON and answer in lines of JSON."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

PATIENCE_SECONDS = 60
"""How long an answer may take; only what hangs takes so long."""


class Failed(Exception):
    """A process ended, hung or said something else than it should."""


class Process:
    """A running process; what it first says is its ``greeting``. A context manager, which ends it.

    Args:
        command: What to run.
        environment: Its whole environment. Default: only the path.
        folder: Where. Default: here.

    Raises:
        Failed: It ended or hung before it said anything; later, before it answered.
    """

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> None:
        self._command = command
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={"PATH": os.environ.get("PATH", os.defpath)} if environment is None else environment,
            cwd=folder,
        )
        try:
            self.greeting: Any = self._hear()
        except Failed:
            self.close()
            raise

    @classmethod
    def of(cls, script: Path) -> Process:
        """Start a script of ours."""
        return cls([sys.executable, "-P", str(script)])

    def ask(self, question: Any = None) -> Any:
        """Send a line and return the answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure("ended") from None
        return self._hear()

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        # Each question has one answer of one line, so nothing waits in the buffer of stdout.
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise self._failure("ended" if ready else f"said nothing for {PATIENCE_SECONDS} seconds")
        return json.loads(line)

    def _failure(self, what: str) -> Failed:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        return Failed(f"{' '.join(self._command)} {what}\n{said}")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
