"""Examples deployed whole on the embedded AWS. That each runs by itself is tests/test_examples.py's."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aws_cdk
from tests.cloudformation_stack import Stack

from raytrail.localaws import LocalAws

BOOTSTRAPPED = "/cdk-bootstrap/hnb659fds/version"
"""The parameter by which a template asks whether somebody ran ``cdk bootstrap``."""


def template_of_example(file: Path, stack: str, folder: Path, context: Mapping[str, Any]) -> dict[str, Any]:
    """The template of the stack that a file defines, with whatever it takes to deploy it by the CDK's CLI."""
    app = aws_cdk.App(context=context, outdir=str(folder), builtin_cloud_formation_validation=False)
    runpy.run_path(str(file))[stack](app, "example", env=aws_cdk.Environment(region="us-east-1"))
    app.synth()
    template: dict[str, Any] = json.loads((folder / "example.template.json").read_text(encoding="utf-8"))
    return template


@contextmanager
def deployed(aws: LocalAws, template: dict[str, Any]) -> Iterator[Stack]:
    """A stack of the whole template, its parameters and rules included; deleted in the end."""
    ssm = aws.client("ssm")
    ssm.put_parameter(Name=BOOTSTRAPPED, Value="30", Type="String", Overwrite=True)
    stack = Stack(aws)
    sections = {name: section for name, section in template.items() if name != "Resources"}
    try:
        assert stack.create(template["Resources"], **sections) == "CREATE_COMPLETE", stack.reasons()
        yield stack
        assert stack.delete() == "DELETE_COMPLETE", stack.reasons()
    finally:
        ssm.delete_parameter(Name=BOOTSTRAPPED)
