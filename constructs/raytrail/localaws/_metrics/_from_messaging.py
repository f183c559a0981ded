"""AWS/SQS and AWS/SNS: messages on their way, and the depth of queues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._metrics._emitter import Emitter


class MessagingMetrics:
    """Wraps the functions that put messages into queues and topics; `read_queues` reads the gauges."""

    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter
        self._scope = hook("ministack.core.responses:request_scope")
        self._queues = hook("ministack.services.sqs:_queues")
        self._queue = hook("ministack.services.sqs:_get_q")
        self._queue_by_arn = hook("ministack.services.sqs:_queue_by_arn")
        wrap("ministack.services.sqs:_act_send_message", self._send_message)
        # The table of actions was made before the function above was wrapped.
        hook("ministack.services.sqs:_HANDLERS")["SendMessage"] = hook("ministack.services.sqs:_act_send_message")
        wrap("ministack.services.eventbridge:_dispatch_to_sqs", self._from_events)
        wrap("ministack.services.sns:_deliver_to_sqs", self._from_topic)
        wrap("ministack.services.sns:_deliver_to_lambda", self._to_function)
        wrap("ministack.services.sns:_fanout", self._published)

    def read_queues(self, now: float) -> None:
        """Read the depth of each queue of each account and Region."""
        for (account, region, _), queue in self._queues.all_items():
            messages = list(queue["messages"])
            visible = [m for m in messages if m["visible_at"] <= now]
            hidden = [m for m in messages if m["visible_at"] > now]
            values = {
                "ApproximateNumberOfMessagesVisible": len(visible),
                "ApproximateNumberOfMessagesNotVisible": sum(1 for m in hidden if m["receive_count"]),
                "ApproximateNumberOfMessagesDelayed": sum(1 for m in hidden if not m["receive_count"]),
                "ApproximateAgeOfOldestMessage": max((now - m["sent_at"] for m in messages), default=0),
            }
            with self._scope(account, region):
                for metric, value in values.items():
                    self._emitter.gauge("AWS/SQS", metric, float(value), now, QueueName=queue["name"])

    def _sent(self, queue: dict[str, Any] | None, call: Callable[[], Any]) -> tuple[Any, bool]:
        """What ``call`` gives, and whether a message arrived in ``queue``."""
        if queue is None:
            return call(), False
        before = queue["messages"][-1] if queue["messages"] else None
        answer = call()
        arrived = bool(queue["messages"]) and queue["messages"][-1] is not before
        if arrived:
            _, _, _, region, account, _ = queue["attributes"]["QueueArn"].split(":", 5)
            with self._scope(account, region):
                self._emitter.send("AWS/SQS", "NumberOfMessagesSent", 1, QueueName=queue["name"])
        return answer, arrived

    def _send_message(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def send(data: dict[str, Any], qurl: str) -> Any:
            return self._sent(self._queue(data.get("QueueUrl", qurl)), lambda: original(data, qurl))[0]

        return send

    def _from_events(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def dispatch(spec: Any, *rest: Any, **named: Any) -> Any:
            return self._sent(self._queue_by_arn(str(spec)), lambda: original(spec, *rest, **named))[0]

        return dispatch

    def _from_topic(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def deliver(endpoint: str, *rest: Any, **named: Any) -> Any:
            answer, arrived = self._sent(self._queue_by_arn(endpoint), lambda: original(endpoint, *rest, **named))
            outcome = "NumberOfNotificationsDelivered" if arrived else "NumberOfNotificationsFailed"
            self._of_topic(outcome, named.get("topic_arn", ""))
            return answer

        return deliver

    def _to_function(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def deliver(endpoint: str, envelope: str, topic_arn: str, *rest: Any, **named: Any) -> Any:
            answer = original(endpoint, envelope, topic_arn, *rest, **named)
            self._of_topic("NumberOfNotificationsDelivered", topic_arn)
            return answer

        return deliver

    def _published(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def fan_out(topic_arn: str, *rest: Any, **named: Any) -> Any:
            self._of_topic("NumberOfMessagesPublished", topic_arn)
            return original(topic_arn, *rest, **named)

        return fan_out

    def _of_topic(self, metric: str, topic_arn: str) -> None:
        if topic_arn.count(":") != 5:
            return
        _, _, _, region, account, name = topic_arn.split(":")
        with self._scope(account, region):
            self._emitter.send("AWS/SNS", metric, 1, TopicName=name)
