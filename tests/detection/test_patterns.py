"""What rules of one call match, by a matcher of event patterns that this project did not write: that of ministack.

``events:TestEventPattern`` of the embedded AWS is ministack's own and nothing here extends it.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.detection.alerts_kit import call, event
from tests.synth import Json

from raytrail.detection import rule_of_api_call

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def sees(local_aws) -> Callable[..., bool]:
    """Whether the rule of a call matches the event of a record."""
    client = local_aws.client("events")

    def sees(named: str, record: Json, **changes: str) -> bool:
        (pattern,) = rule_of_api_call(named).patterns
        whole = json.dumps({**event(record), **changes})
        return bool(client.test_event_pattern(EventPattern=json.dumps(pattern), Event=whole)["Result"])

    return sees


def test_a_call_is_seen_under_its_plain_name_and_no_other(sees):
    assert sees("dynamodb:DeleteTable", call("dynamodb", "DeleteTable"))
    assert not sees("dynamodb:DeleteTable", call("dynamodb", "DeleteTableReplica"))
    assert not sees("dynamodb:DeleteTable", call("glue", "DeleteTable"))


def test_an_event_that_somebody_put_on_the_bus_is_passed_over(sees):
    assert not sees("dynamodb:DeleteTable", call("dynamodb", "DeleteTable"), source="my.application")
    assert not sees("dynamodb:DeleteTable", call("dynamodb", "DeleteTable"), **{"detail-type": "Mine"})


@pytest.mark.parametrize(
    "kind", ["AWS API Call", "AWS Console Signin", "AWS Console Sign In", "AWS Service Event", "AWS Console Action"]
)
def test_each_kind_of_event_by_cloudtrail_is_seen(sees, kind):
    assert sees("signin:ConsoleLogin", call("signin", "ConsoleLogin"), **{"detail-type": f"{kind} via CloudTrail"})


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("UpdateFunctionCode", True),
        ("UpdateFunctionCode20150331", True),
        ("UpdateFunctionCode20150331v2", True),
        ("UpdateFunctionCodeSigningConfig", False),
        ("UpdateFunctionConfiguration20150331v2", False),
    ],
)
def test_a_call_to_lambda_is_seen_with_the_date_of_its_api(sees, name, seen):
    assert sees("lambda:UpdateFunctionCode", call("lambda", name)) is seen
