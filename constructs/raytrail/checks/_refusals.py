"""Destinations whose policy or key does not let in who is to send there."""

from __future__ import annotations

from collections.abc import Iterator

from raytrail.checks._deliveries import (
    CLOUDWATCH,
    EVENTS,
    FUNCTION,
    QUEUE,
    TOPIC,
    deliveries,
    names_of,
)
from raytrail.checks._model import Check, Floors, Seen
from raytrail.checks._names import could_mean_any, meant
from raytrail.checks._policies import lets, names_service, policies_of, statement_lets, statements
from raytrail.checks._templates import App, Resource
from raytrail.checks._values import UNKNOWN, Unknown, Value, flat

_ACTION = {TOPIC: "sns:Publish", QUEUE: "sqs:SendMessage", FUNCTION: "lambda:InvokeFunction"}
_KEY, _ALIAS, _PERMISSION = "AWS::KMS::Key", "AWS::KMS::Alias", "AWS::Lambda::Permission"


def _by_destination(app: App) -> dict[tuple[Resource, str], list[Resource]]:
    """Who sends as which service to what, where no role does it."""
    found: dict[tuple[Resource, str], list[Resource]] = {}
    for delivery in deliveries(app):
        if not delivery.by_role:
            found.setdefault((delivery.target, delivery.service), []).append(delivery.sender)
    return found


def _refused(app: App, floors: Floors) -> Iterator[Seen]:
    for (target, service), senders in _by_destination(app).items():
        refused = _by_permissions if target.type == FUNCTION else _by_policy
        if reason := refused(app, target, service):
            yield Seen(target, f"{names_of(senders)} sends to it as {service}; {reason}")


def _by_policy(app: App, target: Resource, service: str) -> str:
    policies = policies_of(app, target)
    if policies is None:
        return ""
    documents = [policy.get("PolicyDocument") for policy in policies]
    if not documents:
        # The policy that SNS gives a topic lets in the alarms of its own account.
        admitted = target.type == TOPIC and service == CLOUDWATCH
        return "" if admitted else "it has no policy in the app"
    action = _ACTION[target.type]
    if not any(lets(document, service, action) for document in documents):
        return f"its policy allows {action} to others alone"
    if target.type == TOPIC and service == EVENTS and not any(map(_without_condition, documents)):
        return f"its policy allows {action} under a Condition, which EventBridge does not support there"
    return ""


def _without_condition(document: Value) -> bool:
    """Whether a topic's document lets EventBridge publish as it is documented to, or may do so."""
    if isinstance(document, Unknown):
        return True
    return any(
        isinstance(statement, Unknown) or not (names_service(statement, EVENTS) and _there(statement.get("Condition")))
        for statement in statements(document)
        if statement_lets(statement, EVENTS, "sns:Publish")
    )


def _there(value: Value) -> bool:
    """Whether something is certainly asked: what is included or chosen at the deployment may be nothing."""
    return bool(value) and value is not UNKNOWN


def _by_permissions(app: App, function: Resource, service: str) -> str:
    of_this = []
    for permission in app.of_type(_PERMISSION):
        named = permission.get("FunctionName")
        if could_mean_any(named):
            return ""
        if meant(app, named, FUNCTION) is function and permission.get("Principal") in (service, "*"):
            of_this.append(permission)
        elif not isinstance(permission.get("Principal"), str):
            return ""
    if not of_this:
        return "no permission of the app allows that"
    if service == EVENTS and all(_there(permission.get("SourceAccount")) for permission in of_this):
        return "its permission asks for SourceAccount, which EventBridge does not send"
    return ""


def _key_refuses(app: App, floors: Floors) -> Iterator[Seen]:
    refused: dict[Resource, dict[str, list[Resource]]] = {}
    for (target, service), senders in _by_destination(app).items():
        key = target.get("KmsMasterKeyId")
        if target.type != FUNCTION and key is not None and not _key_lets(app, key, service):
            refused.setdefault(target, {})[service] = senders
    for target, services in refused.items():
        managed = "alias/aws/" in (flat(target.get("KmsMasterKeyId")) or "")
        senders = [sender for each in services.values() for sender in each]
        whose = "the key is one that AWS manages" if managed else "the key's policy does not name"
        yield Seen(
            target,
            f"{names_of(senders)} sends to it; {whose}{', for' if managed else ''} {' and '.join(services)}",
            "Properties.KmsMasterKeyId",
        )


def _key_lets(app: App, key: Value, service: str) -> bool:
    """Whether a service may use a key, or may be able to."""
    if "alias/aws/" in (flat(key) or ""):
        return False
    found = meant(app, key, _KEY)
    if found is None and (alias := meant(app, key, _ALIAS)):
        found = meant(app, alias.get("TargetKeyId"), _KEY)
    if found is None:
        return True
    document = found.get("KeyPolicy")
    return all(lets(document, service, action) for action in ("kms:Decrypt", "kms:GenerateDataKey"))


DELIVERY_REFUSED = Check(
    name="DeliveryRefused",
    level="error",
    title="the destination does not let in who is to send there",
    why="Alarms, rules and topics deliver as services, and a service needs to be let in by the policy of the topic or "
    "queue, or by a permission of the function. Without, each delivery fails, and nothing that is deployed says so. A "
    "topic that requires TLS has a policy, and then the one that lets in alarms by default is gone.",
    fix="add the statement that AWS documents for the service: Service cloudwatch.amazonaws.com or "
    "events.amazonaws.com, without a Condition for EventBridge on a topic; AlertChannel and AlertTarget of raytrail "
    "have them",
    trusts="Destinations of other apps; targets with a role; policies that are a parameter, or belong to a resource "
    "that is one; what a statement's conditions ask, but for EventBridge on a topic, and for SourceAccount of "
    "a function's permission; denials.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html",
    look=_refused,
)

KEY_REFUSES_DELIVERY = Check(
    name="KeyRefusesDelivery",
    level="error",
    title="the destination's key does not let in who is to send there",
    why="A message is encrypted as it comes, with the sender's permissions. A key that AWS manages (alias/aws/sns, "
    "alias/aws/sqs) lets in no other service, and each delivery fails.",
    fix="encrypt it with a key of your own whose policy allows the service kms:Decrypt and kms:GenerateDataKey*, or "
    "the queue with SqsManagedSseEnabled",
    trusts="Keys of other apps, and those that are a parameter; what a statement's conditions ask.",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html",
    look=_key_refuses,
)
