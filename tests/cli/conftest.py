"""The command without a process of its own, which is most of what it costs to run it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest
from tests.cli.command import Said, environment_with

from raytrail.cli import _main


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs ``raytrail`` in this process, with the environment of a caller who has an AWS of another kind."""
    # The signals of this process are pytest's.
    monkeypatch.setattr(_main, "raise_on_signals", lambda: None)

    def run(*arguments: str, **environment: str | None) -> Said:
        with monkeypatch.context() as patch:
            wanted = environment_with(**environment)
            for name in os.environ.keys() - wanted.keys():
                patch.delenv(name)
            for name, value in wanted.items():
                patch.setenv(name, value)
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
