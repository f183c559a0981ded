"""What everybody does all day: nobody may be told of one of these records alone."""

from __future__ import annotations

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
EVERYDAY: list[Json] = [
    {
        **DEFAULT,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "requestParameters": parameters,
        **extra,
        "eventID": f"everyday-{index}-{kind}",
    }
    for index, (service, name, parameters) in enumerate(_CALLS)
    for kind, extra in enumerate(_KINDS)
]
"""Each by a user, by a role and by a service, and refused."""
