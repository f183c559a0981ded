"""Log lines that a machine can read: one JSON object each, with what finds the request again elsewhere."""

import json
import os
import re

SERVICE = os.environ.get("OTEL_SERVICE_NAME") or os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "orders")


class Log:
    """The log of one request. What `keep` is told goes into every later line."""

    def __init__(self, context, event):
        self.kept = {
            "service": SERVICE,
            "xray_trace_id": trace_id(),
            "request_id": context.aws_request_id,
            "api_request_id": event.get("requestContext", {}).get("requestId"),
        }

    def keep(self, **fields):
        self.kept.update(fields)

    def info(self, message, **fields):
        self.write("INFO", message, fields)

    def warning(self, message, **fields):
        self.write("WARN", message, fields)

    def error(self, message, **fields):
        self.write("ERROR", message, fields)

    def write(self, level, message, fields):
        print(json.dumps({"level": level, "message": message, **self.kept, **fields}))


def trace_id():
    """The X-Ray trace ID (1-xxxxxxxx-yyyyyyyyyyyyyyyyyyyyyyyy) of this invocation, or None."""
    found = re.search(r"Root=([^;]+)", os.environ.get("_X_AMZN_TRACE_ID", ""))
    return found and found[1]
