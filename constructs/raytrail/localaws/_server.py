"""The owner's side: start an embedded AWS, wait until it answers, stop it with everything it started."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from raytrail.errors import LocalAwsError
from raytrail.localaws._world import LocalAwsConfig

START_SECONDS = 60.0
STOP_SECONDS = 5.0

HOST = "127.0.0.1"
"""Where it listens, and nowhere else."""

_KEPT = ("PATH", "LANG", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_KEPT_PREFIXES = ("LC_", "PYTHON")


class LocalAws:
    """An AWS emulator on 127.0.0.1, in a process of its own.

    Use it as a context manager, or call `start` and `stop`.

    Args:
        port: The port to listen on. Default: a free one.
        account_id: The account that calls are made in. Default: 111122223333.
        region: The Region of requests that name none. Default: us-east-1.
        folder: Where it keeps files and its log. Default: a temporary folder, deleted by `stop`.
        delivery_seconds: How long CloudTrail gathers records before it writes a file. Default: one second.

    Raises:
        LocalAwsError: The port is taken, a package is missing, or the server did not answer.
        MissingHook: The installed ministack is not the one that is extended.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        account_id: str = "111122223333",
        region: str = "us-east-1",
        folder: Path | None = None,
        delivery_seconds: float = 1.0,
    ) -> None:
        self._owns_folder = folder is None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="raytrail-local-"))
        self._process: subprocess.Popen[str] | None = None
        self.config: LocalAwsConfig = LocalAwsConfig(
            port=port or _free_port(),
            folder=self._folder,
            account_id=account_id,
            region=region,
            delivery_seconds=delivery_seconds,
        )

    @property
    def endpoint(self) -> str:
        """The URL for ``AWS_ENDPOINT_URL``."""
        return f"http://{HOST}:{self.config.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point boto3, the AWS CLI and the CDK CLI here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.config.account_id,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": self.config.region,
            "AWS_DEFAULT_REGION": self.config.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **_no_proxy(),
        }

    @property
    def log_path(self) -> Path:
        """The server's own log."""
        return self._folder / "server.log"

    def session(self, *, region: str | None = None, access_key_id: str = "", secret_access_key: str = "") -> Any:
        """A boto3 session for this server, deaf to the caller's profiles and configuration files.

        Args:
            region: Its Region. Default: the server's.
            access_key_id: A key that was made here. Default: the administrator's.
            secret_access_key: The secret of that key. Default: the administrator's.
        """
        import boto3
        import botocore.session
        from botocore.config import Config

        from raytrail.localaws._models import loader

        nothing: dict[str, Any] = {"profile": (None, None, None, None)}
        for name in ("config_file", "credentials_file"):
            nothing[name] = (None, None, os.devnull, None)
        session = botocore.session.Session(session_vars=nothing)
        session.register_component("data_loader", loader())
        session.set_default_client_config(Config(proxies={}))
        return boto3.Session(
            botocore_session=session,
            region_name=region or self.config.region,
            aws_access_key_id=access_key_id or self.config.account_id,
            aws_secret_access_key=secret_access_key or "local",
        )

    def client(self, service: str, *, region: str | None = None, **credentials: str) -> Any:
        """A boto3 client of ``service``; the rest is as for `session`."""
        return self.session(region=region, **credentials).client(service, endpoint_url=self.endpoint)

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.poll() is None

    def wait_until(self, done: Callable[[], bool]) -> None:
        """Return when ``done`` answers true, or the server has stopped."""
        while self.running and not done():
            time.sleep(0.1)

    def start(self) -> Self:
        """Start the server and return when it answers."""
        if importlib.util.find_spec("ministack") is None:
            raise LocalAwsError("the embedded AWS needs the package ministack; install raytrail[cli,local]")
        _refuse_taken_port(self.config.port)
        for name in ("tmp", "state", "s3"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        config_path = self._folder / "config.json"
        config_path.write_text(
            json.dumps(
                {
                    "port": self.config.port,
                    "folder": str(self._folder),
                    "account_id": self.config.account_id,
                    "region": self.config.region,
                    "delivery_seconds": self.config.delivery_seconds,
                }
            ),
            encoding="utf-8",
        )
        with self.log_path.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "raytrail.localaws._serve", str(config_path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._server_environment(),
                cwd=self._folder,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the server and every process it started, and delete its folder if this object made it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            # The server leads its own process group: what it started and left behind ends with it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
        if self._owns_folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _server_environment(self) -> dict[str, str]:
        # Of the caller's set-up only what Python needs to start. The rest would lead the server and its functions to
        # a real account or through a proxy, or would be a switch of ministack's, whose names are plain words.
        kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
        return kept | {
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.config.port),
            "IOT_MTLS_ENABLED": "0",
            "CLOUDTRAIL_RECORDING": "0",
            "MINISTACK_ACCOUNT_ID": self.config.account_id,
            "MINISTACK_REGION": self.config.region,
            "MINISTACK_HOST": HOST,
            "STATE_DIR": str(self._folder / "state"),
            "S3_DATA_DIR": str(self._folder / "s3"),
            "TMPDIR": str(self._folder / "tmp"),
            "HOME": str(self._folder / "tmp"),
            "PYTHONUNBUFFERED": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise LocalAwsError(self.last_words())
            try:
                with opener.open(f"{self.endpoint}/_ministack/health", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise LocalAwsError(f"the embedded AWS did not answer within {START_SECONDS:.0f} seconds; {self.last_words()}")

    def last_words(self) -> str:
        """What the server said last, for an error message."""
        assert self._process is not None
        if self._process.poll() is not None and self._process.stdout:
            for line in self._process.stdout.read().splitlines():
                try:
                    return str(json.loads(line)["error"])
                except (ValueError, KeyError, TypeError):
                    continue
        lines = self.log_path.read_text(encoding="utf-8").strip().splitlines()
        return f"the embedded AWS stopped while starting: {lines[-1] if lines else 'it said nothing'}"


def _no_proxy() -> dict[str, str]:
    """The variables that keep programs from asking a proxy for this machine, with the exceptions that are there."""
    # Some programs read one spelling, some the other, and most take the small one where both are there.
    names = ["NO_PROXY", *(["no_proxy"] if "no_proxy" in os.environ else [])]
    return {name: ",".join(filter(None, (os.environ.get(name), HOST))) for name in names}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise LocalAwsError(
                f"port {port} of 127.0.0.1 is taken; free it, or choose another with --port (0 picks a free one)"
            ) from error
