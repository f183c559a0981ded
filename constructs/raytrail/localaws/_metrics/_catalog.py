"""Which metrics the embedded AWS sends for its own services: names, units and dimensions as AWS documents them.

Nothing else is sent: an emission that is not in this table fails.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One metric of an AWS service."""

    unit: str
    dimensions: tuple[tuple[str, ...], ...]
    """Each set of dimensions that it is sent with."""


PAGES = {
    "AWS/ApiGateway": "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html",
    "AWS/Lambda": "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
    "AWS/DynamoDB": "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html",
    "AWS/SQS": "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
    "AWS/SNS": "https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html",
    "AWS/Logs": "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html",
}
"""Where AWS documents the metrics of each namespace."""

_API = (("ApiName",), ("ApiName", "Stage"), ("ApiName", "Method", "Resource", "Stage"))
_FUNCTION = (("FunctionName",), ("FunctionName", "Resource"))
_TABLE = (("TableName",),)
_OPERATION = (("TableName", "Operation"),)
_QUEUE = (("QueueName",),)
_TOPIC = (("TopicName",),)

CATALOG: dict[tuple[str, str], Entry] = {
    ("AWS/ApiGateway", "Count"): Entry("Count", _API),
    ("AWS/ApiGateway", "4XXError"): Entry("Count", _API),
    ("AWS/ApiGateway", "5XXError"): Entry("Count", _API),
    ("AWS/ApiGateway", "Latency"): Entry("Milliseconds", _API),
    ("AWS/ApiGateway", "IntegrationLatency"): Entry("Milliseconds", _API),
    ("AWS/Lambda", "Invocations"): Entry("Count", _FUNCTION),
    ("AWS/Lambda", "Errors"): Entry("Count", _FUNCTION),
    ("AWS/Lambda", "Throttles"): Entry("Count", _FUNCTION),
    ("AWS/Lambda", "Duration"): Entry("Milliseconds", _FUNCTION),
    ("AWS/Lambda", "ConcurrentExecutions"): Entry("Count", (*_FUNCTION, ())),
    ("AWS/DynamoDB", "SuccessfulRequestLatency"): Entry("Milliseconds", _OPERATION),
    ("AWS/DynamoDB", "ReturnedItemCount"): Entry("Count", _OPERATION),
    ("AWS/DynamoDB", "SystemErrors"): Entry("Count", _OPERATION),
    ("AWS/DynamoDB", "ThrottledRequests"): Entry("Count", _OPERATION),
    ("AWS/DynamoDB", "ConditionalCheckFailedRequests"): Entry("Count", _TABLE),
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): Entry("Count", _TABLE),
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): Entry("Count", _TABLE),
    ("AWS/DynamoDB", "UserErrors"): Entry("Count", ((),)),
    ("AWS/SQS", "NumberOfMessagesSent"): Entry("Count", _QUEUE),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): Entry("Count", _QUEUE),
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): Entry("Count", _QUEUE),
    ("AWS/SQS", "ApproximateNumberOfMessagesDelayed"): Entry("Count", _QUEUE),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): Entry("Seconds", _QUEUE),
    ("AWS/SNS", "NumberOfMessagesPublished"): Entry("Count", _TOPIC),
    ("AWS/SNS", "NumberOfNotificationsDelivered"): Entry("Count", _TOPIC),
    ("AWS/SNS", "NumberOfNotificationsFailed"): Entry("Count", _TOPIC),
    ("AWS/Logs", "IncomingLogEvents"): Entry("Count", (("LogGroupName",), ())),
    ("AWS/Logs", "IncomingBytes"): Entry("Bytes", (("LogGroupName",), ())),
}
