"""Reads the report that CDK writes into a cloud assembly, and what it may leave out.

Its shape is published with the CDK, as a JSON Schema in ``@aws-cdk/cloud-assembly-schema``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from raytrail.cli._errors import Unanswered
from raytrail.cli._findings._annotations import PLUGIN, UNSEEN, unreported_annotations
from raytrail.cli._findings._model import SEVERITIES, Finding, Plugin, Report, Severity
from raytrail.cli._findings._places import Places

FILE = "validation-report.json"

_SEVERITIES: dict[str, Severity] = {"fatal": "error", "error": "error", "warning": "warning", "info": "note"}
"""CDK's words; for a word of the plugin's own it writes ``custom``."""


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class _Resource(_Part):
    template_path: str
    logical_id: str
    property_paths: list[str] = []


class _Construct(_Part):
    construct_path: str = ""
    construct_fqn: str = ""
    cloud_formation_resource: _Resource | None = None
    stack_traces: list[str] = []


class _Violation(_Part):
    rule_name: str
    description: str
    severity: str
    custom_severity: str | None = None
    suggested_fix: str = ""
    rule_metadata: dict[str, str] = {}
    violating_constructs: list[_Construct] = []


class _Suppressed(_Violation):
    reason: str = ""


class _PluginReport(_Part):
    plugin_name: str
    plugin_version: str = ""
    conclusion: str = "success"
    metadata: dict[str, str] = {}
    violations: list[_Violation] = []
    suppressed_violations: list[_Suppressed] = []


class _Document(_Part):
    plugin_reports: list[_PluginReport]


def read_report(assembly: Path, *, root: Path) -> Report:
    """Read what a synth found.

    Args:
        assembly: The folder that it wrote.
        root: The repository's folder.

    Raises:
        Unanswered: There is no report, and why; or it is not of the shape that is known.
    """
    file = assembly / FILE
    try:
        document = _Document.model_validate_json(file.read_text(encoding="utf-8"))
        written = datetime.fromtimestamp(file.stat().st_mtime, tz=UTC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Unanswered(_why_none(assembly)) from error
    except OSError as error:
        raise Unanswered(f"{file} cannot be read: {error.strerror}") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise Unanswered(f"{file} is no report that this version can read: {_first(error)}") from error
    places = Places(assembly, root)
    left_out = list(_left_out(assembly, document))
    reports = [*document.plugin_reports, *left_out]
    return Report(
        written=written,
        plugins=tuple(Plugin(name=each.plugin_name, version=each.plugin_version) for each in reports),
        found=_sorted(finding for each in reports for finding in _found(each, places)),
        acknowledged=_sorted(
            finding
            for each in reports
            for violation in each.suppressed_violations
            for finding in _findings(each, violation, places, acknowledged=violation.reason)
        ),
        notes=(UNSEEN,) if any(not _is_final(each) for report in left_out for each in report.violations) else (),
    )


def _left_out(assembly: Path, document: _Document) -> Iterator[_PluginReport]:
    """The annotations of constructs, where the report has none of them."""
    if any(each.plugin_name == PLUGIN for each in document.plugin_reports):
        return
    if found := unreported_annotations(assembly):
        report = _PluginReport.model_validate(found)
        if report.violations or report.suppressed_violations:
            yield report


def _found(report: _PluginReport, places: Places) -> Iterator[Finding]:
    for violation in report.violations:
        yield from _findings(report, violation, places, acknowledged=None)
    if report.conclusion != "success" and not report.violations:
        yield Finding(
            id=f"{_namespace(report.plugin_name)}::failed",
            plugin=report.plugin_name,
            severity="error",
            said=report.conclusion,
            description=report.metadata.get("error", "The check ended in failure and does not say why"),
            final=True,
        )


def _findings(
    report: _PluginReport, violation: _Violation, places: Places, *, acknowledged: str | None
) -> Iterator[Finding]:
    """One for each construct that a violation is about."""
    name = violation.rule_name
    for construct in violation.violating_constructs or [_Construct()]:
        resource = construct.cloud_formation_resource
        template, logical_id = (
            (resource.template_path, resource.logical_id) if resource else places.resource(construct.construct_path)
        )
        yield Finding(
            id=name if "::" in name.partition("[")[0] else f"{_namespace(report.plugin_name)}::{name}",
            plugin=report.plugin_name,
            severity=_SEVERITIES.get(violation.severity, "warning"),
            said=violation.custom_severity or violation.severity,
            description=violation.description,
            fix=violation.suggested_fix,
            construct=construct.construct_path,
            kind=construct.construct_fqn,
            logical_id=logical_id,
            properties=tuple(resource.property_paths) if resource else (),
            source=places.source([*construct.stack_traces, places.created(construct.construct_path)]),
            template=places.template(template, logical_id),
            about={key: value for key, value in violation.rule_metadata.items() if not key.startswith("cdk:")},
            acknowledged=acknowledged,
            final=_is_final(violation),
        )


def _is_final(violation: _Violation) -> bool:
    """Whether CDK takes no acknowledgment of it: what is fatal, and what a construct's own code calls an error."""
    own = violation.severity == "error" and "cdk:annotation" in violation.rule_metadata
    return violation.severity == "fatal" or own


def _namespace(plugin: str) -> str:
    """What begins the ids of a plugin whose rules name no namespace, as CDK makes it."""
    return plugin.replace(" ", "-")


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), each.id, each.construct)))


def _why_none(assembly: Path) -> str:
    if not assembly.is_dir():
        return f"there is no cloud assembly at {assembly}: synthesise first, or give the folder that the synth wrote"
    if (assembly / "manifest.json").is_file():
        return (
            f"{assembly} holds no {FILE}, which the releases of aws-cdk-lib that raytrail takes write after every "
            "synth: synthesise anew with one of them"
        )
    return (
        f"{assembly} holds no {FILE}: the synth failed before its checks ran, and what it printed says why; or this is "
        "no cloud assembly"
    )


def _first(error: ValidationError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    [first, *_] = error.errors()
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
