"""A small orders service behind an API Gateway REST API (Lambda proxy integration).

    POST /orders        makes an order
    GET  /orders        lists orders: ?limit=1..100, ?next=TOKEN of the page before
    GET  /orders/{id}   gives one

For demonstrations, `?fault=error` raises an error that nobody handles and `?fault=slow` waits, by default 1.5
seconds or `&delay_ms=0..3000`. The table's name is in `TABLE_NAME`; its partition key is `id`, a string.
"""

import base64
import json
import os
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import boto3

from logs import Log

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])

MAX_DELAY_MS = 3000
MAX_ID = 64
MAX_ITEMS = 50
MAX_PAGE = 100
MAX_PRICE = Decimal("1e9")


class BadRequest(Exception):
    """The client's mistake, in words for the client."""


class NotFound(Exception):
    """Nothing is where the client looked."""


class PaymentProviderDown(Exception):
    """What `?fault=error` raises, for want of a real reason to fail."""


def handler(event, context):
    log = Log(context, event)
    log.info("request received", method=event["httpMethod"], path=event["path"])
    try:
        status, body = route(event, log)
    except BadRequest as error:
        log.warning("request refused", reason=str(error))
        status, body = 400, {"error": str(error)}
    except NotFound as error:
        log.warning("nothing found", reason=str(error))
        status, body = 404, {"error": str(error)}
    except Exception as error:
        # Lambda must see the error too: it is what its Errors metric and the trace's fault are made of.
        log.error("request failed", error_type=type(error).__name__, error=str(error))
        raise
    log.info("request answered", status=status)
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body, default=plain_number),
    }


def route(event, log):
    query = event.get("queryStringParameters") or {}
    misbehave(query, log)
    method = event["httpMethod"]
    # From the end, because a custom domain may put something in front.
    *_, collection, last = ["", *event["path"].strip("/").split("/")]
    if last == "orders" and method == "POST":
        return 201, create_order(event, log)
    if last == "orders" and method == "GET":
        return 200, list_orders(query)
    if collection == "orders" and method == "GET":
        return 200, get_order(last, log)
    raise NotFound(f"there is no {method} {event['path']}")


def create_order(event, log):
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
    log.keep(order_id=order["id"])
    table.put_item(Item=order, ConditionExpression="attribute_not_exists(id)")
    log.info("order created", total=plain_number(total), items=len(items))
    return order


def get_order(order_id, log):
    log.keep(order_id=order_id)
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
    """The customer and the items of a request's body, each item with its sku, quantity and price."""
    body = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            body = base64.b64decode(body, validate=True)
        asked = json.loads(body, parse_float=Decimal)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise BadRequest("the body must be JSON") from error
    if not isinstance(asked, dict):
        raise BadRequest("the body must be a JSON object")
    customer, items = asked.get("customer"), asked.get("items")
    if not is_text(customer, 200):
        raise BadRequest("customer must be a text of 1 to 200 characters")
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_ITEMS:
        raise BadRequest(f"items must be a list of 1 to {MAX_ITEMS} items")
    return customer, [read_item(item, f"items[{place}]") for place, item in enumerate(items)]


def read_item(item, where):
    if not isinstance(item, dict):
        raise BadRequest(f"{where} must be an object with sku, quantity and price")
    sku, quantity, price = item.get("sku"), item.get("quantity"), item.get("price")
    if not is_text(sku, 64):
        raise BadRequest(f"{where}.sku must be a text of 1 to 64 characters")
    if type(quantity) is not int or not 1 <= quantity <= 1000:
        raise BadRequest(f"{where}.quantity must be a whole number from 1 to 1000")
    if type(price) not in (int, Decimal) or not 0 <= price <= MAX_PRICE:
        raise BadRequest(f"{where}.price must be a number from 0 to {MAX_PRICE:.0f}")
    try:
        price = Decimal(price).quantize(Decimal("0.01"))
    except InvalidOperation as error:
        raise BadRequest(f"{where}.price must be a number from 0 to {MAX_PRICE:.0f}") from error
    return {"sku": sku, "quantity": quantity, "price": price}


def misbehave(query, log):
    fault = query.get("fault")
    if fault is None:
        return
    if fault == "error":
        raise PaymentProviderDown("the payment provider did not answer")
    if fault != "slow":
        raise BadRequest(f"fault must be error or slow, got {fault!r}")
    delay_ms = whole_number(query.get("delay_ms", "1500"), "delay_ms", 0, MAX_DELAY_MS)
    log.warning("answering slowly", delay_ms=delay_ms)
    time.sleep(delay_ms / 1000)


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
