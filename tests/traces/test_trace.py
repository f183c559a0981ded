"""A trace's segment documents as one tree, and the map of the services in it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.errors import InvalidProps
from raytrail.traces import ServiceNode, Span, Trace

Json = dict[str, Any]
TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"


def segment(id: str, start: float, end: float | None = None, **fields: Any) -> Json:
    ended = {"in_progress": True} if end is None else {"end_time": end}
    return {"id": id, "name": id, "start_time": start, "trace_id": TRACE_ID, **ended, **fields}


def alone(id: str, start: float, end: float | None = None, **fields: Any) -> Json:
    return segment(id, start, end, type="subsegment", **fields)


def outline(*documents: Json) -> list[tuple[str, int]]:
    return [(span.name, depth) for span, depth in Trace.from_documents(documents).spans()]


def span_of(trace: Trace, id: str) -> Span:
    (span,) = [span for span, _ in trace.spans() if span.id == id]
    return span


# The trace that AWS prints


@pytest.fixture(scope="module")
def printed() -> Json:
    """The answer of BatchGetTraces in the X-Ray developer guide, xray-api-gettingdata."""
    text = (Path(__file__).parent / "printed" / "batch_get_traces.json").read_text()
    found: Json = json.loads(text)["BatchGetTraces"]["Traces"][0]
    return found


@pytest.fixture(scope="module")
def scorekeep(printed: Json) -> Trace:
    return Trace.from_documents(part["Document"] for part in printed["Segments"])


def test_the_printed_trace_is_one_tree(scorekeep: Trace) -> None:
    assert [f"{'  ' * depth}{span.name}" for span, depth in scorekeep.spans()] == [
        "Scorekeep",
        "  Lambda",
        "    random-name",
        "      random-name",
        "        Initialization",
        "        annotations",
        "        SNS",
        "          SNS",
        "  ## UserModel.saveUser",
        "    DynamoDB",
        "      DynamoDB",
    ]


def test_the_printed_trace_took_as_long_as_its_summary_says(printed: Json, scorekeep: Trace) -> None:
    assert scorekeep.id == printed["Id"]
    assert scorekeep.duration == pytest.approx(printed["Duration"])
    # The page's summary of it: ResponseTime 3.232, a user, two annotations, HTTP status 200.
    assert scorekeep.response_time == pytest.approx(3.232)
    assert (scorekeep.root.user, scorekeep.root.status, scorekeep.partial) == ("5M388M1E", 200, False)
    assert scorekeep.annotations == {"UserID": ("5M388M1E",), "Name": ("Ola",)}


def test_a_node_is_named_after_the_table_where_the_document_is_named_after_the_service(scorekeep: Trace) -> None:
    assert [(node.name, node.type, node.inferred) for node in scorekeep.services] == [
        ("Scorekeep", "AWS::ElasticBeanstalk::Environment", False),
        ("random-name", "AWS::Lambda", False),
        ("random-name", "AWS::Lambda::Function", False),
        ("SNS", "AWS::SNS", True),
        ("scorekeep-user", "AWS::DynamoDB::Table", True),
    ]


def test_lambdas_two_segments_of_one_name_are_two_nodes_that_call_one_the_other(scorekeep: Trace) -> None:
    assert [
        (edge.source.type, edge.target.type, [call.id for call in edge.calls], [span.id for span in edge.called])
        for edge in scorekeep.edges
    ] == [
        ("AWS::ElasticBeanstalk::Environment", "AWS::Lambda", ["0c544c1b1bbff948"], ["1fb07842d944e714"]),
        ("AWS::Lambda", "AWS::Lambda::Function", ["00f91aa01f4984fd"], ["00f91aa01f4984fd"]),
        ("AWS::Lambda::Function", "AWS::SNS", ["b29b548af4d54a0f"], ["1ee3c4a523f89ca5"]),
        ("AWS::ElasticBeanstalk::Environment", "AWS::DynamoDB::Table", ["4cd3f10b76c624b4"], ["17ba309b32c7fbaf"]),
    ]


def test_the_segments_inferred_here_are_those_that_x_ray_inferred(printed: Json, scorekeep: Trace) -> None:
    documents = [json.loads(part["Document"]) for part in printed["Segments"]]
    sent = Trace.from_documents(document for document in documents if not document.get("inferred"))

    def but_for_the_id(trace: Trace) -> list[Json]:
        return [{**segment.document, "id": ""} for segment in trace.segments if segment.inferred]

    assert len(but_for_the_id(sent)) == 2
    assert but_for_the_id(sent) == but_for_the_id(scorekeep)
    assert (sent.services, sent.edges) == (scorekeep.services, scorekeep.edges)


def test_what_was_read_is_written_back_whole(printed: Json, scorekeep: Trace) -> None:
    documents = [json.loads(part["Document"]) for part in printed["Segments"]]
    by_id = {document["id"]: document for document in scorekeep.documents()}
    # Subsegments stand by start time, which is not how the page has those of the function.
    documents[2]["subsegments"].sort(key=lambda subsegment: subsegment["start_time"])
    assert by_id == {document["id"]: document for document in documents}


def test_the_printed_inferred_segment_of_an_http_call_is_a_remote_node() -> None:
    call = {
        "id": "004f72be19cddc2a",
        "start_time": 1484786387.131,
        "end_time": 1484786387.501,
        "name": "names.example.com",
        "namespace": "remote",
        "http": {
            "request": {"method": "GET", "url": "https://names.example.com/"},
            "response": {"content_length": -1, "status": 200},
        },
    }
    trace = Trace.from_documents([segment("shop", 1484786387, 1484786388, subsegments=[call])])
    inferred = trace.segments[1]
    assert {**inferred.document, "id": "168416dc2ea97781"} == {
        "id": "168416dc2ea97781",
        "name": "names.example.com",
        "trace_id": TRACE_ID,
        "start_time": 1484786387.131,
        "end_time": 1484786387.501,
        "parent_id": "004f72be19cddc2a",
        "http": call["http"],
        "inferred": True,
    }
    assert trace.services[1] == ServiceNode(name="names.example.com", type="remote", segments=())


# Trees


def test_a_segment_hangs_under_the_subsegment_that_called_it() -> None:
    api = segment("api", 1, 5, origin="AWS::ApiGateway::Stage", subsegments=[segment("invoke", 2, 4)])
    function = segment("function", 2.5, 3.5, parent_id="invoke", subsegments=[segment("put", 3, 3.2)])
    assert outline(function, api) == [("api", 0), ("invoke", 1), ("function", 2), ("put", 3)]


def test_children_stand_in_the_order_in_which_they_began() -> None:
    subsegments = [segment("late", 4, 5), segment("early", 2, 3)]
    called = segment("between", 3, 4, parent_id="root")
    assert outline(segment("root", 1, 6, subsegments=subsegments), called) == [
        ("root", 0),
        ("early", 1),
        ("between", 1),
        ("late", 1),
    ]


def test_a_segment_whose_parent_is_not_there_is_a_root() -> None:
    assert outline(segment("b", 2, 3, parent_id="elsewhere"), segment("a", 1, 2)) == [("a", 0), ("b", 0)]


def test_a_subsegment_that_came_alone_is_put_where_it_belongs() -> None:
    inner = alone("inner", 3, 4, parent_id="outer", annotations={"n": 1})
    outer = alone("outer", 2, 5, parent_id="shop")
    trace = Trace.from_documents([inner, outer, segment("shop", 1, 6)])
    assert [(span.name, depth, span.is_segment) for span, depth in trace.spans()] == [
        ("shop", 0, True),
        ("outer", 1, False),
        ("inner", 2, False),
    ]
    inner_span = span_of(trace, "inner")
    assert trace.segment_of(inner_span).name == "shop"
    assert trace.parent_of(inner_span) is span_of(trace, "outer")
    (whole,) = trace.documents()
    assert whole["subsegments"][0]["subsegments"][0]["annotations"] == {"n": 1}
    assert not {"type", "trace_id", "parent_id"} & whole["subsegments"][0].keys()


def test_a_subsegment_that_came_before_its_segment_is_a_root_of_no_service() -> None:
    trace = Trace.from_documents([alone("query", 2, 3, parent_id="shop", namespace="remote")])
    assert (trace.root.name, trace.root.is_segment, trace.segment_of(trace.root)) == ("query", False, trace.root)
    assert [(node.name, node.inferred) for node in trace.services] == [("query", True)]
    assert trace.edges == ()


def test_the_complete_piece_counts_whichever_came_last() -> None:
    begun, whole = segment("shop", 1), segment("shop", 1, 2, fault=True)
    for documents in ([begun, whole], [whole, begun]):
        (span,) = [span for span, _ in Trace.from_documents(documents).spans()]
        assert (span.end, span.fault, span.in_progress) == (2, True, False)


def test_a_call_of_a_service_that_promised_a_segment_infers_none() -> None:
    call = segment("pay", 2, 3, namespace="remote", http={"request": {"traced": True}})
    assert len(Trace.from_documents([segment("shop", 1, 4, subsegments=[call])]).segments) == 1


def test_pieces_that_name_each_other_as_parents_are_not_lost() -> None:
    circle = [segment("a", 2, 3, parent_id="c"), segment("b", 1, 2, parent_id="a"), segment("c", 3, 4, parent_id="b")]
    assert outline(*circle, segment("self", 5, 6, parent_id="self")) == [("b", 0), ("c", 1), ("a", 2), ("self", 0)]


def test_a_trace_may_be_deeper_than_pythons_stack() -> None:
    chain = [segment("s0", 0, 9999)] + [alone(f"s{n}", n, 9999, parent_id=f"s{n - 1}") for n in range(1, 5000)]
    trace = Trace.from_documents(chain)
    assert [depth for _, depth in trace.spans()] == list(range(5000))
    (whole,) = trace.documents()
    assert Trace.from_documents([whole]).end == trace.end


@given(st.lists(st.integers(0, 30), max_size=30), st.randoms(use_true_random=False))
def test_whatever_the_order_of_the_documents_each_is_there_once_below_its_parent(
    parents: list[int], order: random.Random
) -> None:
    documents = [segment("first", -1, 0)] + [
        segment(f"s{number}", number, number + 1, **({"parent_id": f"s{parent}"} if parent < number else {}))
        for number, parent in enumerate(parents)
    ]
    order.shuffle(documents)
    spans = outline(*documents)
    assert sorted(name for name, _ in spans) == sorted(document["id"] for document in documents)
    depth = dict(spans)
    for document in documents:
        parent = document.get("parent_id")
        assert depth[document["id"]] == (depth[parent] + 1 if parent in depth else 0)


# Times and marks


def test_work_in_progress_counts_with_its_start() -> None:
    trace = Trace.from_documents([segment("shop", 1, subsegments=[segment("part", 3)])])
    assert (trace.duration, trace.response_time, trace.partial) == (2, 0, True)


def test_work_that_goes_on_after_the_answer_counts_for_the_duration_alone() -> None:
    trace = Trace.from_documents([segment("shop", 1, 2), alone("later", 2, 5, parent_id="shop")])
    assert (trace.duration, trace.response_time) == (4, 1)


def test_a_span_says_what_it_is_how_long_it_took_and_whether_it_failed() -> None:
    span = Trace.from_documents([segment("api", 10, 10.25, origin="AWS::ApiGateway::Stage", fault=True)]).root
    assert str(span) == "api (AWS::ApiGateway::Stage) 250.0 ms FAULT"
    assert str(Trace.from_documents([segment("api", 10)]).root) == "api 0.0 ms"


def test_a_span_tells_what_its_document_holds_and_is_empty_where_it_holds_nothing() -> None:
    cause = {"exceptions": [{"id": "e" * 16, "type": "KeyError", "message": "'a'"}]}
    sql = {"sanitized_query": "SELECT 1", "database_type": "sqlite"}
    span = Trace.from_documents([segment("db", 1, 2, sql=sql, cause=cause, error=True, throttle=True)]).root
    assert (span.sql, span.exceptions, span.error, span.throttle) == (sql, tuple(cause["exceptions"]), True, True)
    bare = Trace.from_documents([segment("bare", 1, 2, cause="e" * 16)]).root
    assert (bare.sql, bare.exceptions, bare.http, bare.status) == ({}, (), {"request": {}, "response": {}}, None)
    assert (bare.user, bare.resource_arn, bare.type, bare.metadata) == ("", "", "", {})


# What is no trace


@pytest.mark.parametrize(
    ("documents", "sentence"),
    [
        ([], "a trace is made of segment documents, got none"),
        (["{"], "a segment document is a JSON object, got '{'"),
        (["[1]"], "a segment document is a JSON object, got list"),
        (["[" * 100_000], "a segment document is a JSON object"),
        ([{"name": "a"}], "id of segment document '<no id>' is a string that is not empty, got None"),
        ([segment("a", 1, 2, name="")], "name of segment document 'a' is a string that is not empty, got ''"),
        ([segment("a", 1, 2, trace_id=7)], "trace_id of segment document 'a'"),
        ([segment("a", 1, 2, start_time="now")], "start_time of segment document 'a' is a number of seconds"),
        ([segment("a", 1, 2, end_time=True)], "end_time of segment document 'a' is a number of seconds"),
        ([segment("a", 1, 2, http=[])], "http of segment document 'a' is an object, got []"),
        ([segment("a", 1, 2, subsegments={})], "subsegments of segment document 'a' is a list, got {}"),
        ([segment("a", 1, 2, subsegments=[7])], "a subsegment is a JSON object, got int: 7"),
        ([segment("a", 1, 2, subsegments=[{"id": "b", "name": "b"}])], "start_time of segment document 'b'"),
        ([segment("a", 1, 2), segment("b", 1, 2, trace_id="1-2-3")], f"have one trace_id, got 1-2-3, {TRACE_ID}"),
    ],
)
def test_what_cannot_be_placed_in_a_trace_is_refused_with_what_is_wrong(documents: list[Any], sentence: str) -> None:
    with pytest.raises(InvalidProps) as raised:
        Trace.from_documents(documents)
    assert sentence in str(raised.value)
