"""Shared fixtures, after a guard that must run before anything imports aws_cdk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

ROOT = Path(__file__).resolve().parent.parent

_strays = [path.name for path in (ROOT / "constructs").iterdir() if path.is_file()]
if _strays:
    pytest.exit(
        f"constructs/ must hold folders only, found {', '.join(sorted(_strays))}: a file there (above all "
        "__init__.py) makes the folder shadow the PyPI package `constructs`, and aws_cdk fails with "
        "\"No module named 'constructs._jsii'\"; remove it",
        returncode=4,
    )

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

ATTACK_LOGS = ROOT.parent / "shared" / "attack-logs"


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    """One embedded AWS for tests that leave nothing behind that disturbs another."""
    from raytrail.localaws import LocalAws

    with LocalAws() as server:
        yield server


@pytest.fixture(scope="session")
def attack_logs() -> Path:
    """The folder of real CloudTrail records, which a plain clone does not have."""
    if not ATTACK_LOGS.is_dir():
        pytest.skip(f"needs the folder of real CloudTrail records at {ATTACK_LOGS.relative_to(ROOT.parent)}")
    return ATTACK_LOGS
