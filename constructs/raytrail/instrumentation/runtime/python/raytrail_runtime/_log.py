"""One line of JSON in the function's log for each thing that went wrong beside the request."""

from __future__ import annotations

import json
import time
from typing import Any


def warn(message: str, **fields: Any) -> None:
    """Write a warning. Lambda keeps a line of JSON as it is, in either of its log formats."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    line = {"timestamp": stamp, "level": "WARN", "logger": "raytrail", "message": message, **fields}
    print(json.dumps(line, default=str), flush=True)
