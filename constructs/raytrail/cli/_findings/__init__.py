"""``raytrail findings``: what the checks of a synth found, for a person, for CI and for a program.

CDK writes the findings of every policy-validation plugin into the cloud assembly: those of CloudFormation's validation,
of cdk-nag and of raytrail's own checks; the annotations of constructs under a feature flag, and without it they are in
the metadata of the stacks. Here they are read, located and shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def findings(
    assembly: Annotated[
        Path, typer.Argument(help="The folder that the synth wrote. Default: cdk.out.", metavar="ASSEMBLY")
    ] = Path("cdk.out"),
    junit: Annotated[Path | None, typer.Option(help="Write JUnit's XML.", metavar="FILE")] = None,
    sarif: Annotated[Path | None, typer.Option(help="Write SARIF 2.1.0.", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON in place of the table.")] = False,
    root: Annotated[
        Path, typer.Option(help="The repository's folder: files are named relative to it.", metavar="FOLDER")
    ] = Path(),
    explain: Annotated[
        str | None, typer.Option(help="Say what a check of raytrail is about, and read nothing.", metavar="ID")
    ] = None,
) -> None:
    """Show what the checks of a synth found, and write it for CI.

    Synthesise with JSII_HOST_STACK_TRACES=1 to be told the line of Python that made what was found.

    The status is 0 when there is nothing, or all of it is acknowledged; 1 when something is not, whatever its severity;
    2 when there is no report: the synth failed before it wrote one.
    """
    if explain is not None:
        from raytrail.cli._findings._explain import explain as show_check

        show_check(explain)
        return
    from raytrail.cli._findings._command import run

    raise typer.Exit(run(assembly, junit=junit, sarif=sarif, as_json=as_json, root=root))
