"""Records of our own for each detection: one that it is for, and near misses that differ from it in one field."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raytrail.detection import DETECTIONS, Detection

Json = dict[str, Any]

BY_ID = {detection.id: detection for detection in DETECTIONS}

DETAIL_TYPES = {
    "AwsApiCall": "AWS API Call via CloudTrail",
    "AwsConsoleSignIn": "AWS Console Signin via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
    "AwsConsoleAction": "AWS Console Action via CloudTrail",
}
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html."""

USER = {
    "type": "IAMUser",
    "principalId": "AIDAEXAMPLE",
    "arn": "arn:aws:iam::111122223333:user/alex",
    "accountId": "111122223333",
    "userName": "alex",
}
ROOT = {"type": "Root", "principalId": "111122223333", "arn": "arn:aws:iam::111122223333:root"}


def call(service: str, name: str, **fields: Any) -> Json:
    """A CloudTrail record of one call."""
    return {
        "eventVersion": "1.11",
        "userIdentity": USER,
        "eventTime": "2026-10-01T12:00:00Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.31.0",
        "requestParameters": None,
        "responseElements": None,
        "requestID": "0f1e2d3c",
        "eventID": "5a6b7c8d-0000-4000-8000-000000000001",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
        **fields,
    }


def event(record: Json, **changes: Any) -> Json:
    """The event that EventBridge gets for a record."""
    return {
        "version": "0",
        "id": "5a6b7c8d-0000-4000-8000-000000000002",
        "detail-type": DETAIL_TYPES[record.get("eventType", "AwsApiCall")],
        "source": f"aws.{record['eventSource'].partition('.')[0]}",
        "account": "111122223333",
        "time": "2026-10-01T12:00:01Z",
        "region": "us-east-1",
        "resources": [],
        "detail": record,
        **changes,
    }


def altered(record: Json, path: str, value: Any) -> Json:
    """The record with one field changed, added, or (where the value is ``...``) taken away."""
    changed = copy.deepcopy(record)
    *parents, last = path.split(".")
    place: Any = changed
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place[parent]
    if value is ...:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return changed


@dataclass(frozen=True, kw_only=True)
class Case:
    """A record that a detection is for, and what to change in it so that it is not."""

    detection: Detection
    seen: Json
    near_misses: Mapping[str, Any]


def case(id: str, seen: Json, near_misses: Mapping[str, Any]) -> Case:
    """A case of the detection of that id."""
    return Case(detection=BY_ID[id], seen=seen, near_misses=near_misses)


def _ingress(permissions: Json) -> Json:
    return call(
        "ec2", "AuthorizeSecurityGroupIngress", requestParameters={"groupId": "sg-1", "ipPermissions": permissions}
    )


def _grant(policy: Json) -> Json:
    return call("s3", "PutBucketPolicy", requestParameters={"bucketName": "files", "bucketPolicy": policy})


_SIGN_IN = call(
    "signin",
    "ConsoleLogin",
    eventType="AwsConsoleSignIn",
    additionalEventData={"LoginTo": "https://console.aws.amazon.com/console/home", "MFAUsed": "No"},
    responseElements={"ConsoleLogin": "Success"},
)
_TAMPERING = {"eventName": "GetTrailStatus", "eventSource": "macie2.amazonaws.com", "eventType": "AwsServiceEvent"}
_CIDR = "requestParameters.ipPermissions.items.0.ipRanges.items.0.cidrIp"

