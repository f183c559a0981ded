"""The kit by another name, in another account, with its home in another Region, and with partners.

What global services do must still be told there, and a Sigma rule of the user's own folder. It is deployed once: the
same kit shows what Honeycomb and Rollbar get of an order that failed, and nothing without their keys; and the harmless
part, as it runs against an account that somebody uses, which the embedded AWS plays. No account can be reached from
the tests. What they show is which calls are made, and that the alerts that wait for their owner are still there
afterwards.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.demo.again import alarm_again

from raytrail.demo import HARMLESS, LOCAL_ROWS, LocalDemo, Report, Target, prove
from raytrail.demo._inbox import Inbox
from raytrail.demo.rows import PARTNERS, SIGMA

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
    subprocess.run(["make", "--silent", "layers"], cwd=root, check=True, capture_output=True, timeout=240)
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
    run: LocalDemo = deploy_demo(app, region=HOME, account_id=ACCOUNT, kit=NAME, partners=True)
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
    try:
        report = find(demo, GLOBAL + REGIONAL)
    finally:
        events.enable_rule(Name=rule["Name"])
    assert [row.row for row in report.missing] == GLOBAL
    assert [row.row for row in report.rows] == REGIONAL


@pytest.fixture
def account_in_use(demo, monkeypatch) -> Target:
    # Without an endpoint of its own a target is taken for AWS; botocore finds the emulator by the variable.
    monkeypatch.setenv("AWS_ENDPOINT_URL", demo.endpoint)
    target = Target(session=demo.session, kit=NAME)
    stage = f"{demo.endpoint}/restapis/{target.output('ApiId')}/{target.output('ApiStage')}/_user_request_/"
    monkeypatch.setitem(target.outputs, "ApiUrl", stage)
    return target


def test_every_harmless_row_is_found_and_the_inbox_is_left_alone(account_in_use, demo):
    topic, inbox = account_in_use.output("AlertTopicArn"), account_in_use.output("AlertInboxUrl")
    # What another test left there would hide what this one looks for.
    Inbox(target=demo.target).read()
    demo.target.client("sns").publish(TopicArn=topic, Message=json.dumps({"detection": "SomebodysOwn"}))
    report = Report(target="here")
    prove(account_in_use, HARMLESS | {"alarm": alarm_again}, demo.show, report, intrude=False)
    report.check()
    assert [row.row for row in report.rows] == list(HARMLESS)
    assert all(row.made_by == "AWS" for row in report.rows)
    waiting = demo.target.client("sqs").receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)["Messages"]
    bodies = [json.loads(message["Body"]) for message in waiting]
    assert {"detection": "SomebodysOwn"} in bodies
    # The alarm told its owner, and nobody took that away either.
    assert any(body.get("NewStateValue") == "ALARM" for body in bodies)


def test_both_partners_are_told_of_the_failed_order(demo):
    report = Report(target="here")
    prove(demo.target, PARTNERS, demo.show, report, intrude=False)
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
        assert f"{NAME}-demo/api.honeycomb.io" in text


def test_without_the_secrets_the_partners_rows_are_missing_and_the_api_answers(demo, monkeypatch):
    monkeypatch.setattr(demo.target, "local_patience_seconds", 4.0)
    secrets, lambda_ = demo.target.client("secretsmanager"), demo.target.client("lambda")
    function = demo.target.output("FunctionName")
    memory = lambda_.get_function_configuration(FunctionName=function)["MemorySize"]
    names = [f"{NAME}-demo/{host}" for host in ("api.honeycomb.io", "api.rollbar.com")]
    keys = {name: secrets.get_secret_value(SecretId=name)["SecretString"] for name in names}
    for name in names:
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    try:
        # A new environment of the function, which has read no key yet.
        lambda_.update_function_configuration(FunctionName=function, MemorySize=memory + 1)
        report = Report(target="here")
        scene = prove(demo.target, PARTNERS, demo.show, report, intrude=False)
    finally:
        for name, key in keys.items():
            secrets.create_secret(Name=name, SecretString=key)
        lambda_.update_function_configuration(FunctionName=function, MemorySize=memory)
    assert [missing.row for missing in report.missing] == ["honeycomb", "rollbar"]
    assert [answer.status for answer in scene.traffic.answers[:2]] == [201, 200]
