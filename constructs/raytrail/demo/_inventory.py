"""What exists in an account, as far as the kit makes such things: to see what a destroy leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from raytrail.demo._target import Target

Item = tuple[str, str]
"""A CloudFormation resource type and a physical id."""

_LISTS: dict[str, tuple[str, str, Callable[[dict[str, Any]], Iterable[str]]]] = {
    "AWS::S3::Bucket": ("s3", "list_buckets", lambda r: [b["Name"] for b in r["Buckets"]]),
    "AWS::Logs::LogGroup": ("logs", "describe_log_groups", lambda r: [g["logGroupName"] for g in r["logGroups"]]),
    "AWS::Lambda::Function": ("lambda", "list_functions", lambda r: [f["FunctionName"] for f in r["Functions"]]),
    "AWS::DynamoDB::Table": ("dynamodb", "list_tables", lambda r: r["TableNames"]),
    "AWS::SNS::Topic": ("sns", "list_topics", lambda r: [t["TopicArn"] for t in r["Topics"]]),
    "AWS::SQS::Queue": ("sqs", "list_queues", lambda r: r.get("QueueUrls", [])),
    "AWS::Events::Rule": ("events", "list_rules", lambda r: [rule["Name"] for rule in r["Rules"]]),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "describe_alarms", lambda r: [a["AlarmName"] for a in r["MetricAlarms"]]),
    "AWS::CloudWatch::CompositeAlarm": (
        "cloudwatch",
        "describe_alarms",
        lambda r: [a["AlarmName"] for a in r.get("CompositeAlarms", [])],
    ),
    "AWS::Logs::ResourcePolicy": (
        "logs",
        "describe_resource_policies",
        lambda r: [policy["policyName"] for policy in r["resourcePolicies"]],
    ),
    "AWS::Logs::MetricFilter": (
        "logs",
        "describe_metric_filters",
        lambda r: [each["filterName"] for each in r["metricFilters"]],
    ),
    "AWS::Logs::QueryDefinition": (
        "logs",
        "describe_query_definitions",
        lambda r: [each["queryDefinitionId"] for each in r["queryDefinitions"]],
    ),
    "AWS::XRay::SamplingRule": (
        "xray",
        "get_sampling_rules",
        lambda r: [record["SamplingRule"]["RuleARN"] for record in r["SamplingRuleRecords"]],
    ),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch",
        "list_dashboards",
        lambda r: [d["DashboardName"] for d in r["DashboardEntries"]],
    ),
    "AWS::CloudTrail::Trail": ("cloudtrail", "describe_trails", lambda r: [t["Name"] for t in r["trailList"]]),
    "AWS::Athena::WorkGroup": ("athena", "list_work_groups", lambda r: [w["Name"] for w in r["WorkGroups"]]),
    "AWS::Glue::Database": ("glue", "get_databases", lambda r: [d["Name"] for d in r["DatabaseList"]]),
    "AWS::ApiGateway::RestApi": ("apigateway", "get_rest_apis", lambda r: [api["id"] for api in r["items"]]),
    "AWS::IAM::Role": ("iam", "list_roles", lambda r: [role["RoleName"] for role in r["Roles"]]),
    "AWS::XRay::Group": ("xray", "get_groups", lambda r: [g["GroupARN"] for g in r["Groups"]]),
}


def inventory(target: Target) -> set[Item]:
    """Return what exists now. A KMS key that waits for its deletion counts as gone."""
    found: set[Item] = set()
    for kind, (service, operation, names) in _LISTS.items():
        client = target.client(service)
        # Without a word, DescribeAlarms leaves out composite alarms.
        asked = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]} if operation == "describe_alarms" else {}
        if client.can_paginate(operation):
            answers: Iterable[dict[str, Any]] = client.get_paginator(operation).paginate(**asked)
        else:
            answers = [getattr(client, operation)(**asked)]
        found |= {(kind, name) for answer in answers for name in names(answer)}
    buckets = (name for kind, name in found if kind == "AWS::S3::Bucket")
    found |= {("AWS::S3::BucketPolicy", name) for name in buckets if _has_policy(target, name)}
    kms = target.client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            if kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] != "PendingDeletion":
                found.add(("AWS::KMS::Key", key["KeyId"]))
    return found


def _has_policy(target: Target, bucket: str) -> bool:
    try:
        target.client("s3").get_bucket_policy(Bucket=bucket)
    except ClientError as error:
        # A bucket may go between the two calls.
        if error.response["Error"]["Code"] in ("NoSuchBucketPolicy", "NoSuchBucket"):
            return False
        raise
    return True


def retained(target: Target) -> set[Item]:
    """Return what the deployed templates say stays when their stacks go."""
    kept: set[Item] = set()
    for stack in target.stacks():
        template = target.template(stack["StackName"].removeprefix(f"{target.kit}-"))
        stays = {
            logical_id
            for logical_id, resource in template["Resources"].items()
            if resource.get("DeletionPolicy", "Delete").startswith("Retain")
        }
        pages = target.client("cloudformation").get_paginator("list_stack_resources")
        for page in pages.paginate(StackName=stack["StackName"]):
            for resource in page["StackResourceSummaries"]:
                if resource["LogicalResourceId"] in stays:
                    kept.add((resource["ResourceType"], resource["PhysicalResourceId"]))
    return kept
