"""The command without a process of its own, which is most of what it costs to run it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore.config import Config
from botocore.credentials import SSOProvider
from botocore.tokens import SSOTokenProvider
from tests.cli.command import Said, environment_with
from tests.cli.doctor_home import Doctor, new_cloud
from tests.cli.doctor_wire import Wire

from raytrail.cli import _main
from raytrail.cli._doctor import _command
from raytrail.cli._doctor._account import Examined
from raytrail.cli._doctor._credentials import _call
from raytrail.localaws._models import loader


@contextlib.contextmanager
def _environment(monkeypatch: pytest.MonkeyPatch, **environment: str | None) -> Iterator[pytest.MonkeyPatch]:
    with monkeypatch.context() as patch:
        wanted = environment_with(**environment)
        for name in os.environ.keys() - wanted.keys():
            patch.delenv(name)
        for name, value in wanted.items():
            patch.setenv(name, value)
        yield patch


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs ``raytrail`` in this process, with the environment of a caller who has an AWS of another kind."""
    # The signals of this process are pytest's.
    monkeypatch.setattr(_main, "raise_on_signals", lambda: None)

    def run(*arguments: str, **environment: str | None) -> Said:
        with _environment(monkeypatch, **environment) as patch:
            patch.setattr(sys, "argv", ["raytrail", *arguments])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                _main.main()
        out, err = capsys.readouterr()
        # Python prints an exit's text and ends with 1.
        code = ended.value.code
        status = code if isinstance(code, int) else int(code is not None)
        return Said(status=status, out=out, err=err + (f"{code}\n" if isinstance(code, str) else ""))

    return run


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """What answers at AWS's host names, for all tests; each has a cloud of its own."""
    with Wire(tmp_path_factory.mktemp("wire")) as started:
        yield started


@pytest.fixture
def models_read_once() -> Iterator[None]:
    """Botocore reads each of its files once and not once for each session, which is most of what a session costs.

    For one test at a time: a client of S3 changes the model that it works with, and others look at that.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda _: loader())
        yield


@pytest.fixture
def doctor(
    here: Callable[..., Said],
    tmp_path: Path,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    models_read_once: None,
) -> Doctor:
    """``raytrail doctor``, which looks no further than the credentials: the account has tests of its own."""
    monkeypatch.setattr(_command, "examine", lambda *_: Examined())
    monkeypatch.setattr(_call, "PATIENCE", _call.PATIENCE.merge(Config(retries={"total_max_attempts": 1})))
    for provider in (SSOProvider, SSOTokenProvider):
        # Botocore looks up the home once, when it is imported.
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path / ".aws" / "sso" / "cache"))
    (tmp_path / "app").mkdir()
    wire.cloud = new_cloud()

    def run(*options: str, **environment: str | None) -> Said:
        """Without the command line, which takes as long to be read as the rest."""
        given = dict(zip(options[::2], options[1::2], strict=True))
        asked = _command.Asked(
            app_folder=tmp_path / "app",
            profile=given.pop("--profile", None),
            region=given.pop("--region", None),
            endpoint=given.pop("--endpoint", None),
            json=True,
        )
        assert not given
        with _environment(monkeypatch, **environment):
            capsys.readouterr()
            status = _command.run(asked)
        out, err = capsys.readouterr()
        return Said(status=status, out=out, err=err)

    return Doctor(here=here, diagnose=run, home=tmp_path, wire=wire)
