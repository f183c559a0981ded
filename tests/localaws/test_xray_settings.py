"""Groups, sampling rules and settings of X-Ray on the embedded AWS: each answer is checked against botocore's model."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.localaws.xray_kit import (
    Regional,
    get,
    let_x_ray_log,
    refusal,
    regional,
    summaries,
)

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def in_region(local_aws: LocalAws) -> Regional:
    return regional(local_aws)


@pytest.fixture
def xray(in_region: Regional) -> Any:
    return in_region("eu-west-1")


# Groups


def test_the_default_group_is_there_and_stays(xray: Any) -> None:
    (default,) = [group for group in xray.get_groups()["Groups"] if group["GroupName"] == "Default"]
    assert default["GroupARN"].endswith("group/Default")
    assert refusal(xray.delete_group, GroupName="Default")[0] == "InvalidRequestException"


def test_a_group_lives_and_dies(xray: Any) -> None:
    made = xray.create_group(GroupName="slow", FilterExpression="duration > 3", Tags=[{"Key": "team", "Value": "blue"}])
    arn = made["Group"]["GroupARN"]
    assert arn.startswith("arn:aws:xray:eu-west-1:111122223333:group/slow/")
    assert refusal(xray.create_group, GroupName="slow")[0] == "InvalidRequestException"
    changed = xray.update_group(GroupARN=arn, InsightsConfiguration={"InsightsEnabled": True})["Group"]
    assert (changed["FilterExpression"], changed["InsightsConfiguration"]["InsightsEnabled"]) == ("duration > 3", True)
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "blue"}]
    xray.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    xray.delete_group(GroupName="slow")
    assert refusal(xray.get_group, GroupName="slow")[0] == "InvalidRequestException"
    assert refusal(xray.list_tags_for_resource, ResourceARN=arn)[0] == "ResourceNotFoundException"


def test_notifications_need_insights(xray: Any) -> None:
    insights = {"InsightsEnabled": False, "NotificationsEnabled": True}
    assert refusal(xray.create_group, GroupName="n", InsightsConfiguration=insights)[0] == "InvalidRequestException"


def test_an_account_has_at_most_25_groups_of_its_own(in_region: Regional) -> None:
    xray = in_region("sa-east-1")
    for number in range(25):
        xray.create_group(GroupName=f"g{number}")
    assert refusal(xray.create_group, GroupName="one-too-many")[0] == "InvalidRequestException"


def rule(name: str, **fields: Any) -> dict[str, Any]:
    wild = dict.fromkeys(("ResourceARN", "ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath"), "*")
    return {"RuleName": name, "Priority": 10, "FixedRate": 0.0, "ReservoirSize": 0, "Version": 1, **wild, **fields}


def test_the_default_rule_is_one_a_second_and_five_percent_and_comes_last(in_region: Regional) -> None:
    xray = in_region("us-west-1")
    xray.create_sampling_rule(SamplingRule=rule("later", Priority=9000))
    xray.create_sampling_rule(SamplingRule=rule("sooner", Priority=2))
    rules = [record["SamplingRule"] for record in xray.get_sampling_rules()["SamplingRuleRecords"]]
    assert [each["RuleName"] for each in rules] == ["sooner", "later", "Default"]
    assert (rules[-1]["Priority"], rules[-1]["ReservoirSize"], rules[-1]["FixedRate"]) == (10_000, 1, 0.05)
    assert refusal(xray.delete_sampling_rule, RuleName="Default")[0] == "InvalidRequestException"
    update = {"RuleName": "Default", "FixedRate": 0.5}
    assert (
        xray.update_sampling_rule(SamplingRuleUpdate=update)["SamplingRuleRecord"]["SamplingRule"]["FixedRate"] == 0.5
    )
    assert refusal(xray.update_sampling_rule, SamplingRuleUpdate={**update, "URLPath": "/a"})[0] == (
        "InvalidRequestException"
    )


def test_two_rules_may_not_share_a_name_and_26_are_too_many(in_region: Regional) -> None:
    xray = in_region("us-west-2")
    xray.create_sampling_rule(SamplingRule=rule("first"))
    assert refusal(xray.create_sampling_rule, SamplingRule=rule("first"))[0] == "InvalidRequestException"
    for number in range(24):
        xray.create_sampling_rule(SamplingRule=rule(f"r{number}"))
    assert refusal(xray.create_sampling_rule, SamplingRule=rule("more"))[0] == "RuleLimitExceededException"


@pytest.mark.parametrize("fields", [{"Priority": 0}, {"FixedRate": 1.5}, {"ReservoirSize": -1}, {"Version": 2}])
def test_a_rule_out_of_range_is_refused_by_the_service_too(fields: dict[str, Any], local_aws: LocalAws) -> None:
    body = json.dumps({"SamplingRule": rule("bad", **fields)}).encode()
    url = f"{local_aws.endpoint}/CreateSamplingRule"
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(local_aws.config.account_id, "local"), "xray", "eu-west-1").add_auth(request)
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(urllib.request.Request(url, data=body, headers=dict(request.headers)))
    assert raised.value.code == 400
    assert raised.value.headers["x-amzn-ErrorType"] == "InvalidRequestException"


def test_clients_share_the_reservoir_of_a_rule(in_region: Regional) -> None:
    xray = in_region("ca-central-1")
    xray.create_sampling_rule(SamplingRule=rule("shared", ReservoirSize=10, FixedRate=0.1))
    report = {"RuleName": "shared", "Timestamp": time.time(), "RequestCount": 5, "SampledCount": 2}
    for expected in (10, 5):
        client = {**report, "ClientID": secrets.token_hex(12)}
        unknown = {**report, "ClientID": client["ClientID"], "RuleName": "unknown"}
        answer = xray.get_sampling_targets(SamplingStatisticsDocuments=[client, unknown])
        (target,) = answer["SamplingTargetDocuments"]
        assert (target["ReservoirQuota"], target["FixedRate"], target["Interval"]) == (expected, 0.1, 10)
        assert [problem["RuleName"] for problem in answer["UnprocessedStatistics"]] == ["unknown"]
    counted = xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
    assert sum(summary["RequestCount"] for summary in counted) == 10


@pytest.mark.parametrize("change", ["create_group", "update_group"])
def test_a_group_of_a_wrong_filter_expression_is_refused(change: str, in_region: Regional) -> None:
    xray = in_region("ca-central-1")
    if change == "update_group":
        xray.create_group(GroupName="wrong", FilterExpression="fault")
    code, message = refusal(getattr(xray, change), GroupName="wrong", FilterExpression="fault = maybe")
    assert (code, "Invalid filter expression" in message) == ("InvalidRequestException", True)


def settled(get: Callable[..., dict[str, Any]], status: str) -> dict[str, Any]:
    """What a getter says when the status is not this one any more."""
    for _ in range(100):
        answer = get()
        said: dict[str, Any] = answer.get("EncryptionConfig", answer)
        if said["Status"] != status:
            return said
        time.sleep(0.1)
    raise AssertionError(f"still {status}")


def test_encryption_with_a_key_takes_a_while_and_names_the_key_by_its_arn(
    local_aws: LocalAws, in_region: Regional
) -> None:
    xray, kms = in_region("ca-west-1"), local_aws.client("kms", region="ca-west-1")
    assert xray.get_encryption_config()["EncryptionConfig"] == {"Status": "ACTIVE", "Type": "NONE"}
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/traces", TargetKeyId=key["KeyId"])
    for name in (key["KeyId"], key["Arn"], "alias/traces", f"{key['Arn'].split(':key/')[0]}:alias/traces"):
        changing = xray.put_encryption_config(Type="KMS", KeyId=name)["EncryptionConfig"]
        assert changing == {"KeyId": key["Arn"], "Status": "UPDATING", "Type": "KMS"}
    assert settled(xray.get_encryption_config, "UPDATING") == changing | {"Status": "ACTIVE"}
    assert xray.put_encryption_config(Type="NONE")["EncryptionConfig"] == {"Status": "UPDATING", "Type": "NONE"}


def test_the_key_that_aws_keeps_for_x_ray_is_there_when_it_is_asked_for(in_region: Regional) -> None:
    xray = in_region("eu-south-1")
    first, second = (xray.put_encryption_config(Type="KMS", KeyId="alias/aws/xray") for _ in range(2))
    assert first["EncryptionConfig"]["KeyId"].startswith("arn:aws:kms:eu-south-1:111122223333:key/")
    assert second["EncryptionConfig"]["KeyId"] == first["EncryptionConfig"]["KeyId"]


def test_a_key_that_x_ray_cannot_use_is_refused(local_aws: LocalAws, in_region: Regional) -> None:
    xray, kms = in_region("eu-south-2"), local_aws.client("kms", region="eu-south-2")
    other_use = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    disabled = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=disabled)
    elsewhere = local_aws.client("kms", region="eu-west-1").create_key()["KeyMetadata"]["Arn"]
    for key, reason in {
        "alias/none": "does not exist",
        other_use: "symmetric keys alone",
        disabled: "not enabled",
        elsewhere: "Region eu-south-2",
    }.items():
        code, message = refusal(xray.put_encryption_config, Type="KMS", KeyId=key)
        assert (code, reason in message) == ("InvalidRequestException", True), message
    assert refusal(xray.put_encryption_config, Type="KMS")[0] == "InvalidRequestException"
    assert xray.get_encryption_config()["EncryptionConfig"] == {"Status": "ACTIVE", "Type": "NONE"}


def test_transaction_search_needs_a_policy_of_the_logs_and_takes_a_while(
    local_aws: LocalAws, in_region: Regional
) -> None:
    xray = in_region("eu-central-2")
    code, message = refusal(xray.update_trace_segment_destination, Destination="CloudWatchLogs")
    assert (code, "logs:PutLogEvents" in message) == ("AccessDeniedException", True)
    assert xray.get_trace_segment_destination()["Destination"] == "XRay"
    let_x_ray_log(local_aws, "eu-central-2")
    answer = xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    assert (answer["Destination"], answer["Status"]) == ("CloudWatchLogs", "PENDING")
    # What AWS's page says it looks like in the end.
    said = settled(xray.get_trace_segment_destination, "PENDING")
    assert (said["Destination"], said["Status"]) == ("CloudWatchLogs", "ACTIVE")
    assert xray.update_trace_segment_destination(Destination="CloudWatchLogs")["Status"] == "ACTIVE"


def test_resource_policies_are_kept_and_given_back(in_region: Regional) -> None:
    xray = in_region("ca-west-1")
    xray.put_telemetry_records(TelemetryRecords=[{"Timestamp": time.time()}])
    for number in range(5):
        xray.put_resource_policy(PolicyName=f"p{number}", PolicyDocument="{}")
    assert refusal(xray.put_resource_policy, PolicyName="p5", PolicyDocument="{}")[0] == (
        "PolicyCountLimitExceededException"
    )
    assert refusal(xray.put_resource_policy, PolicyName="p1", PolicyDocument="{")[0] == (
        "MalformedPolicyDocumentException"
    )
    xray.delete_resource_policy(PolicyName="p4")
    assert [policy["PolicyName"] for policy in xray.list_resource_policies()["ResourcePolicies"]] == (
        ["p0", "p1", "p2", "p3"]
    )


def test_an_operation_that_is_not_emulated_says_so(xray: Any) -> None:
    now = time.time()
    code, message = refusal(xray.get_insight_summaries, StartTime=now - 5, EndTime=now, States=["ACTIVE"])
    assert (code, "not emulated" in message) == ("InvalidRequestException", True)


# What API Gateway decides, in a Region of these tests alone: the rules of a Region decide for all that runs there


@pytest.fixture
def stage(local_aws: LocalAws) -> Iterator[Callable[..., str]]:
    """Call a traced stage of a mock API in a Region; the answer is the tracing header."""
    gateway = local_aws.client("apigateway", region="il-central-1")
    api = gateway.create_rest_api(name="mock")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    for path in ("health", "orders"):
        resource = gateway.create_resource(restApiId=api, parentId=root, pathPart=path)["id"]
        method = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
        gateway.put_method(**method, authorizationType="NONE")
        gateway.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        gateway.put_integration_response(**method, statusCode="200")
    deployment = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(restApiId=api, stageName="v1", deploymentId=deployment, tracingEnabled=True)

    def call(path: str, **headers: str) -> str:
        url = f"{local_aws.endpoint}/restapis/{api}/v1/_user_request_{path}"
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            header: str = answer.headers["X-Amzn-Trace-Id"]
            return header

    yield call
    gateway.delete_rest_api(restApiId=api)


def test_the_sampling_rules_choose_by_path_and_by_priority(in_region: Regional, stage: Callable[..., str]) -> None:
    xray = in_region("il-central-1")
    rules = [
        rule("health", Priority=1, URLPath="*/health", FixedRate=0, ReservoirSize=0),
        rule("debug", Priority=2, ServiceName="mock/*", ServiceType="AWS::ApiGateway::Stage", FixedRate=1),
        rule("never", Priority=3),
    ]
    for each in rules:
        xray.create_sampling_rule(SamplingRule=each)
    try:
        checks = [stage("/health") for _ in range(20)]
        orders = [stage("/orders") for _ in range(20)]
        xray.delete_sampling_rule(RuleName="debug")
        unruled = stage("/orders")
    finally:
        for each in xray.get_sampling_rules()["SamplingRuleRecords"]:
            if each["SamplingRule"]["RuleName"] != "Default":
                xray.delete_sampling_rule(RuleName=each["SamplingRule"]["RuleName"])
    assert {header.rpartition(";")[2] for header in [*checks, unruled]} == {"Sampled=0"}
    assert {header.rpartition(";")[2] for header in orders} == {"Sampled=1"}
    recorded = summaries(xray)
    assert recorded.keys() == {header.split(";")[0].removeprefix("Root=") for header in orders}
    (document,) = get(xray, next(iter(recorded)))
    assert document["aws"]["xray"]["sampling_rule_name"] == "debug"


def test_a_reservoir_is_filled_anew_each_second(in_region: Regional, stage: Callable[..., str]) -> None:
    xray = in_region("il-central-1")
    xray.create_sampling_rule(SamplingRule=rule("three", Priority=1, ReservoirSize=3))
    try:
        for _ in range(5):
            time.sleep(1 - time.time() % 1)
            second = int(time.time())
            headers = [stage("/orders") for _ in range(10)]
            if int(time.time()) == second:  # or else two reservoirs were drawn on
                break
        first = sum(header.endswith("Sampled=1") for header in headers)
        time.sleep(1 - time.time() % 1)
        again = stage("/orders")
    finally:
        xray.delete_sampling_rule(RuleName="three")
    assert first == 3
    assert again.endswith("Sampled=1")


def test_a_rule_may_choose_by_a_request_header(in_region: Regional, stage: Callable[..., str]) -> None:
    xray = in_region("il-central-1")
    xray.create_sampling_rule(SamplingRule=rule("vip", Priority=1, FixedRate=1, Attributes={"X-Tenant": "gold*"}))
    xray.create_sampling_rule(SamplingRule=rule("none", Priority=2))
    try:
        assert stage("/orders", **{"X-Tenant": "gold-7"}).endswith("Sampled=1")
        assert stage("/orders", **{"X-Tenant": "tin"}).endswith("Sampled=0")
    finally:
        xray.delete_sampling_rule(RuleName="vip")
        xray.delete_sampling_rule(RuleName="none")


# CloudFormation

LET_LOG = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "xray.amazonaws.com"},
            "Action": "logs:PutLogEvents",
            "Resource": "arn:aws:logs:*:*:log-group:aws/spans:*",
        }
    ]
}


def template(**changes: Any) -> str:
    sampling = {**rule("from-stack", ReservoirSize=1), **changes.get("rule", {})}
    group = {"GroupName": changes.get("group", "from-stack"), "FilterExpression": changes.get("expression", "fault")}
    return json.dumps(
        {
            "Resources": {
                "Group": {"Type": "AWS::XRay::Group", "Properties": group},
                "Rule": {"Type": "AWS::XRay::SamplingRule", "Properties": {"SamplingRule": sampling}},
                "Policy": {
                    "Type": "AWS::XRay::ResourcePolicy",
                    "Properties": {"PolicyName": "from-stack", "PolicyDocument": "{}"},
                },
                "Log": {
                    "Type": "AWS::Logs::ResourcePolicy",
                    "Properties": {"PolicyName": "spans", "PolicyDocument": json.dumps(LET_LOG)},
                },
                "Search": {
                    "Type": "AWS::XRay::TransactionSearchConfig",
                    "Properties": {"IndexingPercentage": 7},
                    "DependsOn": "Log",
                },
            },
            "Outputs": {
                name: {"Value": value}
                for name, value in {
                    "Group": {"Ref": "Group"},
                    "GroupArn": {"Fn::GetAtt": ["Group", "GroupARN"]},
                    "Rule": {"Ref": "Rule"},
                    "RuleArn": {"Fn::GetAtt": ["Rule", "RuleARN"]},
                    "Policy": {"Ref": "Policy"},
                    "Search": {"Ref": "Search"},
                }.items()
            },
        }
    )


def test_a_stack_makes_changes_and_deletes_the_resources_of_x_ray(local_aws: LocalAws, in_region: Regional) -> None:
    xray = in_region("af-south-1")
    cloudformation = local_aws.client("cloudformation", region="af-south-1")
    name = f"xray-{uuid.uuid4().hex[:8]}"

    def outputs() -> dict[str, str]:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    cloudformation.create_stack(StackName=name, TemplateBody=template())
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    made = outputs()
    group = xray.get_group(GroupName="from-stack")["Group"]
    assert made["Group"] == made["GroupArn"] == group["GroupARN"]
    assert made["Rule"] == made["RuleArn"] == "arn:aws:xray:af-south-1:111122223333:sampling-rule/from-stack"
    assert (made["Policy"], made["Search"]) == ("from-stack", "111122223333")
    assert xray.get_trace_segment_destination()["Destination"] == "CloudWatchLogs"
    (indexing,) = xray.get_indexing_rules()["IndexingRules"]
    assert indexing["Rule"]["Probabilistic"]["DesiredSamplingPercentage"] == 7

    changed = template(expression="error", rule={"Priority": 77})
    cloudformation.update_stack(StackName=name, TemplateBody=changed)
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert outputs() == made
    assert xray.get_group(GroupName="from-stack")["Group"]["FilterExpression"] == "error"
    assert xray.get_sampling_rules()["SamplingRuleRecords"][0]["SamplingRule"]["Priority"] == 77

    cloudformation.update_stack(StackName=name, TemplateBody=template(group="renamed", rule={"RuleName": "renamed"}))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert [each["GroupName"] for each in xray.get_groups()["Groups"]] == ["Default", "renamed"]
    assert outputs()["Rule"].endswith("/renamed")

    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert [each["GroupName"] for each in xray.get_groups()["Groups"]] == ["Default"]
    assert len(xray.get_sampling_rules()["SamplingRuleRecords"]) == 1
    assert xray.list_resource_policies()["ResourcePolicies"] == []
    assert xray.get_trace_segment_destination()["Destination"] == "XRay"
