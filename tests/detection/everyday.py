"""What everybody does all day: nobody may be told of one of these records alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.detection.record_kit import DEFAULT, Json

_CALLS: list[tuple[str, str, Any]] = [
    ("sts", "GetCallerIdentity", None),
    ("sts", "AssumeRole", {"roleArn": "arn:aws:iam::111122223333:role/deploy", "roleSessionName": "job"}),
    ("ec2", "DescribeInstances", {"instancesSet": {}, "filterSet": {}}),
    ("ec2", "DescribeSecurityGroups", {"securityGroupSet": {}}),
    ("ec2", "DescribeSnapshots", {"ownersSet": {"items": [{"owner": "self"}]}}),
    ("ec2", "DescribeRegions", None),
    ("ec2", "RunInstances", {"instanceType": "t3.micro", "maxCount": 1, "minCount": 1}),
    ("ec2", "TerminateInstances", {"instancesSet": {"items": [{"instanceId": "i-1"}]}}),
    ("ec2", "CreateTags", {"tagSet": {"items": [{"key": "team", "value": "web"}]}}),
    ("ec2", "CreateSecurityGroup", {"groupName": "web"}),
    ("ec2", "CreateVpc", {"cidrBlock": "10.0.0.0/16"}),
    ("iam", "ListUsers", None),
    ("iam", "ListRoles", None),
    ("iam", "GetRole", {"roleName": "deploy"}),
    ("iam", "GetUser", None),
    ("iam", "GetAccountSummary", None),
    ("iam", "CreateUser", {"userName": "kim"}),
    ("iam", "AddUserToGroup", {"userName": "kim", "groupName": "readers"}),
    (
        "iam",
        "CreateRole",
        {
            "roleName": "app",
            "assumeRolePolicyDocument": '{"Statement":[{"Effect":"Allow","Principal":'
            '{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}',
        },
    ),
    ("iam", "AttachRolePolicy", {"roleName": "app", "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}),
    ("iam", "PutRolePolicy", {"roleName": "app", "policyDocument": '{"Action":"s3:GetObject","Resource":"*"}'}),
    ("iam", "PassRole", None),
    ("s3", "ListBuckets", None),
    ("s3", "GetObject", {"bucketName": "files", "key": "report.pdf"}),
    ("s3", "PutObject", {"bucketName": "files", "key": "report.pdf"}),
    ("s3", "DeleteObject", {"bucketName": "files", "key": "report.pdf"}),
    ("s3", "HeadObject", {"bucketName": "files", "key": "report.pdf"}),
    ("s3", "CreateBucket", {"bucketName": "files"}),
    ("s3", "GetBucketPolicy", {"bucketName": "files", "policy": ""}),
    ("secretsmanager", "GetSecretValue", {"secretId": "app/db"}),
    ("secretsmanager", "ListSecrets", None),
    ("secretsmanager", "CreateSecret", {"name": "app/db"}),
    ("ssm", "GetParameter", {"name": "/app/db", "withDecryption": True}),
    ("ssm", "GetParameters", {"names": ["/app/db"], "withDecryption": True}),
    ("ssm", "DescribeParameters", None),
    ("ssm", "UpdateInstanceInformation", {"instanceId": "i-1"}),
    ("kms", "Decrypt", {"encryptionContext": {"a": "b"}}),
    ("kms", "GenerateDataKey", {"keyId": "alias/app"}),
    ("lambda", "Invoke", {"functionName": "app"}),
    ("lambda", "ListFunctions20150331", None),
    ("lambda", "GetFunction20150331v2", {"functionName": "app"}),
    ("logs", "CreateLogGroup", {"logGroupName": "/aws/lambda/app"}),
    ("logs", "CreateLogStream", {"logGroupName": "/aws/lambda/app", "logStreamName": "a"}),
    ("logs", "PutLogEvents", {"logGroupName": "/aws/lambda/app", "logStreamName": "a"}),
    ("logs", "StartQuery", {"queryString": "fields @message"}),
    ("monitoring", "DescribeAlarms", None),
    ("monitoring", "PutMetricAlarm", {"alarmName": "busy", "actionsEnabled": True}),
    ("cloudtrail", "DescribeTrails", None),
    ("cloudtrail", "LookupEvents", None),
    ("cloudformation", "DescribeStacks", None),
    ("cloudformation", "UpdateStack", {"stackName": "app"}),
    ("cloudformation", "DeleteStack", {"stackName": "app-pr-17"}),
    ("dynamodb", "GetItem", {"tableName": "orders"}),
    ("dynamodb", "PutItem", {"tableName": "orders"}),
    ("dynamodb", "DescribeTable", {"tableName": "orders"}),
    ("rds", "DescribeDBInstances", None),
    ("ecr", "GetAuthorizationToken", None),
    ("ecr", "BatchGetImage", {"repositoryName": "app"}),
    ("ecr", "PutImage", {"repositoryName": "app"}),
    ("ecs", "UpdateService", {"service": "app", "desiredCount": 2}),
    ("eks", "DescribeCluster", {"name": "main"}),
    ("bedrock", "InvokeModel", {"modelId": "example.model-v1"}),
    ("guardduty", "ListDetectors", None),
    ("securityhub", "GetFindings", None),
    ("organizations", "DescribeOrganization", None),
    ("sns", "Publish", {"topicArn": "arn:aws:sns:us-east-1:111122223333:orders"}),
    ("sqs", "ReceiveMessage", {"queueUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/orders"}),
    ("ses", "GetSendQuota", None),
    ("ses", "SendEmail", None),
]
"""Service, name and parameters."""

_TAKEN_DOWN: list[tuple[str, str, Any]] = [
    ("dynamodb", "DeleteTable", {"tableName": "orders-pr-17"}),
    ("ec2", "DeleteSecurityGroup", {"groupId": "sg-1"}),
    ("ec2", "DeleteVolume", {"volumeId": "vol-1"}),
    ("ec2", "DeleteVpc", {"vpcId": "vpc-1"}),
    ("ec2", "ReleaseAddress", {"allocationId": "eipalloc-1"}),
    ("ecr", "BatchDeleteImage", {"repositoryName": "app", "imageIds": [{"imageTag": "old"}]}),
    ("ecr", "DeleteRepository", {"repositoryName": "app-pr-17"}),
    ("ecs", "DeleteService", {"service": "app-pr-17", "force": True}),
    ("ecs", "DeregisterTaskDefinition", {"taskDefinition": "app-pr-17:3"}),
    (
        "elasticloadbalancing",
        "DeleteLoadBalancer",
        {"loadBalancerArn": "arn:aws:elasticloadbalancing:::a"},
    ),
    ("events", "RemoveTargets", {"rule": "nightly-pr-17", "ids": ["Target0"]}),
    ("events", "DeleteRule", {"name": "nightly-pr-17"}),
    ("iam", "DeleteRole", {"roleName": "app-pr-17"}),
    ("iam", "DeleteRolePolicy", {"roleName": "app-pr-17", "policyName": "inline"}),
    (
        "iam",
        "DetachRolePolicy",
        {"roleName": "app-pr-17", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    ),
    ("kms", "ScheduleKeyDeletion", {"keyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "pendingWindowInDays": 30}),
    ("lambda", "DeleteFunction20150331", {"functionName": "app-pr-17"}),
    ("lambda", "RemovePermission20150331v2", {"functionName": "app-pr-17", "statementId": "api"}),
    ("logs", "DeleteLogGroup", {"logGroupName": "/aws/lambda/app-pr-17"}),
    ("monitoring", "DeleteAlarms", {"alarmNames": ["app-pr-17-busy"]}),
    ("monitoring", "DeleteDashboards", {"dashboardNames": ["app-pr-17"]}),
    ("rds", "DeleteDBInstance", {"dBInstanceIdentifier": "app-pr-17", "skipFinalSnapshot": True}),
    ("s3", "DeleteBucket", {"bucketName": "files-pr-17"}),
    ("s3", "DeleteBucketPolicy", {"bucketName": "files-pr-17", "policy": ""}),
    ("secretsmanager", "DeleteSecret", {"secretId": "app-pr-17/db", "recoveryWindowInDays": 7}),
    ("sns", "DeleteTopic", {"topicArn": "arn:aws:sns:us-east-1:111122223333:orders-pr-17"}),
    ("sns", "Unsubscribe", {"subscriptionArn": "arn:aws:sns:us-east-1:111122223333:orders-pr-17:1"}),
    ("sqs", "DeleteQueue", {"queueUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/orders-pr-17"}),
    ("ssm", "DeleteParameter", {"name": "/app-pr-17/db"}),
    ("xray", "DeleteGroup", {"groupName": "app-pr-17"}),
    ("xray", "DeleteSamplingRule", {"ruleName": "app-pr-17"}),
]
"""The same, of what CloudFormation calls when an environment for tests goes, as by ``cdk destroy``."""

_ROLE = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLE:job",
    "arn": "arn:aws:sts::111122223333:assumed-role/deploy/job",
    "accountId": "111122223333",
    "accessKeyId": "ASIAEXAMPLE",
    "sessionContext": {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROAEXAMPLE",
            "arn": "arn:aws:iam::111122223333:role/deploy",
            "accountId": "111122223333",
            "userName": "deploy",
        },
        "attributes": {"creationDate": "2026-10-01T11:00:00Z", "mfaAuthenticated": "false"},
    },
}
_SERVICE = {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
_KINDS: list[Json] = [{}, {"userIdentity": _ROLE}, {"userIdentity": _SERVICE}, {"errorCode": "AccessDenied"}]
_FROM_CLOUDFORMATION = {
    "userIdentity": {**_ROLE, "invokedBy": "cloudformation.amazonaws.com"},
    "sourceIPAddress": "cloudformation.amazonaws.com",
    "userAgent": "cloudformation.amazonaws.com",
}


def _records(calls: list[tuple[str, str, Any]], kinds: list[Json], id: str) -> Iterator[Json]:
    for index, (service, name, parameters) in enumerate(calls):
        for kind, extra in enumerate(kinds):
            source = {"eventSource": f"{service}.amazonaws.com", "eventName": name, "requestParameters": parameters}
            yield {**DEFAULT, **source, **extra, "eventID": f"{id}-{index}-{kind}"}


EVERYDAY: list[Json] = [
    *_records(_CALLS, _KINDS, "everyday"),
    *_records(_TAKEN_DOWN, [_FROM_CLOUDFORMATION], "taken-down"),
]
