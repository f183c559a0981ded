"""Rows of partners outside AWS, for whom the embedded AWS stands in."""

from __future__ import annotations

from typing import Any

from raytrail.demo._evidence import Evidence, wait_for
from raytrail.demo._partners import HONEYCOMB, ROLLBAR, received
from raytrail.demo._scene import Scene

STAND_IN = "a stand-in of raytrail's on 127.0.0.1; {} made what it received"


def honeycomb(scene: Scene) -> Evidence:
    """The spans of the failed order, as Honeycomb gets them."""
    target, trace_id = scene.target, scene.traffic.faulty[-1].trace_id

    def look() -> list[dict[str, Any]] | None:
        spans = [
            span
            for request in received(target, HONEYCOMB)
            for span in request.get("spans") or []
            if span["xray_trace_id"] == trace_id
        ]
        return spans if {"DynamoDB.PutItem", "SELECT"} <= {span["name"] for span in spans} else None

    spans = wait_for(look, seconds=target.patience_seconds, what=f"spans of trace {trace_id} at {HONEYCOMB}")
    return Evidence(
        row="honeycomb",
        seen=f"{len(spans)} spans of the failed order, by OTLP with the key out of Secrets Manager",
        proof=str(trace_id),
        read_with="the stand-in's own list: no API of AWS",
        made_by=STAND_IN.format("AWS's OpenTelemetry distribution"),
        lines=tuple(f"{span['service']}: {span['name']}" for span in spans),
    )


def rollbar(scene: Scene) -> Evidence:
    """The error of the failed order, as Rollbar gets it."""
    target, trace_id = scene.target, scene.traffic.faulty[-1].trace_id

    def look() -> dict[str, Any] | None:
        items = [request["item"] for request in received(target, ROLLBAR) if request.get("item")]
        return next((item for item in items if trace_id and trace_id in str(item.get("custom"))), None)

    item = wait_for(look, seconds=target.patience_seconds, what=f"the error of trace {trace_id} at {ROLLBAR}")
    exception = item["body"].get("trace", item["body"].get("trace_chain", [{}])[0])["exception"]
    return Evidence(
        row="rollbar",
        seen=f"{exception['class']}: {exception['message']}, with the trace's id",
        proof=str(item["uuid"]),
        read_with="the stand-in's own list: no API of AWS",
        made_by=STAND_IN.format("Rollbar's package"),
        lines=tuple(f"{key}: {value}" for key, value in sorted((item.get("custom") or {}).items())),
    )
