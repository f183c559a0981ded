"""CloudWatch metrics and alarms: the metrics that AWS services send, metric math, and alarms as AWS evaluates them.

Emulated:
    - The service metrics of `_catalog`, for every request and invocation, however it came about.
    - GetMetricData with metric math and Metrics Insights, GetMetricStatistics and ListMetrics, in the JSON and Query
      protocols.
    - Metric alarms on one metric, on metric math or on a query of Metrics Insights: M out of N, missing data, every
      static comparison, percentiles; their actions (SNS, Lambda), history and EventBridge event. Composite alarms are
      ministack's, driven by these.
    - AWS::CloudWatch::CompositeAlarm; AWS::CloudWatch::Alarm keeps every property.

Held against: botocore's model of CloudWatch (shapes, in both protocols); the tables and examples that AWS prints
(missing data, metric math, alarm events: the tests name each page); a message that CloudWatch sent to SNS.

Known to differ from AWS:
    - Metrics and alarms are there at once: nothing is delayed, alarms are evaluated each second, and the period that
      runs counts as soon as it has data.
    - An alarm looks back over its evaluation periods and two more, whatever its period; AWS does not say how many.
    - Refused, not emulated: anomaly detection, PromQL and log alarms, evaluation windows, SEARCH, Metrics
      Insights with GROUP BY, ORDER BY, LIMIT or tags, actions on EC2, Auto Scaling and Systems Manager.
    - Percentile alarms evaluate however few the samples are (EvaluateLowSampleCountPercentile is kept only).
    - HTTP APIs, Step Functions and S3 send no metrics; NumberOfMessagesReceived and -Deleted of SQS are not counted.
    - GetMetricData answers in one page. CBOR is not spoken: SDKs that default to it must be set to JSON or Query.
"""

from raytrail.localaws._hooks import wrap
from raytrail.localaws._metrics import _queries, _resources
from raytrail.localaws._metrics._alarm_api import MetricAlarms
from raytrail.localaws._metrics._alarm_clock import AlarmClock
from raytrail.localaws._metrics._alarm_notice import AlarmNotices
from raytrail.localaws._metrics._emitter import Emitter
from raytrail.localaws._metrics._from_api_gateway import ApiGatewayMetrics
from raytrail.localaws._metrics._from_dynamodb import DynamoDbMetrics
from raytrail.localaws._metrics._from_lambda import LambdaMetrics
from raytrail.localaws._metrics._from_messaging import MessagingMetrics
from raytrail.localaws._metrics._store import MetricStore
from raytrail.localaws._metrics._wire import Wire
from raytrail.localaws._world import World


def install(world: World) -> None:
    """Add this part to the embedded AWS."""
    wire, store = Wire(), MetricStore()
    emitter = Emitter(store)
    ApiGatewayMetrics(emitter)
    LambdaMetrics(emitter)
    world.observers.append(DynamoDbMetrics(emitter).observe)
    messaging = MessagingMetrics(emitter)

    _queries.install(wire, store)
    wrap("ministack.services.cloudwatch:_evict_old_metrics", lambda _original: store.evict)
    notices = AlarmNotices()
    clock = AlarmClock(store, notices, messaging.read_queues)
    _resources.install(wire, MetricAlarms(wire, notices))
    clock.start()
    world.on_stop.append(clock.stop)
