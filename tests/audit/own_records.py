"""Records of our own making, with something for each saved query to find and something for it to leave."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

TODAY = datetime.now(UTC).date()


def event(
    name: str, source: str, *, days: int = 1, user: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """A record of ``days`` ago; field names as CloudTrail writes them."""
    who = {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLE",
        "arn": "arn:aws:iam::111122223333:user/ana",
        "accountId": "111122223333",
        "accessKeyId": "AKIAEXAMPLEANA",
        "userName": "ana",
    }
    return {
        "eventVersion": "1.11",
        "userIdentity": user or who,
        "eventTime": f"{TODAY - timedelta(days=days)}T08:00:{len(name):02d}Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.30",
        "requestParameters": None,
        "responseElements": None,
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        **fields,
    }


def role(name: str, session: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{session}",
        "arn": f"arn:aws:sts::111122223333:assumed-role/{name}/{session}",
        "accountId": "111122223333",
        "accessKeyId": f"ASIA{session.upper()}",
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::111122223333:role/{name}", "userName": name}
        },
        **fields,
    }


def own_records() -> list[dict[str, Any]]:
    """At least one record that each query must list, and one that looks like it and must not be listed."""
    root = {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"}
    signed_in: dict[str, Any] = {"responseElements": {"ConsoleLogin": "Success"}, "eventType": "AwsConsoleSignIn"}
    no_mfa: dict[str, Any] = {"additionalEventData": {"MFAUsed": "No"}}
    with_mfa: dict[str, Any] = {"additionalEventData": {"MFAUsed": "Yes"}}
    agent = "Boto3/1.43 exec-env/AWS_Lambda_python3.13"
    function: dict[str, Any] = {"userAgent": agent, "user": role("orders", "place-order")}
    scope = {"issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": "arn:aws:lambda:::function:ship"}
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    only_tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    named = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": "s3:GetObject"}
    service = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject"}

    def policy(*statements: Any) -> dict[str, Any]:
        return {"bucketName": "b", "bucketPolicy": {"Version": "2012-10-17", "Statement": list(statements)}}

    def rule(address: str) -> dict[str, Any]:
        port = {"fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": address}]}}
        return {"groupId": "sg-1", "ipPermissions": {"items": [port]}}

    return [
        event("CreateAccessKey", "iam", user=root, days=20),
        event("ListBuckets", "s3", user=root, readOnly=True, days=2),
        event("GenerateDataKey", "kms", user={**root, "invokedBy": "s3.amazonaws.com"}),
        event("RotateKey", "kms", user=root, eventType="AwsServiceEvent"),
        event("ConsoleLogin", "signin", user=root, **signed_in, **no_mfa),
        event("ConsoleLogin", "signin", **signed_in, **no_mfa),
        event("ConsoleLogin", "signin", **signed_in),
        event("ConsoleLogin", "signin", **signed_in, **with_mfa),
        event("ConsoleLogin", "signin", user=role("sso", "eva"), **signed_in, **no_mfa),
        event("ConsoleLogin", "signin", responseElements={"ConsoleLogin": "Failure"}, **no_mfa),
        event("GetObject", "s3", errorCode="AccessDenied", readOnly=True),
        event("GetObject", "s3", errorCode="AccessDenied", readOnly=True, sourceIPAddress="203.0.113.9"),
        event("GetObject", "s3", errorCode="NoSuchKey", readOnly=True),
        event("RunInstances", "ec2", errorCode="Client.UnauthorizedOperation"),
        event("Decrypt", "kms", user=role("admin", "eva"), errorCode="AccessDeniedException", readOnly=True),
        event("CreateUser", "iam", requestParameters={"userName": "mallory"}),
        event("CreateUser", "iam", requestParameters={"userName": "again"}, errorCode="EntityAlreadyExistsException"),
        event("CreateAccessKey", "iam", responseElements={"accessKey": {"accessKeyId": "AKIANEW", "userName": "m"}}),
        event(
            "AttachUserPolicy",
            "iam",
            requestParameters={"userName": "m", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
        event(
            "AttachUserPolicy",
            "iam",
            requestParameters={"userName": "m", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        ),
        event("PutRolePolicy", "iam", requestParameters={"roleName": "r", "policyName": "inline"}),
        event("StopLogging", "cloudtrail", days=25, requestParameters={"name": "trail"}),
        event("DeleteTrail", "cloudtrail", errorCode="AccessDenied", requestParameters={"name": "trail"}),
        event("DeleteLogGroup", "logs", requestParameters={"logGroupName": "audit"}),
        event("StopLogging", "other"),
        event("AuthorizeSecurityGroupIngress", "ec2", requestParameters=rule("0.0.0.0/0")),
        event("AuthorizeSecurityGroupIngress", "ec2", requestParameters=rule("10.0.0.0/8")),
        event("PutBucketPolicy", "s3", requestParameters=policy(only_tls, everybody)),
        event("PutBucketPolicy", "s3", requestParameters=policy(only_tls, service)),
        event("PutBucketPolicy", "s3", requestParameters={"bucketName": "c", "bucketPolicy": {"Statement": named}}),
        event("DeleteBucketPublicAccessBlock", "s3", requestParameters={"bucketName": "b"}),
        event(
            "PutBucketPublicAccessBlock",
            "s3",
            requestParameters={"bucketName": "b", "PublicAccessBlockConfiguration": {"BlockPublicPolicy": False}},
        ),
        event(
            "PutBucketPublicAccessBlock",
            "s3",
            requestParameters={"bucketName": "b", "PublicAccessBlockConfiguration": {"BlockPublicPolicy": True}},
        ),
        event("PutItem", "dynamodb", **function),
        event("PutItem", "dynamodb", errorCode="ConditionalCheckFailedException", **function),
        event("SendMessage", "sqs", user=role("shipping", "ship", inScopeOf=scope)),
        event("PutItem", "dynamodb", user=role("admin", "eva")),
        event("DeleteBucket", "s3", requestParameters={"bucketName": "old"}),
        event("TerminateInstances", "ec2", user=role("admin", "eva")),
        event("DeleteBucket", "s3", errorCode="AccessDenied"),
        event("DescribeDeletedThings", "ec2", readOnly=True, userAgent=None),
    ]
