"""Functions, topics, rules, roles and bucket policies: smaller completions, one function each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from raytrail.localaws._cloudformation._completions._completed import Handler, Json, Properties, accepted, completed
from raytrail.localaws._hooks import hook

_TOPIC_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "FifoThroughputScope",
    "FifoTopic",
    "KmsMasterKeyId",
    "SignatureVersion",
)


def install(handlers: dict[str, Handler]) -> None:
    """Complete the types of this module."""
    handlers["AWS::Lambda::Function"] = completed(handlers["AWS::Lambda::Function"], _function())
    handlers["AWS::IAM::Role"] = completed(handlers["AWS::IAM::Role"], _role())
    handlers["AWS::Events::Rule"] = completed(handlers["AWS::Events::Rule"], _rule())
    handlers["AWS::SNS::Topic"] = _topic_handler(handlers["AWS::SNS::Topic"])
    handlers["AWS::S3::BucketPolicy"] = _bucket_policy_handler(handlers["AWS::S3::BucketPolicy"])


def _function() -> Any:
    functions = hook("ministack.services.lambda_svc:_functions")
    vpc = hook("ministack.services.lambda_svc:_vpc_config_with_id")

    def apply(name: str, new: Properties, old: Properties) -> None:
        function = functions[name]
        config = function["config"]
        function["concurrency"] = new.get("ReservedConcurrentExecutions")
        function["recursive_loop"] = new.get("RecursiveLoop", "Terminate")
        config["KMSKeyArn"] = new.get("KmsKeyArn", "")
        config["VpcConfig"] = vpc(new.get("VpcConfig"))
        config["LoggingConfig"] = _logging(name, new.get("LoggingConfig", {}))
        config["TracingConfig"] = new.get("TracingConfig", {"Mode": "PassThrough"})
        for key in ("DeadLetterConfig", "FileSystemConfigs"):
            config.pop(key, None)
            if new.get(key):
                config[key] = new[key]

    return apply


def _logging(name: str, given: Mapping[str, Json]) -> dict[str, Json]:
    logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}", **given}
    if logging["LogFormat"] == "JSON":
        # What GetFunctionConfiguration answers where a template names no level.
        logging = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **logging}
    return logging


def _role() -> Any:
    roles = hook("ministack.services.iam:_roles")

    def apply(name: str, new: Properties, old: Properties) -> None:
        roles[name]["PermissionsBoundary"] = new.get("PermissionsBoundary")

    return apply


def _rule() -> Any:
    """Rules go through PutRule and PutTargets, which refuse a pattern or a target that EventBridge would refuse."""
    put_rule = hook("ministack.services.eventbridge:_put_rule")
    put_targets = hook("ministack.services.eventbridge:_put_targets")
    ensure_default_bus = hook("ministack.services.eventbridge:_ensure_default_bus")
    bus_name = hook("ministack.services.cloudformation.provisioners:_eb_rule_bus_name")

    def apply(name: str, new: Properties, old: Properties) -> None:
        ensure_default_bus()
        bus = bus_name(new)
        pattern = new.get("EventPattern", "")
        wanted = {
            "Name": name,
            "EventBusName": bus,
            "EventPattern": pattern if isinstance(pattern, str) else json.dumps(pattern),
            **{key: new.get(key, "") for key in ("ScheduleExpression", "Description", "RoleArn")},
            "State": new.get("State", "ENABLED"),
        }
        accepted(put_rule(wanted), "EventBridge")
        if new.get("Targets"):
            request = {"Rule": name, "EventBusName": bus, "Targets": new["Targets"]}
            accepted(put_targets(request), "EventBridge")

    return apply


def _topic_handler(handler: Handler) -> Handler:
    topics = hook("ministack.services.sns:_topics")
    physical_name = hook("ministack.services.cloudformation.provisioners:_physical_name")

    def apply(arn: str, new: Properties, old: Properties) -> None:
        topic = topics[arn]
        attributes = topic["attributes"]
        attributes["DisplayName"] = new.get("DisplayName", "")
        for name in _TOPIC_ATTRIBUTES:
            attributes.pop(name, None)
            if name in new:
                attributes[name] = _text(new[name])
        attributes.pop("TracingConfig", None)
        if "TracingConfig" in new:
            attributes["TracingConfig"] = new["TracingConfig"]
        if "ArchivePolicy" in new:
            attributes["ArchivePolicy"] = json.dumps(new["ArchivePolicy"])
        for logged in new.get("DeliveryStatusLogging", ()):
            protocol = {"http/s": "HTTP", "sqs": "SQS"}.get(logged["Protocol"], logged["Protocol"].capitalize())
            for member in ("SuccessFeedbackRoleArn", "FailureFeedbackRoleArn", "SuccessFeedbackSampleRate"):
                if member in logged:
                    attributes[f"{protocol}{member}"] = _text(logged[member])
        if new.get("FifoTopic"):
            topic.setdefault("dedup_cache", {})
            topic.setdefault("fifo_seq", 0)

    whole = completed(handler, apply)

    def create(logical_id: str, props: Properties, stack_name: str) -> tuple[str, Json]:
        if props.get("FifoTopic") and not props.get("TopicName"):
            props = {**props, "TopicName": physical_name(stack_name, logical_id, max_len=251) + ".fifo"}
        created: tuple[str, Json] = whole["create"](logical_id, props, stack_name)
        return created

    def update(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
    ) -> tuple[str, Json]:
        named = {"TopicName": physical_id.rsplit(":", 1)[-1]}
        updated: tuple[str, Json] = whole["update"](
            physical_id, {**named, **old}, {**named, **new}, stack_name, logical_id
        )
        return updated

    return {**whole, "create": create, "update": update}


def _text(value: Json) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _bucket_policy_handler(handler: Handler) -> Handler:
    """Ref of a bucket policy is its bucket's name."""
    buckets = hook("ministack.services.s3:_buckets")

    def create(logical_id: str, props: Properties, stack_name: str) -> tuple[str, Json]:
        if props["Bucket"] not in buckets:
            raise ValueError("The specified bucket does not exist (Service: S3, Status Code: 404)")
        handler["create"](logical_id, props, stack_name)
        return props["Bucket"], {}

    def update(physical_id: str, old: Properties, new: Properties, stack_name: str) -> tuple[str, Json]:
        return create(physical_id, new, stack_name)

    return {**handler, "create": create, "update": update}
