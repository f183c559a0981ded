"""Filters and traces as Hypothesis makes them up."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from raytrail.traces import Filter, Trace
from raytrail.traces._filter_blocks import Edge, InGroup, RootCause, RootCauseJson, Service, ServiceId
from raytrail.traces._filter_keywords import KEYWORDS, NUMBER_OPERATORS, ROOT_CAUSES, STRING_OPERATORS, Scope
from raytrail.traces._filter_model import And, Annotation, Comparison, Is, IsSet, Or

TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"

# Few and short, so that filters and traces speak of the same things.
names = st.sampled_from(["orders", "payments", "a b", "größe", ""])
texts = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters='"\\'), max_size=8) | names
numbers = st.integers(-10, 600) | st.floats(allow_nan=False, allow_infinity=False)
keys = st.sampled_from(["age", "customer.id", "aws:api_id", "premium"])


def _of_kind(kind: str, scope: Scope) -> list[str]:
    return [name for name, keyword in KEYWORDS.items() if keyword.kind == kind and scope in keyword.scopes]


def conditions(scope: Scope) -> st.SearchStrategy[Filter]:
    """Filters of one keyword that may stand in this scope."""
    strings = st.sampled_from(_of_kind("string", scope)) if _of_kind("string", scope) else st.nothing()
    made: list[st.SearchStrategy[Filter]] = [
        st.builds(Is, st.sampled_from(_of_kind("boolean", scope)), st.booleans()),
        st.builds(Comparison, st.sampled_from(_of_kind("number", scope)), st.sampled_from(NUMBER_OPERATORS), numbers),
        st.builds(Comparison, strings, st.sampled_from(STRING_OPERATORS), texts),
        st.builds(IsSet, strings, st.booleans()),
    ]
    sides = {Scope.EDGE: ["", "source", "destination"], Scope.TRACE: [""], Scope.SERVICE: [""]}.get(scope)
    if sides:
        annotations = st.builds(Annotation, keys, st.sampled_from(sides))
        made += [
            st.builds(Comparison, annotations, st.sampled_from(STRING_OPERATORS), texts),
            st.builds(Comparison, annotations, st.sampled_from(NUMBER_OPERATORS), numbers),
            st.builds(Comparison, annotations, st.sampled_from(["=", "!="]), st.booleans()),
            st.builds(IsSet, annotations, st.booleans()),
        ]
    return st.one_of(made)


def _joined(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(inner, min_size=2, max_size=3)
    return several.map(lambda filters: And.of(*filters)) | several.map(lambda filters: Or.of(*filters))


def within(scope: Scope) -> st.SearchStrategy[Filter]:
    """What may stand in braces."""
    return st.recursive(conditions(scope), _joined, max_leaves=4)


service_ids = st.builds(
    ServiceId,
    name=st.none() | names,
    type=st.sampled_from(["AWS::Lambda::Function", "remote"]),
    account_id=st.none() | st.just("123456789012"),
) | st.builds(ServiceId, name=names)
root_cause_documents = st.fixed_dictionaries(
    {},
    optional={
        "ClientImpacting": st.booleans(),
        "Services": st.lists(
            st.fixed_dictionaries({}, optional={"Name": texts, "Inferred": st.booleans()}), max_size=2
        ),
    },
).map(json.dumps)
blocks: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Service, service=st.none() | service_ids, filter=st.none() | within(Scope.SERVICE), wanted=st.booleans()),
    st.builds(
        Edge, ends=st.none() | st.tuples(service_ids, service_ids), filter=within(Scope.EDGE), wanted=st.booleans()
    ),
    st.builds(
        Edge, ends=st.tuples(service_ids, service_ids), filter=st.none() | within(Scope.EDGE), wanted=st.booleans()
    ),
    st.sampled_from(sorted(ROOT_CAUSES)).flatmap(
        lambda keyword: within(ROOT_CAUSES[keyword]).map(lambda filter: RootCause(keyword, filter))
    ),
    st.builds(RootCauseJson, root_cause_documents, st.booleans()),
)
groups = st.builds(
    InGroup, st.sampled_from(["group.name", "group.arn"]), st.sampled_from(["slow", "vip"]), st.booleans()
)
filters: st.SearchStrategy[Filter] = st.recursive(conditions(Scope.TRACE) | blocks | groups, _joined, max_leaves=6)
"""Filters that may stand alone."""

annotations = st.dictionaries(keys, st.booleans() | st.integers(0, 40) | names, max_size=3)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Finished traces of up to six services, each called by one before it, with all that a filter may ask."""
    documents: list[dict[str, Any]] = []
    for place in range(draw(st.integers(1, 6))):
        start = draw(st.floats(0, 10))
        took = draw(st.floats(0, 10))
        status = draw(st.sampled_from([None, 200, 302, 404, 429, 500]))
        document: dict[str, Any] = {
            "id": f"{place:016x}",
            "name": draw(st.sampled_from(["orders", "payments", "a b"])),
            "trace_id": TRACE_ID,
            "start_time": start,
            "end_time": start + took,
            "annotations": draw(annotations),
            "fault": status == 500,
            "error": status in (404, 429),
            "throttle": status == 429,
        }
        if status:
            request = {"url": f"https://api/{draw(names)}", "method": "GET"}
            document["http"] = {"request": request, "response": {"status": status}}
        if draw(st.booleans()):
            document |= {"user": "alice", "origin": "AWS::Lambda::Function"}
        if draw(st.booleans()):
            document["subsegments"] = [
                {"id": f"{place + 256:016x}", "name": "dynamodb", "start_time": start, "end_time": start + took}
                | {"namespace": "aws", "fault": draw(st.booleans()), "aws": {"table_name": "orders"}}
            ]
        if place:
            document["parent_id"] = f"{draw(st.integers(0, place - 1)):016x}"
        documents.append(document)
    return Trace.from_documents(documents)
