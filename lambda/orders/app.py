"""A small orders service behind an API Gateway REST API (Lambda proxy integration).

    POST /orders        makes an order of what the catalogue has, at its prices
    GET  /orders        lists orders: ?limit=1..100, ?next=TOKEN of the page before
    GET  /orders/{id}   gives one

For demonstrations, `?fault=error` raises, once the work is done, an error that nobody handles, and `?fault=slow`
waits, by default 1.5 seconds or `&delay_ms=0..3000`. The table's name is in `TABLE_NAME`; its partition key is
`id`, a string. Powertools takes the service's name from `POWERTOOLS_SERVICE_NAME`, and the namespace of the metrics
from `POWERTOOLS_METRICS_NAMESPACE`.
"""

import base64
import json
import os
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from catalog import prices

logger = Logger()
metrics = Metrics()
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])

MAX_DELAY_MS = 3000
MAX_ID = 64
MAX_ITEMS = 50
MAX_PAGE = 100


class BadRequest(Exception):
    """The client's mistake, in words for the client."""


class NotFound(Exception):
    """Nothing is where the client looked."""


class PaymentProviderDown(Exception):
    """What `?fault=error` raises, for want of a real reason to fail."""


@logger.inject_lambda_context(clear_state=True)
def handler(event, context):
    logger.append_keys(api_request_id=event.get("requestContext", {}).get("requestId"))
    logger.info("request received", extra={"method": event["httpMethod"], "path": event["path"]})
    try:
        status, body = route(event)
    except BadRequest as error:
        logger.warning("request refused", extra={"reason": str(error)})
        status, body = 400, {"error": str(error)}
    except NotFound as error:
        logger.warning("nothing found", extra={"reason": str(error)})
        status, body = 404, {"error": str(error)}
    except Exception as error:
        # Lambda must see the error too: it is what its Errors metric and the trace's fault are made of.
        logger.exception("request failed", extra={"error_type": type(error).__name__, "error": str(error)})
        raise
    logger.info("request answered", extra={"status": status})
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body, default=plain_number),
    }


def route(event):
    query = event.get("queryStringParameters") or {}
    fault = read_fault(query)
    answer = work(event, query)
    if fault == "error":
        raise PaymentProviderDown("the payment provider did not answer")
    return answer


def work(event, query):
    method = event["httpMethod"]
    # From the end, because a custom domain may put something in front.
    *_, collection, last = ["", *event["path"].strip("/").split("/")]
    if last == "orders" and method == "POST":
        return 201, create_order(event)
    if last == "orders" and method == "GET":
        return 200, list_orders(query)
    if collection == "orders" and method == "GET":
        return 200, get_order(last)
    raise NotFound(f"there is no {method} {event['path']}")


def create_order(event):
    customer, items = read_order(event)
    total = sum(item["quantity"] * item["price"] for item in items)
    order = {
        "id": str(uuid.uuid4()),
        "status": "received",
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "customer": customer,
        "items": items,
        "total": total,
    }
    logger.append_keys(order_id=order["id"])
    table.put_item(Item=order, ConditionExpression="attribute_not_exists(id)")
    logger.info("order created", extra={"total": plain_number(total), "items": len(items)})
    metrics.add_metric(name="OrdersCreated", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="OrderValue", unit=MetricUnit.NoUnit, value=float(total))
    metrics.flush_metrics()
    return order


def get_order(order_id):
    logger.append_keys(order_id=order_id)
    order = table.get_item(Key={"id": order_id}).get("Item") if is_text(order_id, MAX_ID) else None
    if order is None:
        raise NotFound(f"there is no order {order_id}")
    return order


def list_orders(query):
    limit = whole_number(query.get("limit", "20"), "limit", 1, MAX_PAGE)
    page = {"Limit": limit}
    if "next" in query:
        page["ExclusiveStartKey"] = {"id": read_token(query["next"])}
    found = table.scan(**page)
    answer = {"orders": found["Items"]}
    if "LastEvaluatedKey" in found:
        answer["next"] = base64.urlsafe_b64encode(found["LastEvaluatedKey"]["id"].encode()).decode()
    return answer


def read_order(event):
    """The customer and the items of a request's body, each item with its sku, quantity and the catalogue's price."""
    body = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            body = base64.b64decode(body, validate=True)
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body must be JSON") from error
    if not isinstance(asked, dict):
        raise BadRequest("the body must be a JSON object")
    customer, items = asked.get("customer"), asked.get("items")
    if not is_text(customer, 200):
        raise BadRequest("customer must be a text of 1 to 200 characters")
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_ITEMS:
        raise BadRequest(f"items must be a list of 1 to {MAX_ITEMS} items")
    items = [read_item(item, f"items[{place}]") for place, item in enumerate(items)]
    price = prices([item["sku"] for item in items])
    for place, item in enumerate(items):
        if item["sku"] not in price:
            raise BadRequest(f"items[{place}].sku must be in the catalogue, got {item['sku']!r}")
    return customer, [item | {"price": price[item["sku"]]} for item in items]


def read_item(item, where):
    if not isinstance(item, dict):
        raise BadRequest(f"{where} must be an object with sku and quantity")
    sku, quantity = item.get("sku"), item.get("quantity")
    if not is_text(sku, 64):
        raise BadRequest(f"{where}.sku must be a text of 1 to 64 characters")
    if type(quantity) is not int or not 1 <= quantity <= 1000:
        raise BadRequest(f"{where}.quantity must be a whole number from 1 to 1000")
    return {"sku": sku, "quantity": quantity}


def read_fault(query):
    """What a demonstration asks for; slowness is given at once, an error when the work is done."""
    fault = query.get("fault")
    if fault not in (None, "error", "slow"):
        raise BadRequest(f"fault must be error or slow, got {fault!r}")
    if fault == "slow":
        delay_ms = whole_number(query.get("delay_ms", "1500"), "delay_ms", 0, MAX_DELAY_MS)
        logger.warning("answering slowly", extra={"delay_ms": delay_ms})
        time.sleep(delay_ms / 1000)
    return fault


def whole_number(text, name, least, most):
    if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
        raise BadRequest(f"{name} must be a whole number from {least} to {most}, got {text!r}")
    return int(text)


def is_text(value, most):
    """Whether a value is a text of 1 to `most` characters; half a surrogate pair, which JSON allows, is none."""
    return isinstance(value, str) and 1 <= len(value) <= most and value == value.encode(errors="ignore").decode()


def read_token(text):
    try:
        order_id = base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except ValueError:
        order_id = ""
    if not is_text(order_id, MAX_ID):
        raise BadRequest("next must be the token of an earlier page")
    return order_id


def plain_number(value):
    """DynamoDB's decimals as JSON numbers."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"cannot write {type(value).__name__} as JSON")
