"""What ``raytrail doctor`` does with its options."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from raytrail.cli._aws import is_here
from raytrail.cli._doctor._account import examine
from raytrail.cli._doctor._assembly import Assembly, UnreadableAssembly, read_assembly
from raytrail.cli._doctor._credentials import (
    Checked,
    Expected,
    Setup,
    examine_credentials,
    read_files,
    secrets_of,
    without_secrets,
)
from raytrail.cli._doctor._expected import read_expected
from raytrail.cli._doctor._model import STATUS, Diagnosis, Finding, NotLookedAt
from raytrail.cli._doctor._show import lines
from raytrail.cli._output import write_json
from raytrail.cli._refusals import Refused
from raytrail.cli._terminal import console, show
from raytrail.errors import RaytrailError

_ORDER = list(STATUS)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options as they were typed."""

    app_folder: Path
    profile: str | None
    region: str | None
    endpoint: str | None
    json: bool


def run(asked: Asked) -> int:
    """Diagnose, say what was found, and return the status: that of the worst finding.

    Raises:
        WrongUse: ``--endpoint`` is no URL.
    """
    # What was typed wrong is no finding.
    is_here(asked.endpoint)
    diagnosis = diagnose(asked)
    if asked.json:
        write_json(diagnosis.as_json())
    else:
        show(console(), *lines(diagnosis))
    return diagnosis.status


def diagnose(asked: Asked) -> Diagnosis:
    """Look at the credentials, and with good ones at the account."""
    assembly, missed = _assembly(asked.app_folder)
    try:
        expected = read_expected(asked.app_folder, assembly, os.environ)
    except (RaytrailError, OSError) as error:
        expected = Expected()
        missed.append(NotLookedAt(what="what the settings in cdk.json expect", reason=str(error)))
    setup = Setup(
        environment=dict(os.environ),
        files=read_files(os.environ),
        profile=asked.profile,
        region=asked.region,
        endpoint=asked.endpoint,
        expected=expected,
    )
    checked = examine_credentials(setup)
    return without_secrets(_with_account(checked, assembly, missed), secrets_of(setup, checked.pair))


def _assembly(folder: Path) -> tuple[Assembly | None, list[NotLookedAt]]:
    """The app's cloud assembly: the folder itself, or cdk.out in it."""
    try:
        place = folder if (folder / "manifest.json").is_file() else folder / "cdk.out"
        return read_assembly(place), []
    except (UnreadableAssembly, OSError) as error:
        return None, [NotLookedAt(what="what the app would deploy", reason=str(error))]


def _with_account(checked: Checked, assembly: Assembly | None, missed: list[NotLookedAt]) -> Diagnosis:
    findings, looked_at, not_looked_at = list(checked.findings), list(checked.looked_at), list(checked.not_looked_at)
    elsewhere = next((each.name for each in findings if each.name in ("other-account", "other-partition")), "")
    if checked.aws is None or checked.identity is None:
        not_looked_at.append(NotLookedAt(what="the account", reason="AWS did not say whose credentials these are"))
    elif elsewhere:
        not_looked_at.append(NotLookedAt(what="the account", reason=f"it is not the app's: {elsewhere}"))
    elif any(each.name == "endpoint-of-one-service" for each in findings):
        reason = "every call would go to the host of one service: endpoint-of-one-service"
        not_looked_at.append(NotLookedAt(what="the account", reason=reason))
    else:
        try:
            examined = examine(checked.aws, checked.identity, assembly)
        except Refused as error:
            # The session ended on the way; what was found before stays said.
            findings.append(_refused_on_the_way(error))
            not_looked_at.append(NotLookedAt(what="the account", reason=str(error)))
        else:
            findings += examined.findings
            looked_at += examined.looked_at
            not_looked_at += examined.not_looked_at
    return Diagnosis(
        identity=checked.identity,
        findings=tuple(sorted(findings, key=_rank)),
        looked_at=tuple(looked_at),
        not_looked_at=(*not_looked_at, *missed),
    )


def _refused_on_the_way(error: Refused) -> Finding:
    return Finding(
        name="refused",
        severity="error",
        title="AWS took the credentials at first, and not any more",
        seen=str(error),
        means="a deployment with them would stop midway; what was to be looked at after that was not",
        todo="ask again, to be told why",
        command=("raytrail doctor",),
    )


def _rank(finding: Finding) -> int:
    return _ORDER.index(finding.severity)
