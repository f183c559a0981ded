"""What the checks of a synth found: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]
"""As SARIF has them."""
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A line of a file.

    Attributes:
        file: Its path, with slashes; relative to the repository where it lies in it.
        line: From 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that one check says of one construct.

    Attributes:
        id: As it is acknowledged, such as ``AwsSolutions::AwsSolutions-IAM5[Resource::*]``.
        plugin: The name of who found it.
        severity: How bad it is.
        said: The severity in the plugin's own word.
        description: What is wrong.
        fix: What to do; empty where the plugin does not say.
        construct: The construct's path; empty where it is about none.
        kind: The construct's class, such as ``aws-cdk-lib.aws_sns.CfnTopic``; empty where that is not known.
        logical_id: Of the resource in its template; empty where that is not known.
        properties: Paths of the properties that it is about.
        source: The line of the program that made the construct; None where the synth did not record it.
        template: The resource's line in its template; None where that is not known.
        about: What else the plugin says of its rule.
        acknowledged: The reason for which it was accepted, which may be empty; None where it was not.
        final: Whether it cannot be acknowledged.
    """

    id: str
    plugin: str
    severity: Severity
    said: str
    description: str
    fix: str = ""
    construct: str = ""
    kind: str = ""
    logical_id: str = ""
    properties: tuple[str, ...] = ()
    source: Place | None = None
    template: Place | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    acknowledged: str | None = None
    final: bool = False

    @property
    def rule(self) -> str:
        """The id without the particulars that cdk-nag adds in brackets."""
        return self.id.partition("[")[0]

    @property
    def place(self) -> Place | None:
        """The best place that is known."""
        return self.source or self.template

    @property
    def advice(self) -> str:
        """How it is accepted, where it is meant."""
        if self.final:
            return "it cannot be acknowledged: mend it"
        return f"to accept it: acknowledge {self.id!r}, with the reason"

    @property
    def help_uri(self) -> str | None:
        """The address of a page about the rule, where the plugin names one or its pages are known."""
        named = next((value for value in self.about.values() if value.startswith("https://")), None)
        return named or _PAGES.get(self.id.partition("::")[0])

    def as_json(self) -> dict[str, Any]:
        """The finding for a program."""
        return {
            "id": self.id,
            "plugin": self.plugin,
            "severity": self.severity,
            "description": self.description,
            "fix": self.fix,
            "construct": self.construct,
            "class": self.kind,
            "logical_id": self.logical_id,
            "properties": list(self.properties),
            "source": self.source and {"file": self.source.file, "line": self.source.line},
            "template": self.template and {"file": self.template.file, "line": self.template.line},
            "help": self.help_uri,
            "about": dict(self.about),
            "acknowledged": self.acknowledged,
            "final": self.final,
        }


_NAG = "https://github.com/cdklabs/cdk-nag/blob/main/RULES.md"
_PAGES = {
    **dict.fromkeys(
        ("AwsSolutions", "HIPAA.Security", "NIST.800.53.R4", "NIST.800.53.R5", "PCI.DSS.321", "Serverless"), _NAG
    ),
    "CloudFormation-Validate": "https://github.com/aws-cloudformation/cloudformation-validate",
}
"""Where the rules of a namespace are explained, whose plugins name no page themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugin:
    """Who looked, and has something to say. A plugin that found nothing is not in CDK's report."""

    name: str
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one synth found.

    Attributes:
        written: When CDK wrote it: an older one may be left over from an earlier synth.
        plugins: Who has something to say.
        found: What nobody has acknowledged, the worst first.
        acknowledged: What was acknowledged, as far as CDK tells: cdk-nag leaves out what is acknowledged itself.
        notes: What is to be known of how it was read.
    """

    written: datetime
    plugins: tuple[Plugin, ...]
    found: tuple[Finding, ...]
    acknowledged: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The report for a program."""
        return {
            "written": self.written.isoformat(timespec="seconds"),
            "plugins": [{"name": plugin.name, "version": plugin.version} for plugin in self.plugins],
            "findings": [finding.as_json() for finding in self.found],
            "acknowledged": [finding.as_json() for finding in self.acknowledged],
            "notes": list(self.notes),
        }
