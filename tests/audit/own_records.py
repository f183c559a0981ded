"""Records of our own making, with something for each saved query to find and something for it to leave."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

TODAY = datetime.now(UTC).date()


def event(
    name: str, source: str, *, days: int = 1, at: str = "", user: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """A record of ``days`` ago; field names as CloudTrail writes them. Default time: soon after eight."""
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
        "eventTime": f"{TODAY - timedelta(days=days)}T{at or f'08:00:{len(name):02d}'}Z",
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


def later_records() -> list[dict[str, Any]]:
    """The same for the queries about one actor, resource, hour or history."""
    bob: dict[str, Any] = {"user": {"type": "IAMUser", "userName": "bob", "accountId": "111122223333"}}
    failure: dict[str, Any] = {"responseElements": {"ConsoleLogin": "Failure"}, "errorMessage": "Failed authentication"}
    stack: dict[str, Any] = {"user": role("deploy", "cdk", invokedBy="cloudformation.amazonaws.com")}
    terraform: dict[str, Any] = {"userAgent": "APN/1.0 HashiCorp/1.0 Terraform/1.13 terraform-provider-aws/6.0"}
    data: dict[str, Any] = {"eventCategory": "Data", "managementEvent": False}

    def key(identifier: str) -> dict[str, Any]:
        return {"user": {"type": "IAMUser", "userName": identifier.lower(), "accessKeyId": identifier}}

    def shared(permission: str, **given: str) -> dict[str, Any]:
        return {"snapshotId": "snap-1", "imageId": "ami-1", permission: {"add": {"items": [given]}}}

    return [
        event("ConsoleLogin", "signin", **bob, **failure),
        event("ConsoleLogin", "signin", **bob, **failure, at="08:01:00"),
        event("ConsoleLogin", "signin", **bob, responseElements={"ConsoleLogin": "Success"}, at="08:02:00"),
        event("PutObject", "s3", resources=[{"ARN": "arn:aws:s3:::orders/1"}, {"ARN": "arn:aws:s3:::orders"}], **data),
        event(
            "CopyObject", "s3", requestParameters={"source": "arn:aws:s3:::orders"}, errorCode="AccessDenied", **data
        ),
        event("CreateTable", "glue", responseElements={"location": "arn:aws:s3:::orders"}),
        event("PutObject", "s3", resources=[{"ARN": "arn:aws:s3:::orders-archive"}], **data),
        event("GetItem", "dynamodb", readOnly=True, managementEvent=False),
        event("UpdateFunctionCode20150331v2", "lambda", at="07:29:59", requestParameters={"functionName": "early"}),
        event("UpdateFunctionCode20150331v2", "lambda", at="07:30:00", requestParameters={"functionName": "first"}),
        event("UpdateFunctionCode20150331v2", "lambda", at="08:30:00", requestParameters={"functionName": "last"}),
        event("UpdateFunctionCode20150331v2", "lambda", at="08:30:01", requestParameters={"functionName": "late"}),
        event("AddPermission20150331v2", "lambda", requestParameters={"functionName": "f", "principal": "*"}),
        event("AddPermission20150331v2", "lambda", requestParameters={"principal": "events.amazonaws.com"}),
        event("PutScalingPolicy", "autoscaling", requestParameters={"policyName": "scale"}),
        event("GetBucketPolicy", "s3", readOnly=True, requestParameters={"bucketName": "b"}),
        event("CreateGrant", "kms", requestParameters={"keyId": "key-1"}),
        event("ModifySnapshotAttribute", "ec2", requestParameters=shared("createVolumePermission", group="all")),
        event("ModifySnapshotAttribute", "ec2", requestParameters=shared("createVolumePermission", userId="1")),
        event("ModifyImageAttribute", "ec2", requestParameters=shared("launchPermission", group="all")),
        event("ModifyDBSnapshotAttribute", "rds", requestParameters={"valuesToAdd": ["all"]}),
        event("ModifyDBSnapshotAttribute", "rds", requestParameters={"valuesToAdd": ["111122223333"]}),
        event("CreateDBInstance", "rds", requestParameters={"dBInstanceIdentifier": "d", "publiclyAccessible": True}),
        event("CreateDBInstance", "rds", requestParameters={"dBInstanceIdentifier": "e", "publiclyAccessible": False}),
        event("CreateFunctionUrlConfig", "lambda", requestParameters={"functionName": "f", "authType": "NONE"}),
        event("CreateFunctionUrlConfig", "lambda", requestParameters={"functionName": "g", "authType": "AWS_IAM"}),
        event("ModifyDocumentPermission", "ssm", requestParameters={"name": "d", "accountIdsToAdd": ["all"]}),
        event("GetSecretValue", "secretsmanager", readOnly=True, requestParameters={"secretId": "db"}),
        event("GetParameters", "ssm", readOnly=True, requestParameters={"names": ["a", "b"], "withDecryption": True}),
        event("GetParameter", "ssm", readOnly=True, requestParameters={"name": "a", "withDecryption": False}),
        event("ListQueues", "sqs", days=20, readOnly=True),
        event("ListQueues", "sqs", readOnly=True),
        event("GetObject", "s3", days=20, readOnly=True, **key("AKIASILENT")),
        event("GetObject", "s3", days=20, readOnly=True, **key("AKIAGONE")),
        event("GetObject", "s3", days=20, readOnly=True, **key("AKIABUSY")),
        event("GetObject", "s3", days=1, readOnly=True, **key("AKIABUSY")),
        event("DeleteAccessKey", "iam", days=2, requestParameters={"accessKeyId": "AKIAGONE"}),
        event("DeleteAccessKey", "iam", days=2, requestParameters={"accessKeyId": "AKIASILENT"}, errorCode="Denied"),
        event(
            "CreateAccessKey",
            "iam",
            days=25,
            responseElements={"accessKey": {"accessKeyId": "AKIAFRESH", "userName": "new"}},
        ),
        event("CreateBucket", "s3", days=20, requestParameters={"bucketName": "owned"}, **stack),
        event("PutBucketTagging", "s3", requestParameters={"bucketName": "owned"}, **stack),
        event("PutBucketVersioning", "s3", requestParameters={"bucketName": "owned"}),
        event("PutBucketVersioning", "s3", days=20, at="09:00:00", requestParameters={"bucketName": "owned"}),
        event("PutBucketVersioning", "s3", requestParameters={"bucketName": "free"}),
        event("CreateRole", "iam", days=25, requestParameters={"roleName": "built"}, **terraform),
        event("UpdateRole", "iam", requestParameters={"roleName": "built"}, user=role("admin", "eva")),
        event(
            "DeleteRole", "iam", sourceIPAddress="autoscaling.amazonaws.com", requestParameters={"roleName": "built"}
        ),
    ]


def lone_records() -> list[dict[str, Any]]:
    """Records of one account and Region: what one call gives out, the next one uses."""

    def assume(target: str, gives: str, at: str, **fields: Any) -> dict[str, Any]:
        given = {"credentials": {"accessKeyId": gives}}
        arn = {"roleArn": f"arn:aws:iam::{target}"}
        return event("AssumeRole", "sts", at=at, requestParameters=arn, responseElements=given, readOnly=True, **fields)

    elsewhere: dict[str, Any] = {"type": "AWSAccount", "principalId": "AIDAFAR", "accountId": "999900001111"}
    late = TODAY - timedelta(days=2)
    return [
        assume("111122223333:role/one", "ASIAONE", "10:00:00"),
        assume("111122223333:role/two", "ASIATWO", "10:01:00", user=role("one", "one")),
        assume("111122223333:role/three", "ASIATHREE", "10:02:00", user=role("two", "two")),
        assume("111122223333:role/side", "ASIASIDE", "10:03:00", user=role("one", "one")),
        assume("999900001111:role/far", "ASIAFAR", "11:00:00", sharedEventID="shared-1"),
        assume("999900001111:role/far", "ASIAFAR", "11:00:00", sharedEventID="shared-1"),
        assume("111122223333:role/near", "ASIANEAR", "11:30:00", user=elsewhere),
        assume("999900001111:role/far", "", "12:00:00", errorCode="AccessDenied"),
        {**assume("999900001111:role/far", "ASIAFAKE", "12:10:00"), "eventSource": "imitation.amazonaws.com"},
        {**assume("999900001111:role/far", "ASIATAG", "12:20:00"), "eventName": "ImitateRole"},
        assume("111122223333:role/two", "ASIATHREE", "12:30:00", user=role("fake", "fake")),
        assume("111122223333:role/no", "ASIANO", "12:40:00", errorCode="AccessDenied"),
        assume("111122223333:role/two", "ASIATHREE", "12:50:00", user=role("no", "no")),
        event("GetCallerIdentity", "sts", user={"accessKeyId": "ASIAEVA"}, readOnly=True),
        # Called before midnight, delivered after it.
        {**event("PutRule", "events", user=role("night", "owl")), "eventTime": f"{late}T23:58:00Z"},
    ]
