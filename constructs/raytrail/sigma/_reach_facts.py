"""What is known of CloudTrail's events by source and name: which only read, which are data events, which are global.

Facts of AWS, with the page of each. A name that stands in no table is taken for a management event, and for one that
reads if its verb does. What AWS says nothing about, or two things, is None: not known, so never held against a rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

READ_VERBS = (
    *("Get", "List", "Describe"),
    # Not of the page's rule, but each event of the page's table that begins so, and each real record, is a read.
    *("BatchGet", "BatchDescribe", "Head", "Lookup", "Search", "AdminGet", "AdminList"),
)
"""Verbs of events that only read.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-management-event-list.html
"""

_READS_ANYWAY = {
    "access-analyzer": "ValidatePolicy",
    "apigateway": "ExportApi",
    "appconfig": "ValidateConfiguration",
    "athena": "CheckQueryCompatibility ExportNotebook",
    "backup": "CreateLegalHold ExportBackupPlanTemplate",
    "cloudformation": (
        "DetectStackDrift DetectStackResourceDrift DetectStackSetDrift EstimateTemplateCost ValidateTemplate"
    ),
    "cloudshell": "RedeemCode",
    "cloudtrail": "LookupEvents",
    "codeartifact": "ReadFromRepository",
    "codebuild": "BatchPutCodeCoverages BatchPutTestCases RequestBadge",
    "codecommit": "EvaluatePullRequestApprovalRules GitPull",
    "codepipeline": "PollForJobs PollForThirdPartyJobs",
    "cognito-idp": "IntrospectToken",
    "config": "SelectAggregateResourceConfig SelectResourceConfig",
    "ds": "VerifyTrust",
    "ec2": "ConfirmProductInstance ReportInstanceStatus",
    "ecr": "BatchCheckLayerAvailability DryRunEvent PolicyExecutionEvent",
    "ecr-public": "BatchCheckLayerAvailability",
    "ecs": "DiscoverPollEndpoint",
    "eks": "AccessKubernetesApi",
    "elasticbeanstalk": (
        "CheckDNSAvailability RequestEnvironmentInfo RetrieveEnvironmentInfo ValidateConfigurationSettings"
    ),
    "elasticfilesystem": "NewClientConnection UpdateClientConnection",
    "events": "TestEventPattern TestScheduleExpression",
    "fms": "DisassociateAdminAccount",
    "glacier": "InitiateJob",
    "glue": "QueryJobRuns QueryJobRunsAggregated QueryJobs QuerySchemaVersionMetadata",
    "iam": (
        "GenerateCredentialReport GenerateOrganizationsAccessReport GenerateServiceLastAccessedDetails "
        "SimulateCustomPolicy SimulatePrincipalPolicy"
    ),
    "identitystore": "IsMemberInGroups",
    "kms": (
        "Decrypt Encrypt GenerateDataKey GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext "
        "GenerateDataKeyWithoutPlaintext GenerateMac GenerateRandom ReEncrypt Sign Verify VerifyMac"
    ),
    "lightsail": "CreateGUISessionAccessDetails DownloadDefaultKeyPair IsVpcPeered",
    "logs": "FilterLogEvents",
    "macie2": "UpdateFindingsFilter",
    "rds": "DownloadCompleteDBLogFile DownloadDBLogFilePortion",
    "resource-explorer-2": "Search",
    "route53": "TestDNSAnswer",
    "secretsmanager": "ValidateResourcePolicy",
    "servicecatalog": "ScanProvisionedProducts",
    "ses": "TestRenderEmailTemplate TestRenderTemplate",
    "sns": "CheckIfPhoneNumberIsOptedOut",
    "ssm": "ExecuteApi",
    "sso-directory": "IsMemberInGroup",
    "sts": "AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity DecodeAuthorizationMessage",
    "wafv2": "CheckCapacity GenerateMobileSdkReleaseUrl",
    "wellarchitected": "ExportLens",
    # Not of the page: seen in real records.
    "bedrock": "InvokeModel",
}

_WRITES_ANYWAY = {
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
    "signin": "GetSigninToken",
    # Seen in real records.
    "sts": "GetFederationToken",
}

_NOT_KNOWN = {
    "bedrock": "InvokeModelWithResponseStream Converse ConverseStream",
    "sts": "AssumeRoot GetSessionToken",
}


def _read_only() -> dict[str, dict[str, bool | None]]:
    found: dict[str, dict[str, bool | None]] = {}
    for table, value in ((_READS_ANYWAY, True), (_WRITES_ANYWAY, False), (_NOT_KNOWN, None)):
        for service, names in table.items():
            found.setdefault(f"{service}.amazonaws.com", {}).update(dict.fromkeys(names.split(), value))
    return found


READ_ONLY: Mapping[str, Mapping[str, bool | None]] = MappingProxyType(_read_only())
"""Events, by source and name, whose ``readOnly`` their verb does not tell; None: not known.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-management-event-list.html and real records.
Of that page's services those that rules are written about are here; others are judged by their verb.
"""

_OBJECT = (
    "AbortMultipartUpload CompleteMultipartUpload CopyObject CreateMultipartUpload DeleteObject DeleteObjectTagging "
    "DeleteObjects GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention GetObjectTagging "
    "GetObjectTorrent HeadObject ListMultipartUploads ListObjects ListObjectVersions ListParts PutObject PutObjectAcl "
    "PutObjectLegalHold PutObjectRetention PutObjectTagging RestoreObject SelectObjectContent UploadPart UploadPartCopy"
)
_DATA = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
    "s3": {
        "AWS::S3::Object": _OBJECT,
        # Calls through an access point carry its type too; either lets the event in.
        "AWS::S3::AccessPoint": _OBJECT,
    },
    "s3express": {"AWS::S3Express::Object": f"{_OBJECT} CreateSession ListObjectsV2"},
    # https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
    "lambda": {"AWS::Lambda::Function": "Invoke InvokeAsync InvokeWithResponseStream"},
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/logging-using-cloudtrail.html
    "dynamodb": {
        # Recorded for AWS::DynamoDB::Table are the events of the table's stream, too.
        "AWS::DynamoDB::Table": (
            "BatchExecuteStatement BatchGetItem BatchWriteItem DeleteItem ExecuteStatement ExecuteTransaction GetItem "
            "PutItem Query Scan TransactGetItems TransactWriteItems UpdateItem GetRecords GetShardIterator"
        ),
        "AWS::DynamoDB::Stream": "GetRecords GetShardIterator",
    },
    # https://docs.aws.amazon.com/ebs/latest/userguide/logging-ebs-apis-using-cloudtrail.html
    # StartSnapshot and CompleteSnapshot are management events.
    "ebs": {"AWS::EC2::Snapshot": "GetSnapshotBlock ListChangedBlocks ListSnapshotBlocks PutSnapshotBlock"},
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-logging-using-cloudtrail.html
    "sqs": {
        "AWS::SQS::Queue": (
            "ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch GetQueueAttributes "
            "GetQueueUrl ListDeadLetterSourceQueues ListQueueTags ListQueues ReceiveMessage SendMessage "
            "SendMessageBatch"
        )
    },
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html, from here on
    "sns": {"AWS::SNS::Topic": "Publish PublishBatch", "AWS::SNS::PlatformEndpoint": "Publish"},
    "kinesis": {"AWS::Kinesis::Stream": "GetRecords GetShardIterator PutRecord PutRecords SubscribeToShard"},
    "firehose": {"AWS::KinesisFirehose::DeliveryStream": "PutRecord PutRecordBatch"},
    "cloudtrail-data": {"AWS::CloudTrail::Channel": "PutAuditEvents"},
    "monitoring": {"AWS::CloudWatch::Metric": "GetMetricData GetMetricStatistics GetMetricWidgetImage PutMetricData"},
    "cognito-identity": {
        "AWS::Cognito::IdentityPool": (
            "GetCredentialsForIdentity GetId GetOpenIdToken GetOpenIdTokenForDeveloperIdentity UnlinkIdentity"
        )
    },
    "appconfig": {"AWS::AppConfig::Configuration": "GetLatestConfiguration StartConfigurationSession"},
    "xray": {"AWS::XRay::Trace": "BatchGetTraces GetTraceSummaries PutTelemetryRecords PutTraceSegments"},
    "bedrock": {
        "AWS::Bedrock::AgentAlias": "InvokeAgent",
        "AWS::Bedrock::FlowAlias": "InvokeFlow",
        "AWS::Bedrock::InlineAgent": "InvokeInlineAgent",
        "AWS::Bedrock::KnowledgeBase": "Retrieve RetrieveAndGenerate",
        "AWS::Bedrock::Guardrail": "ApplyGuardrail",
        "AWS::Bedrock::Model": "InvokeModelWithBidirectionalStream",
        "AWS::Bedrock::AsyncInvoke": "StartAsyncInvoke GetAsyncInvoke",
    },
    "sagemaker": {"AWS::SageMaker::Endpoint": "InvokeEndpoint InvokeEndpointWithResponseStream"},
    "ssmmessages": {"AWS::SSMMessages::ControlChannel": "CreateControlChannel OpenControlChannel"},
}

DATA_EVENTS: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        f"{service}.amazonaws.com": MappingProxyType({type: frozenset(names.split()) for type, names in types.items()})
        for service, types in _DATA.items()
    }
)
"""Names of data events, by source and resource type.

