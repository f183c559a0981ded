"""The examples for a used account, synthesised once, with cdk-nag and CDK's own validation on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Validations
from cdk_nag import AwsSolutionsChecks
from tests.examples.used_account import Assembly, Theirs, example
from tests.synth import Json

from raytrail.localaws import LocalAws


@pytest.fixture(scope="session")
def assembly(context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Every stack, as its example makes it; in one app, since the validation takes seconds to start.

    What cdk-nag or the validation finds is an error of the synth.
    """
    folder: Path = tmp_path_factory.mktemp("used_account")
    app = App(context=context, outdir=str(folder))
    for name, stack, id in (
        ("only_detections_on_existing_trail", "DetectionsStack", "detections"),
        ("only_tracing_for_existing_ecs_service", "OrdersTracingStack", "orders"),
        ("lake_over_log_archive", "LakeStack", "archive"),
    ):
        example(name)[stack](app, id, env=Environment(account="111122223333", region="us-east-1"))
    example("whole_kit_in_another_region")["compose"](app)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return Assembly(folder)


@pytest.fixture(scope="module")
def theirs(request: pytest.FixtureRequest, local_aws: LocalAws) -> Iterator[Theirs]:
    """What was there before, as the module's class ``Theirs`` makes it."""
    made: Theirs = request.module.Theirs(local_aws)
    yield made
    made.leave()


@pytest.fixture(scope="module")
def before(theirs: Theirs) -> Json:
    """How AWS's APIs tell it, before anything is deployed."""
    return theirs.describe()
