"""The stacks under everything that checks them: cdk-nag, CDK's own template validation, and cfn-lint."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from app import make_app
from constructs import IConstruct

import raytrail

EXISTING_TRAIL = {"bucket_name": "central-logs", "organization_id": "o-exampleorgid", "log_group_name": "trail"}
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VARIANTS: dict[str, dict[str, Any]] = {
    "us-east-1": {},
    "eu-west-1": {"region": "eu-west-1"},
    "an existing trail": {"audit": {"existing_trail": EXISTING_TRAIL, "accounts": ["111122223333", "444455556666"]}},
    "a key and a partner": {"tracing": {"encryption_key_arn": KEY}, "sample": {"honeycomb_secret": "honeycomb"}},
    "no tracing": {"tracing": {"enabled": False}},
}
"""What is checked: at home in the Region of global services, elsewhere, over a trail that is there already, with what
is off unless asked for, and without what can be switched off."""

TEMPLATES = [
    *(("us-east-1", name) for name in ("audit", "dashboards", "detection", "sample", "tracing")),
    *(("eu-west-1", name) for name in ("audit", "dashboards", "detection", "global-events", "sample", "tracing")),
    ("an existing trail", "audit"),
    ("a key and a partner", "tracing"),
    ("a key and a partner", "sample"),
    ("no tracing", "sample"),
]


@pytest.fixture(scope="module")
def checked(context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The cloud assembly of each variant, made with the checks on: a finding ends the synth with an error."""
    made = {}
    for name, settings in VARIANTS.items():
        made[name] = tmp_path_factory.mktemp("checked")
        make_app({**context, "raytrail": settings}, outdir=str(made[name])).synth()
    return made


@pytest.fixture(scope="module")
def linted(checked: dict[str, Path], root: Path) -> dict[Path, list[str]]:
    """What cfn-lint says of each template, against both Regions."""
    files = [path(checked, variant, name) for variant, name in TEMPLATES]
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--format", "json", "--regions", "us-east-1", "eu-west-1"]
    done = subprocess.run(
        [*command, "--template", *map(str, files)], cwd=root, capture_output=True, text=True, timeout=240, check=False
    )
    assert not done.stderr, done.stderr
    found: dict[Path, list[str]] = {file: [] for file in files}
    for each in json.loads(done.stdout):
        found[Path(each["Filename"])].append(f"{each['Rule']['Id']} {each['Message']}")
    return found


def path(checked: Mapping[str, Path], variant: str, name: str) -> Path:
    return checked[variant] / f"raytrail-{name}.template.json"


@pytest.mark.parametrize(("variant", "name"), TEMPLATES)
def test_cdk_nag_and_cloudformation_validation_find_nothing(checked, variant, name):
    report = json.loads((checked[variant] / "validation-report.json").read_text(encoding="utf-8"))
    violations = [each for plugin in report["pluginReports"] for each in plugin["violations"]]
    assert violations == []
    assert path(checked, variant, name).is_file()


@pytest.mark.parametrize(("variant", "name"), TEMPLATES)
def test_cfn_lint_finds_nothing(checked, linted, variant, name):
    assert linted[path(checked, variant, name)] == []


def test_what_cfn_lint_is_told_to_ignore_is_one_rule(root):
    lines = (root / ".cfnlintrc").read_text(encoding="utf-8").splitlines()
    assert [line.strip() for line in lines if not line.strip().startswith("#")] == ["ignore_checks:", "- W3005"]


def rooms() -> list[Any]:
    """Every module of the rooms and of the stacks that can acknowledge a finding."""
    import stacks

    names = [name for name in sys.modules if name.startswith(("raytrail.", "stacks."))]
    assert {each.name for each in pkgutil.iter_modules(stacks.__path__, "stacks.")} <= set(names)
    assert raytrail.__name__ in sys.modules
    return [importlib.import_module(name) for name in names]


@pytest.mark.parametrize("variant", ["us-east-1", "an existing trail"])
def test_each_acknowledgment_has_a_reason_and_is_needed(context, tmp_path, monkeypatch, variant):
    """With none acknowledged, the checks find exactly what is acknowledged, below where it is."""
    from raytrail.findings import acknowledge

    accepted: list[tuple[str, str, str]] = []

    def remember(scope: IConstruct, findings: Mapping[str, str]) -> None:
        accepted.extend((scope.node.path, finding, reason) for finding, reason in findings.items())

    for module in rooms():
        if getattr(module, "acknowledge", None) is acknowledge:
            monkeypatch.setattr(module, "acknowledge", remember)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        make_app({**context, "raytrail": VARIANTS[variant]}, outdir=str(tmp_path)).synth()

    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    found = [
        (violation["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
    assert accepted
    for where, finding, reason in accepted:
        assert len(reason.split()) >= 4, f"{finding} on {where}: {reason!r} gives no reason"
        assert [place for rule, place in found if rule == finding and place.startswith(f"{where}/")], (
            f"{finding} on {where} is acknowledged, and nothing there has it"
        )
