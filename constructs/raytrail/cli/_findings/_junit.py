"""The findings as JUnit's XML, which CI systems show as tests.

There is no standard of it: what is written is what Ant's, Jenkins's and GitLab's readers have in common. Each finding
is a test that failed, each acknowledged one a test that was skipped; where nothing was found, one test passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from raytrail.cli._findings._model import Finding, Report
from raytrail.cli._terminal import clean

NAME = "raytrail findings"


def junit_xml(report: Report) -> str:
    """Return the document as text."""
    everything = (*report.found, *report.acknowledged)
    top = ET.Element("testsuites", _counts(NAME, everything))
    for plugin in dict.fromkeys(finding.plugin for finding in everything):
        of_plugin = [finding for finding in everything if finding.plugin == plugin]
        suite = ET.SubElement(top, "testsuite", _counts(plugin, of_plugin))
        for finding in of_plugin:
            _add(suite, finding)
    if not everything:
        suite = ET.SubElement(top, "testsuite", {**_counts(NAME, ()), "tests": "1"})
        ET.SubElement(suite, "testcase", {"classname": NAME, "name": "nothing was found", "time": "0"})
        top.set("tests", "1")
    ET.indent(top)
    return ET.tostring(top, encoding="unicode", xml_declaration=True) + "\n"


def _counts(name: str, findings: Iterable[Finding]) -> dict[str, str]:
    skipped = [finding.acknowledged is not None for finding in findings]
    return {
        "name": clean(name),
        "tests": str(len(skipped)),
        "failures": str(skipped.count(False)),
        "errors": "0",
        "skipped": str(skipped.count(True)),
        "time": "0",
    }


def _add(suite: ET.Element, finding: Finding) -> None:
    about = finding.construct or finding.logical_id
    name = " ".join(part for part in (finding.id, about, *finding.properties) if part)
    # Readers group by what stands before the last dot.
    case = ET.SubElement(suite, "testcase", {"classname": clean(finding.rule), "name": clean(name), "time": "0"})
    if finding.acknowledged is not None:
        ET.SubElement(case, "skipped", {"message": clean(f"acknowledged: {finding.acknowledged}")})
        return
    failure = ET.SubElement(case, "failure", {"message": clean(finding.description), "type": finding.severity})
    lines = (
        finding.place and str(finding.place),
        finding.fix,
        finding.help_uri,
        finding.advice,
    )
    failure.text = "\n".join(clean(line) for line in lines if line)
