"""The least handler that reads an order: one GetItem, and nothing else that a tracer could hide behind."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def handler(event, context):  # type: ignore[no-untyped-def]  # written as in a function, where nobody types these
    """Answer ``GET /orders/{id}``."""
    order = table.get_item(Key={"id": event["pathParameters"]["id"]})["Item"]
    return {"statusCode": 200, "body": json.dumps(order, default=str)}
