"""The harmless part, as it runs against an account that somebody uses: here the embedded AWS plays that account.

No account can be reached from the tests. What they show is which calls are made, and that the alerts that wait for
their owner are still there afterwards.
"""

from __future__ import annotations

import json

import pytest

from raytrail.demo import HARMLESS, LocalDemo, Report, Target, prove

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def demo(root, deploy_demo) -> LocalDemo:
    run: LocalDemo = deploy_demo(root)
    return run


@pytest.fixture
def account_in_use(demo, monkeypatch) -> Target:
    # Without an endpoint of its own a target is taken for AWS; botocore finds the emulator by the variable.
    monkeypatch.setenv("AWS_ENDPOINT_URL", demo.endpoint)
    target = Target(session=demo.session)
    stage = f"{demo.endpoint}/restapis/{target.output('ApiId')}/{target.output('ApiStage')}/_user_request_/"
    monkeypatch.setitem(target.outputs, "ApiUrl", stage)
    return target


def test_every_harmless_row_is_found_and_the_inbox_is_left_alone(account_in_use, demo):
    topic, inbox = account_in_use.output("AlertTopicArn"), account_in_use.output("AlertInboxUrl")
    demo.target.client("sns").publish(TopicArn=topic, Message=json.dumps({"detection": "SomebodysOwn"}))
    report = Report(target="here")
    prove(account_in_use, HARMLESS, demo.show, report, intrude=False)
    report.check()
    assert [row.row for row in report.rows] == list(HARMLESS)
    assert all(row.made_by == "AWS" for row in report.rows)
    waiting = demo.target.client("sqs").receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)["Messages"]
    bodies = [json.loads(message["Body"]) for message in waiting]
    assert {"detection": "SomebodysOwn"} in bodies
    # The alarm told its owner, and nobody took that away either.
    assert any(body.get("NewStateValue") == "ALARM" for body in bodies)
