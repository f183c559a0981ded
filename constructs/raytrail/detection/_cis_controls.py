"""The monitoring controls of the CIS AWS Foundations Benchmark, as plain values: a filter over the trail's log each.

Numbers and titles are those of section 4 of the benchmark, versions 1.4.0 and 3.0.0. The filters are those that AWS
Security Hub asks for letter by letter, so they are written here as it prints them:
https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_PATTERN_CHARACTERS = 1024
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html"""


@dataclass(frozen=True, kw_only=True, slots=True)
class CisControl:
    """One control: what is counted in the trail's log, and tells somebody when it happens once."""

    number: str
    """As ``4.3``."""
    title: str
    """What happened, in a few words."""
    metric: str
    """Name of the metric, in PascalCase."""
    pattern: str
    """The filter, in the language of CloudWatch Logs."""
    security_hub: str | None = None
    """Id of the control by which Security Hub checks for it, as ``CloudWatch.1``. Default: it does not."""


def _any(*names: str) -> str:
    return " || ".join(f"($.eventName={name})" for name in names)


def _calls(source: str, *names: str) -> str:
    return f"{{($.eventSource={source}.amazonaws.com) && ({_any(*names)})}}"


UNAUTHORIZED_CALLS = CisControl(
    number="4.1",
    title="A call was refused for lack of permission",
    metric="UnauthorizedCalls",
    pattern='{($.errorCode="*UnauthorizedOperation") || ($.errorCode="AccessDenied*")}',
    security_hub="CloudWatch.2",
)

SPARING_SERVICES = (
    '{(($.errorCode="*UnauthorizedOperation") || ($.errorCode="AccessDenied*"))'
    # A comparison with a field that is not there fails, with != too.
    ' && (($.userIdentity.type NOT EXISTS) || ($.userIdentity.type!="AWSService"))'
    ' && ($.sourceIPAddress!="delivery.logs.amazonaws.com")}'
)
"""The filter of 4.1 without calls that AWS services made for themselves.

One bucket whose policy is wrong has log deliveries refused all day: nobody attacks, and the alarm never rests. What a
service does for somebody (``userIdentity.invokedBy`` beside a person or a role) still counts.
"""

