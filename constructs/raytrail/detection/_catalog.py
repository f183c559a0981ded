"""The detections of the kit."""

from __future__ import annotations

from typing import Any

from raytrail.detection._model import API_CALL, SIGN_IN, Detection

TRAIL_TAMPERING = Detection(
    id="TrailTampering",
    title="A trail was stopped, deleted or made to record less",
    level="high",
    techniques=("T1562.008",),
    detail={
        "eventSource": ["cloudtrail.amazonaws.com"],
        "eventName": ["StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "PutInsightSelectors"],
    },
)
ROOT_USE = Detection(
    id="RootUse",
    title="The root user of the account did something",
    level="high",
    techniques=("T1078.004",),
    detail={
        "userIdentity": {"type": ["Root"], "invokedBy": [{"exists": False}]},
        "eventType": [{"anything-but": ["AwsServiceEvent"]}],
    },
    detail_types=(API_CALL, *SIGN_IN),
    read_only=True,
)
SIGN_IN_WITHOUT_MFA = Detection(
    id="SignInWithoutMfa",
    title="A user signed in to the console without a second factor",
    level="medium",
    techniques=("T1078.004",),
    # Roles and federated users sign in elsewhere first, where CloudTrail does not see the second factor.
    detail={
        "eventName": ["ConsoleLogin"],
        "userIdentity": {"type": ["IAMUser", "Root"]},
        "additionalEventData": {"MFAUsed": ["No"], "SamlProviderArn": [{"exists": False}]},
        "responseElements": {"ConsoleLogin": ["Success"]},
    },
    detail_types=SIGN_IN,
)
ACCESS_KEY_CREATED = Detection(
    id="AccessKeyCreated",
    title="A long-lived access key was made",
    level="medium",
    techniques=("T1098.001",),
    detail={"eventSource": ["iam.amazonaws.com"], "eventName": ["CreateAccessKey"]},
)
ADMIN_POLICY_ATTACHED = Detection(
    id="AdminPolicyAttached",
    title="A principal was made an administrator",
    level="high",
    techniques=("T1098.003",),
    detail={
        "eventSource": ["iam.amazonaws.com"],
        "eventName": ["AttachUserPolicy", "AttachRolePolicy", "AttachGroupPolicy"],
        "requestParameters": {"policyArn": [{"suffix": ":aws:policy/AdministratorAccess"}]},
    },
)
_ANY_ADDRESS = [{"suffix": "/0"}]
SECURITY_GROUP_OPENED = Detection(
    id="SecurityGroupOpened",
    title="A security group was opened to every address",
    level="high",
    techniques=("T1562.007",),
    detail={
        "eventSource": ["ec2.amazonaws.com"],
        "eventName": ["AuthorizeSecurityGroupIngress"],
        "$or": [
            {"requestParameters": {"cidrIp": _ANY_ADDRESS}},
            {"requestParameters": {"ipPermissions": {"items": {"ipRanges": {"items": {"cidrIp": _ANY_ADDRESS}}}}}},
            {"requestParameters": {"ipPermissions": {"items": {"ipv6Ranges": {"items": {"cidrIpv6": _ANY_ADDRESS}}}}}},
        ],
    },
)
_TO_ALL = {"Effect": ["Allow"]}
_PUT_BLOCK = ["PutBucketPublicAccessBlock", "PutAccountPublicAccessBlock"]
_BLOCKS = ("BlockPublicPolicy", "RestrictPublicBuckets", "BlockPublicAcls", "IgnorePublicAcls")


def _block_without(part: str) -> dict[str, Any]:
    return {"PublicAccessBlockConfiguration": {part: [False]}}


BUCKET_MADE_PUBLIC = Detection(
    id="BucketMadePublic",
    title="A bucket was opened to everybody, or lost what keeps it closed",
    level="high",
    techniques=("T1530",),
    detail={
        "eventSource": ["s3.amazonaws.com"],
        "$or": [
            {"eventName": ["DeleteBucketPublicAccessBlock", "DeleteAccountPublicAccessBlock"]},
            *({"eventName": _PUT_BLOCK, "requestParameters": _block_without(each)} for each in _BLOCKS),
            {
                "eventName": ["PutBucketPolicy"],
                "requestParameters": {"bucketPolicy": {"Statement": {**_TO_ALL, "Principal": ["*"]}}},
            },
            {
                "eventName": ["PutBucketPolicy"],
                "requestParameters": {"bucketPolicy": {"Statement": {**_TO_ALL, "Principal": {"AWS": ["*"]}}}},
            },
            {
                "eventName": ["PutBucketAcl", "CreateBucket"],
                "requestParameters": {"x-amz-acl": ["public-read", "public-read-write"]},
            },
            {
                "eventName": ["PutBucketAcl"],
                "requestParameters": {
                    "AccessControlPolicy": {
                        "AccessControlList": {
                            "Grant": {
                                "Grantee": {
                                    "URI": [
                                        {"suffix": "/groups/global/AllUsers"},
                                        {"suffix": "/groups/global/AuthenticatedUsers"},
                                    ]
                                }
                            }
                        }
                    }
                },
            },
        ],
    },
)
KMS_KEY_DELETION = Detection(
    id="KmsKeyDeletion",
    title="A key was disabled or scheduled for deletion, and with it what it encrypts",
    level="high",
    techniques=("T1485",),
    detail={"eventSource": ["kms.amazonaws.com"], "eventName": ["ScheduleKeyDeletion", "DisableKey"]},
)
TABLE_DELETED = Detection.of_api_call(
    "dynamodb:DeleteTable", title="A table was deleted", level="medium", techniques=("T1485",)
)

DETECTIONS = (
    TRAIL_TAMPERING,
    ROOT_USE,
    SIGN_IN_WITHOUT_MFA,
    ACCESS_KEY_CREATED,
    ADMIN_POLICY_ATTACHED,
    SECURITY_GROUP_OPENED,
    BUCKET_MADE_PUBLIC,
    KMS_KEY_DELETION,
    TABLE_DELETED,
)
"""Every detection of the kit, in the order of the documentation."""

GLOBAL_SOURCES = (
    "iam.amazonaws.com",
    "organizations.amazonaws.com",
    "route53.amazonaws.com",
    "cloudfront.amazonaws.com",
)
"""Event sources of global services, whose events appear in us-east-1 alone."""