Which operations a type holds is told on each service's own page; the types of all are in
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

BOTH: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "s3.amazonaws.com": frozenset({"HeadBucket"}),
        # A cluster's Data API is one or the other by the version of the cluster.
        "rdsdata.amazonaws.com": frozenset({"*"}),
    }
)
"""Names that AWS lists under management events and under data events."""

LAMBDA_NAMES: Mapping[str, str] = MappingProxyType(
    {
        operation: operation + date
        for date, operations in {
            "20150331": (
                "CreateAlias CreateEventSourceMapping CreateFunction DeleteAlias DeleteEventSourceMapping "
                "DeleteFunction GetAlias PublishVersion UpdateAlias UpdateEventSourceMapping"
            ),
            "20150331v2": ("AddPermission GetFunction RemovePermission UpdateFunctionCode UpdateFunctionConfiguration"),
            "20170331v2": "TagResource UntagResource",
            "20171031": "DeleteFunctionConcurrency PutFunctionConcurrency",
            "20181031": "PublishLayerVersion",
        }.items()
        for operation in operations.split()
    }
)
"""Events of Lambda that carry a date, by the operation that they are called after.

https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
"""

LAMBDA_SOURCE = "lambda.amazonaws.com"

GLOBAL_SOURCES: Mapping[str, str] = MappingProxyType(
    {
        f"{service}.amazonaws.com": region
        for region, services in {
            "us-east-1": "account budgets ce cloudfront iam organizations route53 route53domains shield waf",
            "us-west-2": "globalaccelerator networkmanager route53-recovery-control-config",
        }.items()
        for service in services.split()
    }
)
"""Event sources of services that are in one Region for all, by the Region where their events appear.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
names IAM and CloudFront, and says of the others that most are in us-east-1 and some elsewhere. Which Region, is that of
the one endpoint that the service has (https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html).

Not here: STS, whose regional endpoints record in their own Region and the global one in us-east-1; sign-in
(`SIGN_IN_SOURCE`); support and health, which have several endpoints; IAM Identity Center, which is where it was set up.
In the partitions of China, GovCloud and the isolated ones the Regions are others.
"""

SIGN_IN_SOURCE = "signin.amazonaws.com"
"""The source of sign-ins."""

SIGN_IN_REGIONS = ("us-east-1", "us-east-2", "eu-north-1", "ap-southeast-2")
"""Where sign-ins appear that were not made at the endpoint of another Region.

Those of the root user appear in us-east-1; those of an IAM user in us-east-1, or, where the browser knows the account's
alias, in the nearest of the others. So no Region is ever called one where no sign-in can appear
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html).
"""