CASES = (
    *(
        case("TrailTampering", call("cloudtrail", name, requestParameters={"name": "main"}), _TAMPERING)
        for name in ("StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "PutInsightSelectors")
    ),
    case(
        "RootUse",
        call("s3", "ListBuckets", userIdentity=ROOT, readOnly=True),
        {
            "userIdentity.type": "IAMUser",
            # A service that acts for the account shows as root with the service's name.
            "userIdentity.invokedBy": "autoscaling.amazonaws.com",
            "eventType": "AwsServiceEvent",
        },
    ),
    case("RootUse", altered(_SIGN_IN, "userIdentity", ROOT), {"userIdentity.type": "AssumedRole"}),
    case(
        "SignInWithoutMfa",
        _SIGN_IN,
        {
            "additionalEventData.MFAUsed": "Yes",
            "additionalEventData.SamlProviderArn": "arn:aws:iam::111122223333:saml-provider/sso",
            "responseElements.ConsoleLogin": "Failure",
            "userIdentity.type": "AssumedRole",
            "eventName": "SwitchRole",
        },
    ),
    case(
        "AccessKeyCreated",
        call("iam", "CreateAccessKey", requestParameters={"userName": "alex"}),
        {"eventName": "UpdateAccessKey", "eventSource": "sts.amazonaws.com"},
    ),
    *(
        case(
            "AdminPolicyAttached",
            call("iam", name, requestParameters={"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
            {
                "requestParameters.policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
                "eventName": name.replace("Attach", "Detach"),
                "eventSource": "sso.amazonaws.com",
            },
        )
        for name in ("AttachUserPolicy", "AttachRolePolicy", "AttachGroupPolicy")
    ),
    case(
        "SecurityGroupOpened",
        call("ec2", "AuthorizeSecurityGroupIngress", requestParameters={"groupId": "sg-1", "cidrIp": "0.0.0.0/0"}),
        {
            "requestParameters.cidrIp": "10.0.0.0/8",
            "eventName": "RevokeSecurityGroupIngress",
            "eventSource": "ec2-instance-connect.amazonaws.com",
        },
    ),
    case(
        "SecurityGroupOpened",
        _ingress({"items": [{"fromPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}, "ipv6Ranges": {}}]}),
        {_CIDR: "203.0.113.0/24"},
    ),
    case(
        "SecurityGroupOpened",
        _ingress({"items": [{"fromPort": 22, "ipRanges": {}, "ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]}}]}),
        {"requestParameters.ipPermissions.items.0.ipv6Ranges.items.0.cidrIpv6": "2001:db8::/32"},
    ),
    *(
        case("BucketMadePublic", call("s3", name), {"eventName": name.replace("Delete", "Get")})
        for name in ("DeleteBucketPublicAccessBlock", "DeleteAccountPublicAccessBlock")
    ),
    case(
        "BucketMadePublic",
        _grant({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]}),
        {
            "requestParameters.bucketPolicy.Statement.0.Effect": "Deny",
            "requestParameters.bucketPolicy.Statement.0.Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "eventName": "DeleteBucketPolicy",
            "eventSource": "s3-outposts.amazonaws.com",
        },
    ),
    case(
        "BucketMadePublic",
        _grant({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:*"}]}),
        {"requestParameters.bucketPolicy.Statement.0.Principal.AWS": "111122223333"},
    ),
    *(
        case(
            "BucketMadePublic",
            call("s3", name, requestParameters={"bucketName": "files", "x-amz-acl": ["public-read"]}),
            {"requestParameters.x-amz-acl": ["private"], "eventName": "PutObjectAcl"},
        )
        for name in ("PutBucketAcl", "CreateBucket")
    ),
    case(
        "BucketMadePublic",
        call(
            "s3",
            "PutBucketAcl",
            requestParameters={
                "AccessControlPolicy": {
                    "AccessControlList": {
                        "Grant": [
                            {
                                "Permission": "READ",
                                "Grantee": {"URI": "http://acs.amazonaws.com/groups/global/AllUsers"},
                            }
                        ]
                    }
                }
            },
        ),
        {
            "requestParameters.AccessControlPolicy.AccessControlList.Grant.0.Grantee.URI": (
                "http://acs.amazonaws.com/groups/s3/LogDelivery"
            )
        },
    ),
    *(
        case(
            "KmsKeyDeletion",
            call("kms", name, requestParameters={"keyId": "1234abcd"}),
            {"eventName": "CancelKeyDeletion", "eventSource": "cloudhsm.amazonaws.com"},
        )
        for name in ("ScheduleKeyDeletion", "DisableKey")
    ),
    case(
        "DynamodbDeleteTable",
        call("dynamodb", "DeleteTable", requestParameters={"tableName": "orders"}),
        {"eventName": "DeleteBackup", "eventSource": "glue.amazonaws.com", "eventType": "AwsServiceEvent"},
    ),
)
