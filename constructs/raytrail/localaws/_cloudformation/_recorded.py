"""Resource types that a deployment only records, and why: what the demo and the docs must not claim to show.

Policies of buckets, topics, queues, functions and log groups are not among them: EventBridge, CloudTrail and alarms
ask them before they deliver. That nothing asks them, or an identity's policies, of a *caller* is said in the docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_KEPT = "kept and read back through the service's API, but nothing"
_NO_MACHINE = "no machine runs here"
_NO_NETWORK = "no network is made, and no packet goes through it"
_NO_MANAGER = "Systems Manager manages no machine here"
_NO_BEANSTALK = "Elastic Beanstalk is not emulated"

_RECORDED: Mapping[str, str] = MappingProxyType(
    {
        "AWS::ApiGateway::Account": f"{_KEPT} assumes its role",
        "AWS::ApplicationSignals::Discovery": "Application Signals is not emulated",
        "AWS::ApplicationSignals::ServiceLevelObjective": "Application Signals is not emulated",
        "AWS::AutoScaling::AutoScalingGroup": f"{_KEPT} starts an instance",
        "AWS::CDK::Metadata": "tells AWS which constructs a stack uses; it has no effect on AWS either",
        "AWS::CloudWatch::AnomalyDetector": "no band is trained and no anomaly is found",
        "AWS::CloudWatch::Dashboard": f"{_KEPT} draws it: there is no console",
        "AWS::CloudWatch::InsightRule": "Contributor Insights is not emulated",
        "AWS::EC2::EIP": _NO_NETWORK,
        "AWS::EC2::FlowLog": _NO_NETWORK,
        "AWS::EC2::Instance": _NO_MACHINE,
        "AWS::EC2::NatGateway": _NO_NETWORK,
        "AWS::ECS::Service": f"{_KEPT} starts a container, though the API calls its tasks running",
        "AWS::ECS::TaskDefinition": f"{_KEPT} starts a container",
        "AWS::ElasticBeanstalk::Application": _NO_BEANSTALK,
        "AWS::ElasticBeanstalk::ApplicationVersion": _NO_BEANSTALK,
        "AWS::ElasticBeanstalk::ConfigurationTemplate": _NO_BEANSTALK,
        "AWS::ElasticBeanstalk::Environment": _NO_BEANSTALK,
        "AWS::IAM::ManagedPolicy": f"{_KEPT} evaluates it: every call is allowed",
        "AWS::IAM::Policy": f"{_KEPT} evaluates it: every call is allowed",
        "AWS::IAM::Role": f"{_KEPT} evaluates its policies: every call is allowed",
        "AWS::SSM::Association": _NO_MANAGER,
        "AWS::SSM::Document": _NO_MANAGER,
        "AWS::XRay::ResourcePolicy": f"{_KEPT} evaluates it",
        "AWS::XRay::TransactionSearchConfig": f"{_KEPT} writes spans to the log group aws/spans",
    }
)


def recorded_types() -> Mapping[str, str]:
    """CloudFormation resource types that are recorded and not emulated, each with the reason in words."""
    return _RECORDED
