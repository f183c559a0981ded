"""A function to instrument."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3


def a_function(stack: Stack, id: str = "Function", **changes: Any) -> lambda_.Function:
    """A function of Python 3.13 in a stack, or of another kind."""
    bucket = stack.node.try_find_child("Code") or s3.Bucket.from_bucket_name(stack, "Code", "code")
    asked = {
        "code": lambda_.Code.from_bucket_v2(bucket, "code.zip", object_version="1"),
        "handler": "index.handler",
        "runtime": lambda_.Runtime.PYTHON_3_13,
        **changes,
    }
    return lambda_.Function(stack, id, **asked)
