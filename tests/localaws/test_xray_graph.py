"""The service graph, held against the one that AWS prints. No server is needed."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from raytrail.localaws._xray._graph import services
from raytrail.traces import Trace

Json = dict[str, Any]

SITE, TABLE = "xray-sample.elasticbeanstalk.com", "awseb-e-dixzws4s9p-stack-StartupSignupsTable-4IMSMHAYX2BA"
BEGAN = 1528317567.0
_numbers = itertools.count(1)


def piece(name: str, start: float, seconds: float, **fields: Any) -> Json:
    ended = {"start_time": start, "end_time": start + seconds}
    return {"id": f"{next(_numbers):016x}", "name": name, **ended, **fields}


def trace(*documents: Json, number: int) -> Trace:
    id = f"1-5b1840bf-{number:024x}"
    return Trace.from_documents({**document, "trace_id": id} for document in documents)


@pytest.fixture(scope="module")
def printed() -> dict[tuple[str, str], Json]:
    """The nodes of GetServiceGraph in the X-Ray developer guide, xray-api-gettingdata, by name and type."""
    text = (Path(__file__).parent / "printed" / "get_service_graph.json").read_text()
    return {(node["Name"], node["Type"]): node for node in json.loads(text)["GetServiceGraph"]["Services"]}


@pytest.fixture(scope="module")
def ours() -> dict[tuple[str, str], Json]:
    """The graph of the traffic that the printed one tells of: four requests, two of which wrote to both services."""
    traces = []
    # Seconds of the site, of the table and of the topic.
    requests = [(0.005, None, None), (0.015, None, None), (0.157, 0.076, 0.049), (0.096, 0.044, 0.076)]
    for number, (site, table, topic) in enumerate(requests):
        calls = []
        if table and topic:
            sns = {"operation": "Publish", "topic_arn": "arn:aws:sns:us-east-2:1:signups"}
            calls = [
                piece("DynamoDB", BEGAN + 16, table, namespace="aws", aws={"table_name": TABLE}),
                piece("SNS", BEGAN + 16, topic, namespace="aws", aws=sns),
            ]
        failed = {"error": True} if number == 1 else {}
        root = piece(SITE, BEGAN + number, site, origin="AWS::EC2::Instance", subsegments=calls, **failed)
        traces.append(trace(root, number=number))
    return {(node["Name"], node["Type"]): node for node in services(traces, "123456789012")}


def histogram(entries: list[Json]) -> list[tuple[float, int]]:
    return sorted((entry["Value"], entry["Count"]) for entry in entries)


def test_the_nodes_are_those_that_aws_prints(printed: dict[tuple[str, str], Json], ours: dict[Any, Json]) -> None:
    assert ours.keys() == printed.keys()
    for key, node in printed.items():
        for field in ("Name", "Names", "Root", "Type", "State"):
            assert ours[key].get(field) == node.get(field), (key, field)


def test_the_nodes_count_what_aws_counts(printed: dict[tuple[str, str], Json], ours: dict[Any, Json]) -> None:
    for key, node in printed.items():
        assert ours[key].get("SummaryStatistics") == node.get("SummaryStatistics")
        for field in ("DurationHistogram", "ResponseTimeHistogram"):
            assert histogram(ours[key].get(field, [])) == histogram(node.get(field, []))


def test_the_edges_lead_where_those_that_aws_prints_lead_and_count_the_same(
    printed: dict[tuple[str, str], Json], ours: dict[Any, Json]
) -> None:
    def edges(graph: dict[Any, Json]) -> dict[Any, Any]:
        by_reference = {node["ReferenceId"]: key for key, node in graph.items()}
        return {
            (key, by_reference[edge["ReferenceId"]]): (
                edge["SummaryStatistics"],
                histogram(edge["ResponseTimeHistogram"]),
                edge["Aliases"],
            )
            for key, node in graph.items()
            for edge in node["Edges"]
        }

    assert edges(ours) == edges(printed)


def test_an_edge_counts_what_the_caller_saw_and_a_node_what_it_did_itself() -> None:
    call = piece("pay", 10.0, 3.0, namespace="remote", fault=True)
    shop = piece("shop", 10.0, 4.0, subsegments=[call])
    pay = piece("pay", 11.0, 1.0, origin="AWS::EC2::Instance", parent_id=call["id"])
    by_name = {(node["Name"], node.get("Type")): node for node in services([trace(shop, pay, number=1)], "1")}
    (edge,) = by_name["shop", None]["Edges"]
    assert (edge["SummaryStatistics"]["FaultStatistics"]["TotalCount"], histogram(edge["ResponseTimeHistogram"])) == (
        1,
        [(3.0, 1)],
    )
    node = by_name["pay", "AWS::EC2::Instance"]
    assert (node["SummaryStatistics"]["OkCount"], histogram(node["DurationHistogram"])) == (1, [(1.0, 1)])


def test_work_in_progress_is_on_the_map_and_not_in_the_counts() -> None:
    begun = {"id": "a" * 16, "name": "shop", "start_time": 5.0, "in_progress": True}
    client, shop = sorted(services([trace(begun, number=1)], "1"), key=lambda node: "AccountId" in node)
    assert (shop["SummaryStatistics"]["TotalCount"], shop["StartTime"], shop["EndTime"]) == (0, 5.0, 5.0)
    assert client["Edges"][0]["SummaryStatistics"]["TotalCount"] == 0


def test_a_span_link_is_an_edge_that_nobody_waits_on() -> None:
    sent = piece("SQS", 10.0, 0.5, namespace="aws")
    producer = trace(piece("shop", 10.0, 1.0, subsegments=[sent]), number=1)
    link = {"trace_id": producer.id, "id": sent["id"]}
    consumer = trace(piece("packer", 12.5, 1.0, links=[link]), number=2)
    nodes = services([producer, consumer], "1")
    packer = next(node["ReferenceId"] for node in nodes if node["Name"] == "packer")
    shop = next(node for node in nodes if node["Name"] == "shop" and "AccountId" in node)
    (edge,) = [edge for edge in shop["Edges"] if edge["ReferenceId"] == packer]
    assert (edge["EdgeType"], edge["ReceivedEventAgeHistogram"]) == ("link", [{"Value": 2.0, "Count": 1}])
    assert "ResponseTimeHistogram" not in edge
    assert [node["Name"] for node in nodes if node.get("Type") == "client"] == ["shop"]
    alone = services([consumer], "1")
    assert {node["Name"] for node in alone} == {"packer"}
