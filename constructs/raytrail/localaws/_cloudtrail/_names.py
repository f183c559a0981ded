"""What CloudTrail calls things: event names, read-only calls, data events and their resources."""

from __future__ import annotations

from dataclasses import dataclass

GLOBAL_SERVICES = frozenset({"iam", "organizations", "route53", "cloudfront", "account", "shield", "waf", "support"})
"""Their events appear in us-east-1 wherever the call came from."""

_S3_NAMES = {
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
    "ListObjectsV2": "ListObjects",
}

_LAMBDA_DATES = {
    "20150331": (
        "CreateAlias CreateEventSourceMapping CreateFunction DeleteAlias DeleteEventSourceMapping DeleteFunction "
        "GetAlias GetEventSourceMapping ListAliases ListEventSourceMappings ListFunctions ListVersionsByFunction "
        "PublishVersion UpdateAlias UpdateEventSourceMapping"
    ),
    "20150331v2": (
        "AddPermission GetFunction GetFunctionConfiguration GetPolicy RemovePermission UpdateFunctionCode "
        "UpdateFunctionConfiguration"
    ),
    "20160819": "GetAccountSettings",
    "20170331": "ListTags",
    "20170331v2": "TagResource UntagResource",
    "20171031": "DeleteFunctionConcurrency PutFunctionConcurrency",
    "20181031": "PublishLayerVersion",
}
"""https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html; the read-only ones from real records."""

_LAMBDA_NAMES = {name: name + date for date, names in _LAMBDA_DATES.items() for name in names.split()} | {
    "InvokeWithResponseStream": "Invoke",
    "InvokeAsync": "Invoke",
}

_READ_PREFIXES = (
    "BatchGet",
    "Check",
    "Count",
    "Describe",
    "Detect",
    "Discover",
    "Estimate",
    "Filter",
    "Generate",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Predict",
    "Preview",
    "Query",
    "Receive",
    "Resolve",
    "Retrieve",
    "Scan",
    "Search",
    "Select",
    "Simulate",
    "Test",
    "TransactGet",
    "Validate",
    "Verify",
    "View",
)
_READ_EXCEPTIONS = {
    ("sts", "AssumeRole"): True,
    ("sts", "AssumeRoleWithSAML"): True,
    ("sts", "AssumeRoleWithWebIdentity"): True,
    ("sts", "GetFederationToken"): False,
    ("sts", "GetSessionToken"): False,
    ("kms", "Decrypt"): True,
    ("kms", "Encrypt"): True,
    ("kms", "ReEncrypt"): True,
    ("kms", "Sign"): True,
    ("secretsmanager", "GetRandomPassword"): True,
}
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html says so of the STS calls."""


@dataclass(frozen=True, slots=True)
class DataEvents:
    """The operations of a service that are data events, and the type of the resource that selectors name."""

    resource_type: str
    operations: frozenset[str]


def _data(resource_type: str, operations: str) -> DataEvents:
    return DataEvents(resource_type, frozenset(operations.split()))


DATA_EVENTS: dict[str, tuple[DataEvents, ...]] = {
    "s3": (
        _data(
            "AWS::S3::Object",
            "AbortMultipartUpload CompleteMultipartUpload CopyObject CreateMultipartUpload DeleteObject "
            "DeleteObjectTagging DeleteObjects GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold "
            "GetObjectRetention GetObjectTagging GetObjectTorrent HeadBucket HeadObject ListMultipartUploads "
            "ListObjects ListObjectsV2 ListObjectVersions ListParts PutObject PutObjectAcl PutObjectLegalHold "
            "PutObjectRetention PutObjectTagging RestoreObject SelectObjectContent UploadPart UploadPartCopy",
        ),
    ),
    "lambda": (_data("AWS::Lambda::Function", "Invoke InvokeAsync InvokeWithResponseStream"),),
    "dynamodb": (
        _data(
            "AWS::DynamoDB::Table",
            "BatchExecuteStatement BatchGetItem BatchWriteItem DeleteItem ExecuteStatement ExecuteTransaction GetItem "
            "PutItem Query Scan TransactGetItems TransactWriteItems UpdateItem",
        ),
    ),
    "dynamodbstreams": (_data("AWS::DynamoDB::Stream", "GetRecords GetShardIterator"),),
    "sqs": (
        _data(
            "AWS::SQS::Queue",
            "ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch GetQueueAttributes "
            "GetQueueUrl ListDeadLetterSourceQueues ListQueueTags ListQueues ReceiveMessage SendMessage "
            "SendMessageBatch",
        ),
    ),
    "sns": (_data("AWS::SNS::Topic", "Publish PublishBatch"),),
    "cloudwatch": (_data("AWS::CloudWatch::Metric", "GetMetricData GetMetricStatistics ListMetrics PutMetricData"),),
    "xray": (
        _data(
            "AWS::XRay::Trace",
            "BatchGetTraces GetServiceGraph GetTimeSeriesServiceStatistics GetTraceGraph GetTraceSummaries "
            "PutTelemetryRecords PutTraceSegments",
        ),
    ),
    "kinesis": (_data("AWS::Kinesis::Stream", "GetRecords GetShardIterator PutRecord PutRecords SubscribeToShard"),),
    "firehose": (_data("AWS::KinesisFirehose::DeliveryStream", "PutRecord PutRecordBatch"),),
}
"""By botocore's service name. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html"""

UNRECORDED = {
    "events": frozenset({"PutEvents"}),
    "logs": frozenset({"PutLogEvents", "StartLiveTail"}),
    "states": frozenset({"GetActivityTask", "SendTaskHeartbeat"}),
}
"""Operations that CloudTrail writes no record of, by signing name."""


def event_name(service: str, operation: str) -> str:
    """The ``eventName`` of an operation of a botocore service."""
    if service == "s3":
        return _S3_NAMES.get(operation, operation)
    if service == "lambda":
        return _LAMBDA_NAMES.get(operation, operation)
    return operation


def is_read_only(service: str, operation: str) -> bool:
    """Whether CloudTrail marks an operation of a botocore service as ``readOnly``."""
    if (service, operation) in _READ_EXCEPTIONS:
        return _READ_EXCEPTIONS[service, operation]
    return operation.startswith(_READ_PREFIXES)


def data_resource_type(service: str, operation: str) -> str | None:
    """The resource type of a data event, or None for a management event."""
    for events in DATA_EVENTS.get(service, ()):
        if operation in events.operations:
            return events.resource_type
    return None