CIS_CONTROLS = (
    UNAUTHORIZED_CALLS,
    CisControl(
        number="4.2",
        title="A user signed in to the console without a second factor",
        metric="SignInsWithoutMfa",
        pattern=(
            '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") && '
            '($.userIdentity.type = "IAMUser") && ($.responseElements.ConsoleLogin = "Success") }'
        ),
        security_hub="CloudWatch.3",
    ),
    CisControl(
        number="4.3",
        title="The root user did something",
        metric="RootUse",
        pattern=(
            '{$.userIdentity.type="Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType !="AwsServiceEvent"}'
        ),
        security_hub="CloudWatch.1",
    ),
    CisControl(
        number="4.4",
        title="An IAM policy was changed",
        metric="PolicyChanges",
        pattern=_calls(
            "iam",
            *("DeleteGroupPolicy", "DeleteRolePolicy", "DeleteUserPolicy"),
            *("PutGroupPolicy", "PutRolePolicy", "PutUserPolicy"),
            *("CreatePolicy", "DeletePolicy", "CreatePolicyVersion", "DeletePolicyVersion"),
            *("AttachRolePolicy", "DetachRolePolicy", "AttachUserPolicy", "DetachUserPolicy"),
            *("AttachGroupPolicy", "DetachGroupPolicy"),
        ),
        security_hub="CloudWatch.4",
    ),
    CisControl(
        number="4.5",
        title="A trail was changed",
        metric="TrailChanges",
        pattern=f"{{{_any('CreateTrail', 'UpdateTrail', 'DeleteTrail', 'StartLogging', 'StopLogging')}}}",
        security_hub="CloudWatch.5",
    ),
    CisControl(
        number="4.6",
        title="A sign-in to the console failed",
        metric="FailedSignIns",
        pattern='{($.eventName=ConsoleLogin) && ($.errorMessage="Failed authentication")}',
        security_hub="CloudWatch.6",
    ),
    CisControl(
        number="4.7",
        title="A customer managed key was disabled or scheduled for deletion",
        metric="KeyDeletions",
        pattern=_calls("kms", "DisableKey", "ScheduleKeyDeletion"),
        security_hub="CloudWatch.7",
    ),
    CisControl(
        number="4.8",
        title="The policy of a bucket was changed",
        metric="BucketPolicyChanges",
        pattern=_calls(
            "s3",
            *("PutBucketAcl", "PutBucketPolicy", "PutBucketCors", "PutBucketLifecycle", "PutBucketReplication"),
            *("DeleteBucketPolicy", "DeleteBucketCors", "DeleteBucketLifecycle", "DeleteBucketReplication"),
        ),
        security_hub="CloudWatch.8",
    ),
    CisControl(
        number="4.9",
        title="What AWS Config records was changed",
        metric="ConfigChanges",
        pattern=_calls(
            "config",
            *("StopConfigurationRecorder", "DeleteDeliveryChannel", "PutDeliveryChannel", "PutConfigurationRecorder"),
        ),
        security_hub="CloudWatch.9",
    ),
    CisControl(
        number="4.10",
        title="A security group was changed",
        metric="SecurityGroupChanges",
        pattern="{"
        + _any(
            *("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"),
            *("RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress"),
            *("CreateSecurityGroup", "DeleteSecurityGroup"),
        )
        + "}",
        security_hub="CloudWatch.10",
    ),
    CisControl(
        number="4.11",
        title="A network access control list was changed",
        metric="NetworkAclChanges",
        pattern="{"
        + _any(
            *("CreateNetworkAcl", "CreateNetworkAclEntry", "DeleteNetworkAcl", "DeleteNetworkAclEntry"),
            *("ReplaceNetworkAclEntry", "ReplaceNetworkAclAssociation"),
        )
        + "}",
        security_hub="CloudWatch.11",
    ),
    CisControl(
        number="4.12",
        title="A network gateway was changed",
        metric="GatewayChanges",
        pattern="{"
        + _any(
            *("CreateCustomerGateway", "DeleteCustomerGateway", "AttachInternetGateway"),
            *("CreateInternetGateway", "DeleteInternetGateway", "DetachInternetGateway"),
        )
        + "}",
        security_hub="CloudWatch.12",
    ),
    CisControl(
        number="4.13",
        title="A route table was changed",
        metric="RouteTableChanges",
        pattern=_calls(
            "ec2",
            *("CreateRoute", "CreateRouteTable", "ReplaceRoute", "ReplaceRouteTableAssociation"),
            *("DeleteRouteTable", "DeleteRoute", "DisassociateRouteTable"),
        ),
        security_hub="CloudWatch.13",
    ),
    CisControl(
        number="4.14",
        title="A VPC was changed",
        metric="VpcChanges",
        pattern="{"
        + _any(
            *("CreateVpc", "DeleteVpc", "ModifyVpcAttribute", "AcceptVpcPeeringConnection"),
            *("CreateVpcPeeringConnection", "DeleteVpcPeeringConnection", "RejectVpcPeeringConnection"),
            *("AttachClassicLinkVpc", "DetachClassicLinkVpc", "DisableVpcClassicLink", "EnableVpcClassicLink"),
        )
        + "}",
        security_hub="CloudWatch.14",
    ),
    CisControl(
        number="4.15",
        title="The organization was changed",
        metric="OrganizationChanges",
        pattern=_calls(
            "organizations",
            *("AcceptHandshake", "AttachPolicy", "CreateAccount", "CreateOrganizationalUnit", "CreatePolicy"),
            *("DeclineHandshake", "DeleteOrganization", "DeleteOrganizationalUnit", "DeletePolicy", "DetachPolicy"),
            *("DisablePolicyType", "EnablePolicyType", "InviteAccountToOrganization", "LeaveOrganization"),
            *("MoveAccount", "RemoveAccountFromOrganization", "UpdatePolicy", "UpdateOrganizationalUnit"),
        ),
    ),
)
"""Every control of the section that is a filter and an alarm, by number. 4.16 asks for Security Hub itself."""
