"""The builder: what is written in Python, and the expression that it makes."""

from __future__ import annotations

from typing import Any

import pytest

from raytrail.errors import InvalidProps
from raytrail.traces import (
    Filter,
    annotation,
    availability_zone,
    destination,
    duration,
    edge,
    element,
    error,
    fault,
    group,
    http,
    inferred,
    instance_id,
    ok,
    parse_filter,
    partial,
    resource_arn,
    response_time,
    root_cause,
    service,
    service_id,
    source,
    throttle,
    user,
)

BUILT: list[tuple[Filter, str]] = [
    (service("orders").fault & (response_time > 5), 'service("orders") { fault } AND responsetime > 5'),
    (ok & ~partial & (duration < 3), "ok !partial duration <3"),
    (error | throttle | inferred, "error OR throttle OR inferred"),
    (http.status >= 500, "http.status >= 500"),
    (http.status != 200, "http.status != 200"),
    (http.url.begins_with("http://a/") & ~service("a"), 'http.url BEGINSWITH "http://a/" AND !service("a")'),
    (http.url.is_set & (response_time > 2), "http.url AND responseTime > 2"),
    (http.method == "POST", 'http.method = "POST"'),
    (http.user_agent.ends_with("bot"), 'http.useragent ENDSWITH "bot"'),
    (http.client_ip != "127.0.0.1", 'http.clientip != "127.0.0.1"'),
    (user.contains(""), 'user CONTAINS ""'),
    (availability_zone == "us-east-1a", 'availabilityzone = "us-east-1a"'),
    (instance_id.is_set, "instance.id"),
    (resource_arn.ends_with(":orders"), 'resource.arn ENDSWITH ":orders"'),
    (annotation["customer.id"] == 7, "annotation[customer.id] = 7"),
    (annotation["premium"] == True, "annotation[premium] = true"),  # noqa: E712  # an annotation is compared
    (annotation["age"].is_set, "annotation.age"),
    (response_time > 5, "responsetime > 5"),
    (user == "alice", 'user = "alice"'),
    (service(), "service()"),
    (service().fault, "service { fault }"),
    (service("a", type="AWS::Lambda"), 'service(id(name: "a", type: "AWS::Lambda"))'),
    (service(service_id(account_id="123456789012")), 'service(id(account.id: "123456789012"))'),
    (service(service_id("a")), 'service(id(name: "a"))'),
    (service("a").http.status >= 500, 'service("a") { http.status >= 500 }'),
    (service("a").annotation["k"] == "v", 'service("a") { annotation[k] = "v" }'),
    (service("a").root, 'service("a") { root }'),
    (service("a").inferred, 'service("a") { inferred }'),
    (service(type="AWS::SNS").name == "b", 'service(id(type: "AWS::SNS")) { name = "b" }'),
    (service("a").type == "t", 'service("a") { type = "t" }'),
    (service("a").where(element.root & fault), 'service("a") {root = true and fault = true}'),
    (edge("a", "b"), 'edge("a", "b")'),
    (edge("a", service_id("b", type="t")).error, 'edge("a", id(name: "b", type: "t")) { error }'),
    (edge("a", "b").response_time > 1, 'edge("a", "b") { responsetime > 1 }'),
    (edge().source.annotation["k"] == 1, "edge { source.annotation[k] = 1 }"),
    (edge("a", "b").destination.annotation["k"].is_set, 'edge("a", "b") { destination.annotation[k] }'),
    (
        edge().where((source.annotation["k"] == 1) & (destination.annotation["k"] != 1)),
        "edge { source.annotation[k] = 1 AND destination.annotation[k] != 1 }",
    ),
    (
        root_cause.fault.entity(element.last & (element.name == "deserialize")),
        'rootcause.fault.entity { last and name = "deserialize" }',
    ),
    (
        root_cause.fault.service(element.inferred & (element.type == "t")),
        'rootcause.fault.service { inferred type="t" }',
    ),
    (root_cause.fault.exception(element.first & element.message.is_set), "rootcause.fault.exception {first message}"),
    (root_cause.response_time.service(element.index > 5), "rootcause.responsetime.service { index > 5 }"),
    (
        root_cause.response_time.entity(element.remote & (element.coverage > 0.7)),
        "rootcause.responsetime.entity { remote and coverage > 0.7 }",
    ),
    (root_cause.json({"Services": [{"Name": "größe"}]}), 'rootcause.json = #[{"Services": [{"Name": "größe"}]}]'),
    ((group.name == "slow") & (group.arn != "arn:x"), 'group.name = "slow" AND group.arn != "arn:x"'),
]


@pytest.mark.parametrize(("built", "text"), BUILT)
def test_what_is_built_is_what_the_text_says(built: Filter, text: str) -> None:
    assert built == parse_filter(text)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda: fault & response_time > 5,
        lambda: fault & user == "x",
        lambda: response_time & fault,
        lambda: fault | http.url,
        lambda: annotation["age"] | fault,
    ],
)
def test_a_comparison_without_parentheses_is_explained(misuse: Any) -> None:
    with pytest.raises(InvalidProps, match="put each comparison in parentheses"):
        misuse()


@pytest.mark.parametrize("word", [response_time, user, annotation["age"], http.status])
def test_a_word_is_neither_true_nor_false(word: Any) -> None:
    with pytest.raises(InvalidProps, match="compare it"):
        bool(word)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda: user == None,  # noqa: E711  # it is the misuse
        lambda: user == user,  # noqa: PLR0124  # it is the misuse
        lambda: response_time > fault,
        lambda: response_time > "5",
        lambda: user.contains(5),  # type: ignore[arg-type]  # it is the misuse
        lambda: group.name == 5,
        lambda: annotation["a-b"] == 1,
        lambda: edge("a"),  # type: ignore[call-overload]  # it is the misuse
        service_id,
        lambda: service(service_id("a"), type="t"),
        lambda: root_cause.json({"Nonsense": 1}),
        lambda: root_cause.json({"Services": {}}),
        lambda: group.name == "",
    ],
)
def test_a_word_is_compared_with_what_it_has(misuse: Any) -> None:
    with pytest.raises(InvalidProps):
        misuse()
