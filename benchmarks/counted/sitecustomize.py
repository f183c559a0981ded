"""A counter at the embedded AWS's object store. Python imports this by itself where the folder is on its path.

Each body that S3 hands out, to whomever, is a line of bucket, key and bytes in the file that RAYTRAIL_READS names.
"""

import os
from pathlib import Path
from typing import Any

from raytrail.localaws._hooks import wrap


def _counted(read: Any) -> Any:
    out = Path(os.environ["RAYTRAIL_READS"]).open("a", encoding="utf-8")  # noqa: SIM115 - open as long as the process

    def read_body(bucket: str, key: str, record: dict[str, Any]) -> bytes:
        body: bytes = read(bucket, key, record)
        out.write(f"{bucket}\t{key}\t{len(body)}\n")
        out.flush()
        return body

    return read_body


if "RAYTRAIL_READS" in os.environ:
    wrap("ministack.services.s3:_read_body", _counted)
