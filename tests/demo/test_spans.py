"""A trace's documents as one tree."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from raytrail.demo._spans import span_tree

Json = dict[str, Any]


def segment(id: str, start: float, end: float | None = None, **fields: Any) -> Json:
    ended = {} if end is None else {"end_time": end}
    return {
        "id": id,
        "name": id,
        "start_time": start,
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        **ended,
        **fields,
    }


def outline(documents: list[Json]) -> list[tuple[str, int]]:
    return [(span.name, span.depth) for span in span_tree(documents)]


def test_a_segment_hangs_under_the_subsegment_that_called_it():
    api = segment("api", 1, 5, origin="AWS::ApiGateway::Stage", subsegments=[segment("invoke", 2, 4)])
    function = segment("function", 2.5, 3.5, parent_id="invoke", subsegments=[segment("put", 3, 3.2)])
    assert outline([function, api]) == [("api", 0), ("invoke", 1), ("function", 2), ("put", 3)]


def test_children_stand_in_the_order_in_which_they_began():
    subsegments = [segment("late", 4, 5), segment("early", 2, 3)]
    called = segment("between", 3, 4, parent_id="root")
    assert outline([segment("root", 1, 6, subsegments=subsegments), called]) == [
        ("root", 0),
        ("early", 1),
        ("between", 1),
        ("late", 1),
    ]


def test_a_segment_whose_parent_is_not_there_is_a_root():
    assert outline([segment("b", 2, 3, parent_id="elsewhere"), segment("a", 1, 2)]) == [("a", 0), ("b", 0)]


def test_no_document_is_no_span():
    assert span_tree([]) == []


def test_a_span_says_how_long_it_took_what_it_is_and_whether_it_failed():
    (span,) = span_tree([segment("api", 10, 10.25, origin="AWS::ApiGateway::Stage", fault=True)])
    assert span.milliseconds == 250
    assert str(span) == "api (AWS::ApiGateway::Stage) 250.0 ms FAULT"


def test_a_span_that_has_not_ended_took_no_time_yet():
    (span,) = span_tree([segment("api", 10, in_progress=True)])
    assert (span.milliseconds, span.fault, str(span)) == (0, False, "api 0.0 ms")


def test_a_deeper_span_is_written_further_in():
    spans = span_tree([segment("a", 1, 2, subsegments=[segment("b", 1, 2, subsegments=[segment("c", 1, 2)])])])
    assert [len(str(span)) - len(str(span).lstrip()) for span in spans] == [0, 2, 4]


@given(st.lists(st.integers(0, 30), max_size=30), st.randoms(use_true_random=False))
def test_whatever_the_order_of_the_documents_each_is_there_once_below_its_parent(parents, order: random.Random):
    documents = [
        segment(f"s{number}", number, number + 1, **({"parent_id": f"s{parent}"} if parent < number else {}))
        for number, parent in enumerate(parents)
    ]
    order.shuffle(documents)
    spans = outline(documents)
    assert sorted(name for name, _ in spans) == sorted(document["id"] for document in documents)
    depth = dict(spans)
    for document in documents:
        parent = document.get("parent_id")
        assert depth[document["id"]] == (depth[parent] + 1 if parent in depth else 0)
