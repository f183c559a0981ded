"""Who may write traces and who may read them: exactly the actions of AWS's own policies."""

from __future__ import annotations

from aws_cdk import aws_iam as iam

# https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
WRITE_ACTIONS = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
"""What a Lambda function needs to send its spans."""

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSXRayDaemonWriteAccess.html
SAMPLING_ACTIONS = ("xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:GetSamplingStatisticSummaries")
"""What an agent or an SDK needs besides, to follow the sampling rules."""

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSXrayReadOnlyAccess.html
READ_ACTIONS = (
    *SAMPLING_ACTIONS,
    "xray:BatchGetTraces",
    "xray:BatchGetTraceSummaryById",
    "xray:GetDistinctTraceGraphs",
    "xray:GetServiceGraph",
    "xray:GetTraceGraph",
    "xray:GetTraceSummaries",
    "xray:GetGroups",
    "xray:GetGroup",
    "xray:ListTagsForResource",
    "xray:ListResourcePolicies",
    "xray:GetTimeSeriesServiceStatistics",
    "xray:GetInsightSummaries",
    "xray:GetInsight",
    "xray:GetInsightEvents",
    "xray:GetInsightImpactGraph",
)
"""What the console needs to show traces, groups, insights and sampling."""


def grant_write(grantee: iam.IGrantable, *, sampling: bool = True) -> iam.Grant:
    """Let somebody send traces to X-Ray, and return the grant.

    The actions are those of AWSXRayDaemonWriteAccess, version 2. X-Ray's actions on traces know no resource, so the
    statement is on ``*``; rule packs report that on the grantee's policy, and whoever owns the grantee acknowledges it.

    Args:
        grantee: Who sends.
        sampling: Whether it follows sampling rules too, as an agent does. A Lambda function needs it not: Lambda
            samples by itself. Default: yes.
    """
    actions = [*WRITE_ACTIONS, *(SAMPLING_ACTIONS if sampling else ())]
    return iam.Grant.add_to_principal(grantee=grantee, actions=actions, resource_arns=["*"])


def grant_read(grantee: iam.IGrantable) -> iam.Grant:
    """Let somebody read all traces, groups, insights and sampling, and return the grant.

    The actions are those of AWSXrayReadOnlyAccess, version 8. X-Ray knows no permission on single traces. Where a key
    of one's own encrypts them, readers need `TraceEncryption.grant_decrypt` too.

    Args:
        grantee: Who reads.
    """
    return iam.Grant.add_to_principal(grantee=grantee, actions=[*READ_ACTIONS], resource_arns=["*"])
