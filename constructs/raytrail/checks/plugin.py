"""The checks at each synth: a policy-validation plugin of the CDK, for any app.

So it is added to an app, and so a finding is accepted:

    from aws_cdk import Acknowledgment, Validations
    from raytrail.checks.plugin import RaytrailChecks

    Validations.of(app).add_plugins(RaytrailChecks(app))
    Validations.of(alarm).acknowledge(
        Acknowledgment(id="Raytrail::AlarmReachesNobody", reason="a deployment of another app stops on it")
    )
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import jsii
from aws_cdk import (
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
    Stack,
)
from constructs import IConstruct

from raytrail.checks._acknowledged import ACKNOWLEDGMENT_INVALID, METADATA_KEY, Acknowledgment, invalid, said_at
from raytrail.checks._assembly import read_assembly
from raytrail.checks._catalogue import CHECKS, check_app
from raytrail.checks._model import NAMESPACE, Check, Finding, Floors

__all__ = ["RaytrailChecks"]


@jsii.implements(IPolicyValidationPlugin)
class RaytrailChecks:
    """Looks at the templates of an app as they are synthesised. An error ends the synth; a warning is printed.

    A finding is acknowledged by its id, as ``Raytrail::AlarmReachesNobody``, on its construct or above it. The CDK
    itself holds acknowledgments against the findings, and lists those that count in ``validation-report.json`` with
    their reasons. One without a reason, or of an id that there is not, is a finding of its own.

    Args:
        scope: The app or the stage that it is added to: what is acknowledged there is in no template.
        floors: The least that is enough. Default: that of `raytrail.checks.Floors`.
    """

    def __init__(self, scope: IConstruct, *, floors: Floors | None = None) -> None:
        self._scope, self._floors = scope, floors or Floors()

    @property
    def name(self) -> str:
        """The name that begins each id."""
        return NAMESPACE

    @property
    def version(self) -> str | None:
        """That of raytrail, or None where it runs from a folder that is not installed."""
        try:
            return metadata.version("raytrail")
        except metadata.PackageNotFoundError:
            return None

    @property
    def rule_ids(self) -> list[str] | None:
        """The ids of all checks."""
        return [check.id for check in (*CHECKS, ACKNOWLEDGMENT_INVALID)]

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """Return a report of what the checks find. The CDK calls it when the templates are written.

        Args:
            context: What the CDK says of the templates.

        Raises:
            InvalidAssembly: The CDK wrote something that is no cloud assembly.
        """
        asked = {Path(each.template_path).resolve() for each in context.stack_templates}
        # All of the assembly is read: templates of other stages tell what points to what.
        app, said = read_assembly(_outermost(next(iter(asked)).parent))
        reported = {
            str(template.file)
            for template in app.templates
            if template.outermost.file is not None and template.outermost.file.resolve() in asked
        }
        findings = [each for each in check_app(app, self._floors) if each.template in reported]
        violations = [*_violations(findings), *_of_acknowledgments(invalid([*self._said_above(), *said]))]
        return PolicyValidationPluginReport(
            success=all(violation.severity != "error" for violation in violations), violations=violations
        )

    def _said_above(self) -> Iterator[Acknowledgment]:
        for construct in _above_stacks(self._scope):
            for entry in construct.node.metadata:
                if entry.type == METADATA_KEY:
                    yield from said_at(construct.node.path, entry.data)


def _above_stacks(scope: IConstruct) -> Iterator[IConstruct]:
    """A construct and those below it down to the stacks, whose own metadata the assembly has."""
    if not Stack.is_stack(scope):
        yield scope
        for child in scope.node.children:
            yield from _above_stacks(child)


def _outermost(folder: Path) -> Path:
    """The assembly that an assembly is in: a stage's is a folder in that of the app."""
    while (folder.parent / "manifest.json").is_file():
        folder = folder.parent
    return folder


def _violations(findings: Iterable[Finding]) -> Iterator[PolicyViolation]:
    checks = {check.id: check for check in CHECKS}
    for finding in findings:
        resource = PolicyViolatingResource(
            resource_logical_id=finding.logical_id,
            template_path=finding.template,
            locations=[finding.where] if finding.where else [],
        )
        yield _violation(checks[finding.id], finding.seen, resource)


def _of_acknowledgments(wrong: Iterable[tuple[Acknowledgment, str]]) -> Iterator[PolicyViolation]:
    for said, problem in wrong:
        resource = PolicyViolatingResource(construct_path=said.construct, locations=[])
        yield _violation(ACKNOWLEDGMENT_INVALID, problem, resource)


def _violation(check: Check, seen: str, resource: PolicyViolatingResource) -> PolicyViolation:
    return PolicyViolation(
        rule_name=check.id,
        severity=check.level,
        description=f"{check.title}: {seen}",
        fix=f"{check.fix} (more: raytrail findings --explain {check.name})",
        rule_metadata={"why": check.why, "page": check.page, "source": check.source},
        violating_resources=[resource],
    )
