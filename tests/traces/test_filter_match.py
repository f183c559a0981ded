"""Which traces a filter selects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st
from tests.traces.expressions_kit import TRACE_ID, filters, traces

from raytrail.errors import InvalidProps
from raytrail.traces import Filter, Trace, element, fault, group, parse_filter, service

Json = dict[str, Any]
GROUPS = {"slow": parse_filter("duration > 5"), "vip": parse_filter('user = "alice"')}


# Laws


@given(filters, filters, traces())
def test_two_filters_joined_select_what_both_or_either_selects(one: Filter, other: Filter, trace: Trace) -> None:
    both, either = one.matches(trace, groups=GROUPS), other.matches(trace, groups=GROUPS)
    assert (one & other).matches(trace, groups=GROUPS) is (both and either)
    assert (one | other).matches(trace, groups=GROUPS) is (both or either)


@given(filters, traces())
def test_the_negation_selects_the_other_finished_traces(filter: Filter, trace: Trace) -> None:
    try:
        opposite = ~filter
    except InvalidProps:
        assume(False)
    assert opposite.matches(trace, groups=GROUPS) is not filter.matches(trace, groups=GROUPS)


@given(filters, traces())
def test_what_is_read_back_selects_the_same(filter: Filter, trace: Trace) -> None:
    assert parse_filter(str(filter)).matches(trace, groups=GROUPS) is filter.matches(trace, groups=GROUPS)


@given(filters, traces())
def test_a_group_selects_what_its_filter_selects(filter: Filter, trace: Trace) -> None:
    groups = {**GROUPS, "it": filter}
    assert (group.name == "it").matches(trace, groups=groups) is filter.matches(trace, groups=groups)
    assert (group.name != "it").matches(trace, groups=groups) is not filter.matches(trace, groups=groups)


@given(
    traces(), st.sampled_from(["fault", "http.status >= 400", "annotation[age]", "responsetime > 5", 'user = "alice"'])
)
def test_a_service_is_selected_when_one_of_the_services_by_name_is(trace: Trace, body: str) -> None:
    anywhere = parse_filter(f"service() {{ {body} }}").matches(trace)
    by_name = [parse_filter(f'service("{node.name}") {{ {body} }}').matches(trace) for node in trace.services]
    assert anywhere is any(by_name)


@pytest.fixture(scope="module")
def printed() -> dict[str, Filter]:
    """Each expression that a page of AWS prints, as it is read."""
    pages = json.loads((Path(__file__).parent / "expressions" / "printed.json").read_text())["pages"]
    return {expression: parse_filter(expression) for page in pages.values() for expression in page}


@given(trace=traces())
def test_each_expression_that_aws_prints_selects_or_not(printed: dict[str, Filter], trace: Trace) -> None:
    groups = {"high_response_time": GROUPS["slow"]}
    for expression, filter in printed.items():
        note(expression)
        assert filter.matches(trace, groups=groups) in (True, False)


# The trace that AWS prints


@pytest.fixture(scope="module")
def scorekeep() -> Trace:
    printed = json.loads((Path(__file__).parent / "printed" / "batch_get_traces.json").read_text())
    segments = printed["BatchGetTraces"]["Traces"][0]["Segments"]
    return Trace.from_documents(part["Document"] for part in segments)


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("ok !partial duration <3", False),
        ("ok !partial duration <4", True),
        ("responsetime > 3.2 AND responsetime < 3.3", True),
        ("http.status = 200", True),
        ('http.url ENDSWITH "/api/user" AND http.method = "POST"', True),
        ('http.url CONTAINS "/api/game/"', False),
        ('http.useragent BEGINSWITH "Mozilla/5.0"', True),
        ('http.clientip = "205.251.233.183"', True),
        ('user = "5M388M1E"', True),
        ('user CONTAINS ""', True),
        ('annotation[UserID] = "5M388M1E"', True),
        ('annotation.UserID = "5M388M1E"', True),
        ("annotation[age]", False),
        ("!annotation[age]", True),
        ('availabilityzone = "us-west-2c" AND instance.id = "i-0cd9e448944061b4a"', True),
        ('resource.arn ENDSWITH ":function:random-name"', True),
        ("inferred", True),
        ('service("random-name")', True),
        ('service("random-name") { error }', False),
        ('service(id(name: "random-name", type: "AWS::Lambda::Function"))', True),
        ('service(id(name: "random-name", type: "AWS::EC2::Instance"))', False),
        ('service(id(type: "AWS::DynamoDB::Table")) { inferred }', True),
        ('service(id(account.id: "123456789012"))', True),
        ('service(id(account.id: "999999999999"))', False),
        ('service("Scorekeep") { root }', True),
        ('service("random-name") { root }', False),
        ('edge("Scorekeep", "random-name")', True),
        ('edge("random-name", "Scorekeep")', False),
        ('edge("Scorekeep", id(type: "AWS::DynamoDB::Table")) { http.status = 200 }', True),
        # The function has it, which the service of that name calls, and which calls SNS.
        ('edge { destination.annotation[UserID] = "5M388M1E" }', True),
        ('edge { source.annotation[UserID] = "5M388M1E" }', True),
        ('edge("Scorekeep", "random-name") { source.annotation[UserID] = "5M388M1E" }', False),
        ('edge("random-name", id(type: "AWS::Lambda::Function")) { destination.annotation[UserID] }', True),
        ('edge(id(type: "AWS::Lambda::Function"), "SNS") { source.annotation[UserID] }', True),
        ('edge(id(type: "AWS::Lambda::Function"), "SNS") { destination.annotation[UserID] }', False),
        ("fault OR error OR throttle", False),
        ("rootcause.fault.service { index >= 0 }", False),
    ],
)
def test_the_trace_that_aws_prints(scorekeep: Trace, expression: str, selected: bool) -> None:
    assert parse_filter(expression).matches(scorekeep) is selected


# A failed order


def part(id: str, start: float, end: float | None, **fields: Any) -> Json:
    ended = {"in_progress": True} if end is None else {"end_time": end}
    return {"id": id, "name": id, "start_time": start, **ended, **fields}


def segment(id: str, start: float, end: float | None, **fields: Any) -> Json:
    return part(id, start, end, trace_id=TRACE_ID, **fields)


def responded(status: int, **request: Any) -> Json:
    return {"request": request, "response": {"status": status}}


FAILED_ORDER = Trace.from_documents(
    [
        segment("api", 0, 6, fault=True, annotations={"tenant": "acme", "tier": 1, "vip": False})
        | {
            "http": responded(502, url="https://api/orders", method="POST"),
            "subsegments": [
                part("to orders", 0.5, 5.5, namespace="remote", fault=True, http=responded(500)),
                part("to stock", 0.1, 0.4, namespace="remote", error=True, throttle=True, http=responded(429)),
            ],
        },
        segment(
            "orders", 1, 5, parent_id="to orders", fault=True, user="bob", annotations={"tenant": "globex", "tier": 2}
        )
        | {
            "http": responded(500),
            "cause": {"exceptions": [{"id": "e", "type": "DbError", "message": "Access Denied for account_id: 1"}]},
            "subsegments": [part("db", 1, 4.5, annotations={"vip": True})],
        },
    ]
)


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        # of the entry point, or of everything
        ("fault", True),
        ("fault = false", False),
        ("error", False),
        ("ok", False),
        ("throttle", True),
        ("http.status = 502", True),
        ("http.status = 500", False),
        ("responsetime = 6 AND duration = 6", True),
        ("responsetime < 6", False),
        ("duration <= 6 AND duration >= 6 AND duration != 5", True),
        ('user = "bob"', True),
        ('user != "bob"', False),
        ('user = "BOB"', False),
        # of one segment of a service
        ("service() { http.status = 500 }", True),
        ('service("api") { http.status = 500 }', False),
        ('service("orders") { fault AND responsetime = 4 }', True),
        ('service("to stock") { error AND throttle AND inferred }', True),
        ('!service("payments")', True),
        ('!service("orders") { fault }', False),
        ('!service("orders") { throttle }', True),
        ('service { name = "orders" AND root }', False),
        ('service { type = "remote" AND name BEGINSWITH "to s" }', True),
        ('service("orders") { annotation[vip] }', True),
        ('service("api") { annotation[vip] }', False),
        ('service { annotation[tenant] = "acme" AND annotation[tier] = 2 }', False),
        ('service("ord*")', False),
        # of one call
        ('edge("api", "orders") { http.status = 500 AND responsetime = 5 }', True),
        ('edge("api", "to stock") { throttle }', True),
        ('edge("api", "orders") { throttle }', False),
        ('edge { annotation[tenant] = "globex" }', True),
        ('edge { annotation[tenant] = "acme" }', False),
        ('edge { source.annotation[tenant] = "acme" AND destination.annotation[tenant] = "globex" }', True),
        ('!edge("orders", "api")', True),
        # annotations
        ("annotation[tier] = 2 AND annotation[tier] = 1", True),
        ("annotation[tier] > 1.5", True),
        ("annotation[tier] > 2", False),
        ('annotation[tier] = "2"', False),
        ('annotation[tier] != "2"', False),
        ('annotation[tier] CONTAINS ""', False),
        ("annotation[vip] = true", True),
        ("annotation[vip] = false", True),
        ("annotation[vip] = 1", False),
        ('annotation[tenant] ENDSWITH "me"', True),
        ("annotation[none] != 1", False),
        # root causes
        ('rootcause.fault.service { name = "orders" AND last }', True),
        ('rootcause.fault.service { name = "orders" AND first }', False),
        ("rootcause.fault.service { index = 0 AND first AND !last }", True),
        ("rootcause.fault.service { index > 1 }", False),
        ('rootcause.fault.entity { remote AND name = "to orders" AND last }', True),
        ('rootcause.fault.entity { remote AND name = "api" }', False),
        ('rootcause.fault.exception { last and message BEGINSWITH "Access Denied" and name = "DbError" }', True),
        ('rootcause.fault.exception { message = "other" }', False),
        ('rootcause.responsetime.entity { name = "db" AND coverage > 0.5 }', True),
        ('rootcause.responsetime.entity { name = "db" AND coverage > 0.6 }', False),
        ("rootcause.responsetime.service { last AND inferred }", False),
        ('rootcause.json = #[{"Services": [{"Name": "api"}, {"Name": "orders"}]}]', True),
        ('rootcause.json = #[{"Services": [{"Name": "api"}]}]', False),
        ('rootcause.json = #[{"Services": [{"Name": "api", "EntityPath": [{"Name": "to stock"}]}]}]', False),
        ('rootcause.json != #[{"Services": [{"Name": "api"}]}]', True),
        ("rootcause.json = #[{}]", True),
    ],
)
def test_a_failed_order(expression: str, selected: bool) -> None:
    assert parse_filter(expression).matches(FAILED_ORDER) is selected


@pytest.mark.parametrize(
    ("status", "selected"), [(None, True), (200, True), (204, True), (302, False), (404, False), (500, False)]
)
def test_ok_is_an_answer_of_2xx(status: int | None, selected: bool) -> None:
    said = {} if status is None else {"http": responded(status)}
    assert parse_filter("ok").matches(Trace.from_documents([segment("api", 0, 1, **said)])) is selected


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("partial", True),
        ('service("api") { partial }', True),
        ('service("orders") { partial }', False),
        ("responsetime >= 0", False),
        ("responsetime < 100", False),
        ("duration >= 0", True),
        ('service("orders") { responsetime = 1 }', True),
        ("http.url", False),
        ("http.status != 200", False),
        ("!http.url", True),
    ],
)
def test_the_time_of_work_in_progress_is_not_there(expression: str, selected: bool) -> None:
    trace = Trace.from_documents([segment("api", 0, None), segment("orders", 1, 2, parent_id="api")])
    assert parse_filter(expression).matches(trace) is selected


# Groups, and what cannot be asked


ONE = Trace.from_documents([segment("api", 0, 6, fault=True)])
ARN = "arn:aws:xray:eu-west-1:123456789012:group/faults/ABC123"


def test_a_group_is_found_by_name_and_by_arn() -> None:
    for key in ("faults", ARN):
        assert (group.name == "faults").matches(ONE, groups={key: fault})
        assert not (group.name != "faults").matches(ONE, groups={key: fault})
    assert (group.arn == ARN).matches(ONE, groups={ARN: fault})
    assert not (group.arn == ARN).matches(ONE, groups={ARN: ~fault})


def test_the_default_group_has_every_trace() -> None:
    assert (group.name == "Default").matches(ONE)


def test_a_group_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidProps, match="names the group 'Faults', which is not among the groups given: faults"):
        (group.name == "Faults").matches(ONE, groups={"faults": fault})


def test_groups_that_name_each_other_in_a_circle_are_refused() -> None:
    groups = {"a": group.name == "b", "b": group.name == "a"}
    with pytest.raises(InvalidProps, match="in a circle: a -> b -> a"):
        (group.name == "a").matches(ONE, groups=groups)


def test_a_group_may_be_named_twice() -> None:
    assert ((group.name == "a") & (group.name == "a")).matches(ONE, groups={"a": fault})


def test_a_filter_that_may_not_stand_alone_is_not_asked() -> None:
    with pytest.raises(InvalidProps, match="last has no meaning outside braces"):
        element.last.matches(ONE)
    with pytest.raises(InvalidProps, match="last has no meaning outside braces"):
        (group.name == "a").matches(ONE, groups={"a": element.last})


def test_a_trace_deeper_than_the_stack_of_python_is_asked() -> None:
    depth = 3000
    documents = [
        segment(f"s{place}", place, depth, fault=True, **({"parent_id": f"s{place - 1}"} if place else {}))
        for place in range(depth)
    ]
    trace = Trace.from_documents(documents)
    last = f"s{depth - 1}"
    assert service(last).fault.matches(trace)
    assert parse_filter(f'rootcause.fault.service {{ last AND name = "{last}" }}').matches(trace)
