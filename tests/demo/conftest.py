"""The kit, deployed as the demo deploys it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from raytrail.demo import LocalDemo, prepare
from raytrail.localaws import LocalAws


class Silence:
    """Nobody watches."""

    def step(self, text): ...
    def resources(self, done, total): ...
    def row(self, row): ...


@pytest.fixture(scope="session")
def silence() -> Silence:
    return Silence()


@pytest.fixture(scope="module")
def deploy_demo(tmp_path_factory, silence) -> Iterator[Callable[..., LocalDemo]]:
    """Deploy the app of a folder to an embedded AWS of its own; what is still running in the end is stopped."""
    with ExitStack() as servers:

        def deploy(app: Path, *, kit: str = "raytrail", partners: bool = False, **server_settings: str) -> LocalDemo:
            server = servers.enter_context(LocalAws(**server_settings))
            run = LocalDemo(
                app=app,
                output=tmp_path_factory.mktemp("demo"),
                endpoint=server.endpoint,
                # CDK's own validation is for test_cli's demo: it takes half of a synth.
                environment={**server.environment, "CDK_VALIDATION": "false"},
                session=server.session(),
                account_id=server.config.account_id,
                kit=kit,
                show=silence,
                partners=partners,
            )
            run.deploy()
            prepare(run.target)
            return run

        yield deploy
