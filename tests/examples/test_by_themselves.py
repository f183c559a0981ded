"""The examples for a used account run as their reader runs them: no cdk.json, no credentials, their last lines too."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.examples.used_account import EXAMPLES

STACKS = {
    "only_detections_on_existing_trail": {"api-call-detections"},
    "only_tracing_for_existing_ecs_service": {"orders-tracing"},
    "lake_over_log_archive": {"log-archive-lake"},
    "whole_kit_in_another_region": {"acme", "acme-global-events"},
}
ALL_OF_THEM = "import runpy, sys; [runpy.run_path(file, run_name='__main__') for file in sys.argv[1:]]"


def test_each_file_makes_its_stacks_without_a_cdk_json_and_without_credentials(tmp_path):
    # One after the other in one process, since the CDK takes seconds to start; without its validation, which does too.
    given = {"PATH": os.environ["PATH"], "JSII_NODE": os.environ["JSII_NODE"], "CDK_VALIDATION": "false"}
    result = subprocess.run(
        [sys.executable, "-c", ALL_OF_THEM, *(EXAMPLES / f"{name}.py" for name in STACKS)],
        env={**given, "CDK_OUTDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    made = {file.name.removesuffix(".template.json") for file in tmp_path.glob("*.template.json")}
    assert made == set().union(*STACKS.values())
