"""`tools/cdk`: the pinned CLI on the pinned Node, on a machine that has no Node of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def test_an_app_that_names_no_node_has_the_pinned_one(root, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname"):
        (programs / name).symlink_to(Path(shutil.which(name) or name).resolve())
    environment = {name: value for name, value in os.environ.items() if name not in ("JSII_NODE", "PATH")}
    app = f"{sys.executable} examples/only_alerts.py"
    done = subprocess.run(
        [root / "tools" / "cdk", "synth", "--quiet", "--app", app, "--output", tmp_path / "out"],
        cwd=tmp_path,
        env={
            **environment,
            "PATH": str(programs),
            "CI": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            # Half of a synth, and nothing of this test.
            "CDK_VALIDATION": "false",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "api-call-alerts.template.json").is_file()
