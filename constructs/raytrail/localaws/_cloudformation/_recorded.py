"""Resource types that a deployment only records, and why: what the demo and the docs must not claim to show."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_KEPT = "kept and read back through the service's API, but nothing"

_RECORDED: Mapping[str, str] = MappingProxyType(
    {
        "AWS::ApiGateway::Account": f"{_KEPT} assumes its role",
        "AWS::ApiGateway::UsagePlan": f"{_KEPT} throttles or counts by it",
        "AWS::CDK::Metadata": "tells AWS which constructs a stack uses; it has no effect on AWS either",
        "AWS::CloudWatch::Dashboard": f"{_KEPT} draws it: there is no console",
        "AWS::IAM::ManagedPolicy": f"{_KEPT} evaluates it: every call is allowed",
        "AWS::IAM::Policy": f"{_KEPT} evaluates it: every call is allowed",
        "AWS::IAM::Role": f"{_KEPT} evaluates its policies: every call is allowed",
        "AWS::Lambda::Permission": f"{_KEPT} evaluates it: every invocation is allowed",
        "AWS::Logs::ResourcePolicy": f"{_KEPT} evaluates it: every delivery is allowed",
        "AWS::S3::BucketPolicy": f"{_KEPT} evaluates it: every call is allowed",
        "AWS::SNS::TopicPolicy": f"{_KEPT} evaluates it: every publication is allowed",
        "AWS::SQS::QueuePolicy": f"{_KEPT} evaluates it: every message is allowed",
        "AWS::XRay::ResourcePolicy": "no service but X-Ray's own would evaluate it",
        "AWS::XRay::TransactionSearchConfig": "spans are not sent to a log group here",
    }
)


def recorded_types() -> Mapping[str, str]:
    """CloudFormation resource types that are recorded and not emulated, each with the reason in words."""
    return _RECORDED
