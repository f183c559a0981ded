"""The demo with partners: what Honeycomb and Rollbar get of an order that failed, and nothing without their keys."""

from __future__ import annotations

import subprocess

import pytest

from raytrail.demo import LocalDemo, Report, prove
from raytrail.demo.rows import PARTNERS

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def demo(root, deploy_demo) -> LocalDemo:
    subprocess.run(["make", "--silent", "layers"], cwd=root, check=True, capture_output=True, timeout=240)
    run: LocalDemo = deploy_demo(root, partners=True)
    return run


def find(demo: LocalDemo) -> Report:
    report = Report(target="here")
    prove(demo.target, PARTNERS, demo.show, report, intrude=False)
    return report


def test_both_partners_are_told_of_the_failed_order(demo):
    report = find(demo)
    report.check()
    honeycomb, rollbar = report.rows
    assert honeycomb.proof.startswith("1-")
    assert any("SELECT" in line for line in honeycomb.lines)
    assert "PaymentProviderDown" in rollbar.seen
    assert any(line.startswith("xray_trace_id: 1-") for line in rollbar.lines)


def test_no_key_is_in_the_function_or_in_its_template(demo):
    """What the secrets hold is in neither, though the function sends it."""
    target = demo.target
    function = target.client("lambda").get_function_configuration(FunctionName=target.output("FunctionName"))
    for text in (str(function), str(target.template("sample"))):
        assert "made-up-key-of-" not in text
        assert "raytrail-demo/api.honeycomb.io" in text


def test_without_the_secrets_the_partners_rows_are_missing_and_the_api_answers(demo, monkeypatch):
    monkeypatch.setattr(demo.target, "local_patience_seconds", 4.0)
    secrets = demo.target.client("secretsmanager")
    for host in ("api.honeycomb.io", "api.rollbar.com"):
        secrets.delete_secret(SecretId=f"raytrail-demo/{host}", ForceDeleteWithoutRecovery=True)
    # A new environment of the function, which has read no key yet.
    function = demo.target.output("FunctionName")
    demo.target.client("lambda").update_function_configuration(FunctionName=function, MemorySize=513)
    report = Report(target="here")
    scene = prove(demo.target, PARTNERS, demo.show, report, intrude=False)
    assert [missing.row for missing in report.missing] == ["honeycomb", "rollbar"]
    assert [answer.status for answer in scene.traffic.answers[:2]] == [201, 200]
