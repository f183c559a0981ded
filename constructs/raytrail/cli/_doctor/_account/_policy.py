"""What whoever asks the doctor must be allowed, to see all that it looks at."""

from __future__ import annotations

from typing import Any

ACTIONS = (
    "apigateway:GET",
    "athena:GetWorkGroup",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:DescribeType",
    "cloudformation:ListStackResources",
    "cloudtrail:DescribeTrails",
    "cloudtrail:GetEventSelectors",
    "cloudtrail:GetTrailStatus",
    "cloudtrail:ListTrails",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:ListDashboards",
    "dynamodb:DescribeTable",
    "ec2:DescribeRegions",
    "events:ListRules",
    "glue:GetDatabase",
    "iam:GetAccountSummary",
    "iam:GetRole",
    "iam:SimulatePrincipalPolicy",
    "lambda:GetFunctionConfiguration",
    "lambda:GetLayerVersion",
    "logs:DescribeLogGroups",
    "logs:DescribeMetricFilters",
    "logs:DescribeResourcePolicies",
    "organizations:DescribeOrganization",
    "s3:ListBucket",
    "servicequotas:GetServiceQuota",
    "sns:ListTopics",
    "sqs:GetQueueUrl",
    "ssm:GetParameter",
    "ssm:GetParametersByPath",
    "xray:GetEncryptionConfig",
    "xray:GetGroups",
    "xray:GetIndexingRules",
    "xray:GetSamplingRules",
    "xray:GetTraceSegmentDestination",
)
"""Every action of the doctor's look at an account. All of them read."""


def policy() -> dict[str, Any]:
    """An IAM policy that allows them, on everything."""
    statement = {"Sid": "RaytrailDoctor", "Effect": "Allow", "Action": list(ACTIONS), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
