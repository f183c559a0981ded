"""The examples for a used account, synthesised once, with cdk-nag and CDK's own validation on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Validations
from cdk_nag import AwsSolutionsChecks
from tests.examples.used_account import Assembly, example


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
