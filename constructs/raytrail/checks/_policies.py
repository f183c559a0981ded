"""What policies in templates let a service do. What is not known counts as let."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from raytrail.checks._names import could_mean_any, meant
from raytrail.checks._templates import App, Resource
from raytrail.checks._values import UNKNOWN, Unknown, Value, dig, listed

POLICIES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "AWS::SNS::Topic": (
        ("AWS::SNS::TopicPolicy", "Topics", "PolicyDocument"),
        ("AWS::SNS::TopicInlinePolicy", "TopicArn", "PolicyDocument"),
    ),
    "AWS::SQS::Queue": (
        ("AWS::SQS::QueuePolicy", "Queues", "PolicyDocument"),
        ("AWS::SQS::QueueInlinePolicy", "Queue", "PolicyDocument"),
    ),
    "AWS::S3::Bucket": (("AWS::S3::BucketPolicy", "Bucket", "PolicyDocument"),),
}
"""By the type of a resource: the types of its policies, where each names it, and where its document stands."""

Statement = Mapping[str, Value]


def policies_of(app: App, resource: Resource) -> list[Resource] | None:
    """The policies of a topic, a queue or a bucket; None: one of the app's may be of this or of another."""
    found = []
    for type, place, _ in POLICIES[resource.type]:
        for policy in app.of_type(type):
            named = policy.get(place)
            if isinstance(named, Unknown) or any(could_mean_any(each) for each in listed(named)):
                return None
            if any(meant(app, each, resource.type) is resource for each in listed(named)):
                found.append(policy)
    return found


def statements(document: Value) -> Iterator[Statement | Unknown]:
    """The statements of a policy's document."""
    found = dig(document, "Statement")
    yield from (each if isinstance(each, dict) else UNKNOWN for each in listed(found))


def lets(document: Value, service: str, action: str) -> bool:
    """Whether a document lets a service do something, or may do so."""
    if isinstance(document, Unknown):
        return True
    return any(statement_lets(each, service, action) for each in statements(document))


def statement_lets(statement: Statement | Unknown, service: str, action: str) -> bool:
    """Whether one statement does; its conditions are taken to hold."""
    if isinstance(statement, Unknown) or isinstance(statement.get("Effect"), Unknown):
        return True
    if statement.get("Effect") != "Allow":
        return False
    return _acts(statement, action) and _is_for(statement, service)


def allows(document: Value, action: str) -> bool:
    """Whether a document allows something to somebody, or may do so."""
    if isinstance(document, Unknown):
        return True
    return any(
        isinstance(each, Unknown) or (each.get("Effect") in ("Allow", UNKNOWN) and _acts(each, action))
        for each in statements(document)
    )


def names_service(statement: Statement | Unknown, service: str) -> bool:
    """Whether a statement names a service, and certainly so."""
    if isinstance(statement, Unknown):
        return False
    return service in listed(dig(statement.get("Principal"), "Service"))


def _acts(statement: Statement, action: str) -> bool:
    named = statement.get("Action")
    if named is None:
        return "NotAction" in statement
    return any(_matches(each, action) for each in listed(named))


def _is_for(statement: Statement, service: str) -> bool:
    principal = statement.get("Principal", UNKNOWN)
    if isinstance(principal, Unknown) or principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    if "*" in listed(principal.get("AWS")):
        return True
    # A service that is put together from what is not known may be this one.
    return any(each == service or not isinstance(each, str) for each in listed(principal.get("Service")))


def _matches(pattern: Any, action: str) -> bool:
    return not isinstance(pattern, str) or fnmatchcase(action.lower(), pattern.lower())
