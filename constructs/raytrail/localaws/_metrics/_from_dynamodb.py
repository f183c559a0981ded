"""AWS/DynamoDB: calls over HTTP, which a function's own calls are too, and the capacity that they consume."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._metrics._emitter import Emitter
from raytrail.localaws._world import Exchange

_MODULE = "ministack.services.dynamodb"
_DATA_OPERATIONS = (
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem"),
    *("TransactGetItems", "TransactWriteItems", "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"),
)
_THROTTLED = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")
_NOT_USER_ERRORS = (*_THROTTLED, "ConditionalCheckFailedException", "TransactionCanceledException")
_READ_UNIT_BYTES = 4096
_WRITE_UNIT_BYTES = 1024


class DynamoDbMetrics:
    """Observes each call, and wraps where ministack would report the capacity of one item."""

    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter
        self._size = hook(f"{_MODULE}:_item_size_bytes")
        wrap(f"{_MODULE}:_add_consumed_capacity", self._capacity)

    def observe(self, exchange: Exchange) -> None:
        """Send what one call gives. In the account and Region of its caller."""
        prefix, _, operation = exchange.headers.get("x-amz-target", "").partition(".")
        if not prefix.startswith("DynamoDB_") or operation not in _DATA_OPERATIONS:
            return
        request = _json(exchange.body)
        tables = list(_tables(request))
        if exchange.status < 400:
            answer = _json(exchange.response_body)
            for table in tables:
                latency = exchange.duration_seconds * 1000
                self._send("SuccessfulRequestLatency", latency, TableName=table, Operation=operation)
            if operation in ("Query", "Scan") and tables:
                count = float(answer.get("Count", 0))
                self._send("ReturnedItemCount", count, TableName=tables[0], Operation=operation)
            self._batch_capacity(operation, request, answer)
            return
        code = str(_json(exchange.response_body).get("__type", "")).rpartition("#")[2]
        if exchange.status >= 500:
            for table in tables:
                self._send("SystemErrors", 1, TableName=table, Operation=operation)
        elif code == "ConditionalCheckFailedException":
            for table in tables:
                self._send("ConditionalCheckFailedRequests", 1, TableName=table)
        elif code in _THROTTLED:
            for table in tables:
                self._send("ThrottledRequests", 1, TableName=table, Operation=operation)
        elif code not in _NOT_USER_ERRORS:
            self._send("UserErrors", 1)

    def _capacity(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def add(result: Any, data: Any, table_name: str, *rest: Any, **named: Any) -> None:
            original(result, data, table_name, *rest, **named)
            if named.get("write") or (rest and rest[0]):
                scratch: dict[str, Any] = {}
                original(scratch, {**data, "ReturnConsumedCapacity": "TOTAL"}, table_name, *rest, **named)
                units = scratch.get("ConsumedCapacity", {}).get("CapacityUnits", 0)
                self._send("ConsumedWriteCapacityUnits", units, TableName=table_name)
            else:
                items = result.get("Items") or ([result["Item"]] if result.get("Item") else [])
                units = self._read_units(items, bool(data.get("ConsistentRead")))
                self._send("ConsumedReadCapacityUnits", units, TableName=table_name)

        return add

    def _batch_capacity(self, operation: str, request: dict[str, Any], answer: dict[str, Any]) -> None:
        if operation == "BatchGetItem":
            for table, asked in (request.get("RequestItems") or {}).items():
                consistent = bool(asked.get("ConsistentRead"))
                found = (answer.get("Responses") or {}).get(table, [])
                units = sum(self._read_units([item], consistent) for item in found)
                self._send("ConsumedReadCapacityUnits", units, TableName=table)
        elif operation == "BatchWriteItem":
            for table, writes in (request.get("RequestItems") or {}).items():
                items = [(write.get("PutRequest") or {}).get("Item") or {} for write in writes]
                self._send("ConsumedWriteCapacityUnits", sum(map(self._write_units, items)), TableName=table)
        elif operation == "TransactWriteItems":
            for entry in request.get("TransactItems") or ():
                for kind, write in entry.items():
                    # "Two writes: one to prepare the item for the transaction, and one to commit it."
                    units = 2 * self._write_units(write.get("Item") or {})
                    if kind != "ConditionCheck":
                        self._send("ConsumedWriteCapacityUnits", units, TableName=write["TableName"])

    def _read_units(self, items: list[Any], consistent: bool) -> float:
        size: int = sum(self._size(item) for item in items)
        return max(1, math.ceil(size / _READ_UNIT_BYTES)) * (1.0 if consistent else 0.5)

    def _write_units(self, item: dict[str, Any]) -> float:
        return float(max(1, math.ceil(self._size(item) / _WRITE_UNIT_BYTES))) if item else 1.0

    def _send(self, metric: str, value: float, **dimensions: str) -> None:
        self._emitter.send("AWS/DynamoDB", metric, value, **dimensions)


def _tables(request: dict[str, Any]) -> Iterable[str]:
    names = [request.get("TableName")]
    names += list(request.get("RequestItems") or ())
    names += [each.get("TableName") for entry in request.get("TransactItems") or () for each in entry.values()]
    # A table may be given by its ARN; the dimension is its name.
    return dict.fromkeys(str(name).rpartition("/")[2] for name in names if name)


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
