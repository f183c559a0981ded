"""Groups, rules and Transaction Search deployed on the embedded AWS, and read back through X-Ray's API."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import botocore.exceptions
import pytest
from tests.cloudformation_stack import Stack
from tests.synth import template_of

from raytrail.tracing import SamplingRateBoost, SamplingRule, SamplingRules, TransactionSearch

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local


@pytest.fixture
def deployed(local_aws: LocalAws) -> Iterator[Stack]:
    made = Stack(local_aws)
    yield made
    with contextlib.suppress(botocore.exceptions.ClientError):
        made.delete()


def test_a_rule_arrives_in_x_ray_with_each_of_its_values(local_aws, deployed, stack):
    rule = SamplingRule(
        name="tracing-test-orders",
        priority=7123,
        rate=0.25,
        reservoir_per_second=3,
        service_name="orders/*",
        http_method="POST",
        attributes={"x-beta": "yes"},
        boost=SamplingRateBoost(max_rate=0.5, cooldown_minutes=10),
    )
    SamplingRules(stack, "Rules", rules=[rule])
    assert deployed.create(template_of(stack)["Resources"]) == "CREATE_COMPLETE", deployed.reasons()
    records = local_aws.client("xray").get_sampling_rules()["SamplingRuleRecords"]
    (found,) = [each["SamplingRule"] for each in records if each["SamplingRule"]["RuleName"] == rule.name]
    assert (found["Priority"], found["FixedRate"], found["ReservoirSize"]) == (7123, 0.25, 3)
    assert (found["ServiceName"], found["HTTPMethod"], found["ResourceARN"]) == ("orders/*", "POST", "*")
    assert found["Attributes"] == {"x-beta": "yes"}
    assert found["SamplingRateBoost"] == {"MaxRate": 0.5, "CooldownWindowMinutes": 10}


def test_transaction_search_is_on_while_the_stack_is_there(local_aws, deployed, stack):
    api = local_aws.client("xray")
    TransactionSearch(stack, "Search", indexing_percentage=20)
    assert api.get_trace_segment_destination()["Destination"] == "XRay"
    assert deployed.create(template_of(stack)["Resources"]) == "CREATE_COMPLETE", deployed.reasons()
    assert api.get_trace_segment_destination()["Destination"] == "CloudWatchLogs"
    (indexing,) = api.get_indexing_rules()["IndexingRules"]
    assert indexing["Rule"]["Probabilistic"]["DesiredSamplingPercentage"] == 20
    policies = local_aws.client("logs").describe_resource_policies()["resourcePolicies"]
    assert "TransactionSearchAccess" in [policy["policyName"] for policy in policies]
    assert deployed.delete() == "DELETE_COMPLETE"
    assert api.get_trace_segment_destination()["Destination"] == "XRay"


def test_what_is_adopted_stays_on_when_the_stack_goes(local_aws, deployed, stack):
    api = local_aws.client("xray")
    TransactionSearch(stack, "Search", adopt=True)
    deployed.create(template_of(stack)["Resources"])
    assert deployed.delete() == "DELETE_COMPLETE"
    assert api.get_trace_segment_destination()["Destination"] == "CloudWatchLogs"
    api.update_trace_segment_destination(Destination="XRay")
    local_aws.client("logs").delete_resource_policy(policyName="TransactionSearchAccess")
