"""The kit by another name, in another account, with its home in another Region.

What global services do must still be told there, and a Sigma rule of the user's own folder.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raytrail.demo import LOCAL_ROWS, LocalDemo, Report, prove
from raytrail.demo.rows import SIGMA

pytestmark = pytest.mark.local

OWN_RULE = """
title: Somebody made a user
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: iam.amazonaws.com, eventName: CreateUser}
  condition: selection
level: medium
"""

HOME, NAME, ACCOUNT = "eu-west-1", "acme", "444455556666"
GLOBAL = ["alert: AccessKeyCreated", "alert: AdminPolicyAttached"]
REGIONAL = ["alert: SecurityGroupOpened", "alert: TrailTampering"]


@pytest.fixture(scope="module")
def app(root, tmp_path_factory) -> Path:
    """The app as it is, with another Region in its cdk.json."""
    folder = tmp_path_factory.mktemp("app")
    for name in ("app.py", "stacks", "lambda", "node_modules"):
        (folder / name).symlink_to(root / name)
    settings = json.loads((root / "cdk.json").read_text(encoding="utf-8"))
    (folder / "rules").mkdir()
    (folder / "rules" / "user_made.yml").write_text(OWN_RULE, encoding="utf-8")
    detection = {"sigma_dirs": ["rules"]}
    settings["context"]["raytrail"] |= {"region": HOME, "name": NAME, "account": ACCOUNT, "detection": detection}
    (folder / "cdk.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def demo(app, deploy_demo) -> LocalDemo:
    run: LocalDemo = deploy_demo(app, region=HOME, account_id=ACCOUNT, kit=NAME)
    return run


def find(demo: LocalDemo, rows: list[str]) -> Report:
    report = Report(target="here")
    known = LOCAL_ROWS | SIGMA
    scene = prove(demo.target, {row: known[row] for row in rows}, demo.show, report, intrude=True)
    scene.intrusion.undo()
    return report


def test_alerts_on_global_and_on_regional_services_reach_the_home_region(demo):
    report = find(demo, [*GLOBAL, *REGIONAL, *SIGMA])
    report.check()
    assert report.rows[-1].seen == "1 deployed: user_made told of 2"


def test_without_the_forwarder_those_of_global_services_do_not_come(demo, monkeypatch):
    events = demo.target.session.client("events", region_name="us-east-1", endpoint_url=demo.target.endpoint)
    (rule,) = events.list_rules()["Rules"]
    events.disable_rule(Name=rule["Name"])
    monkeypatch.setattr(demo.target, "local_patience_seconds", 4.0)
    report = find(demo, GLOBAL + REGIONAL)
    assert [row.row for row in report.missing] == GLOBAL
    assert [row.row for row in report.rows] == REGIONAL
