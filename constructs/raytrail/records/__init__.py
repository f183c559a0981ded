"""CloudTrail files as people have them: the one place that reads them, and the one that names them.

People hold CloudTrail records as the files of a trail, as one JSON object a line, as what ``aws cloudtrail
lookup-events`` or ``aws logs filter-log-events`` printed, as EventBridge events, or as rows that wrap a record in
labels of their own; gzipped or not. `read_records` tells these apart by content, so nobody has to say which it is:

    for outcome in read_records("logs/"):
        match outcome:
            case RecordLine(record=record):
                ...
            case Refusal():
                print(outcome)  # logs/2026.ndjson:17: not JSON: ...

Every record comes out as a `RecordLine`, what CloudTrail writes beside records (digests, Insights) as an `Aside`,
and what cannot be read as a `Refusal` that names file, line and reason: nothing is dropped in silence, and one bad
line never loses the rest.

`object_key` and `group_into_files` are the way back: records to the files and keys that a trail writes.

Plain Python and its standard library only.
"""

from raytrail.records._keys import LogFile, group_into_files, object_key, place_of
from raytrail.records._model import Aside, Outcome, RecordLine, Refusal, missing_field
from raytrail.records._read import read_bytes, read_line, read_records

__all__ = [
    "Aside",
    "LogFile",
    "Outcome",
    "RecordLine",
    "Refusal",
    "group_into_files",
    "missing_field",
    "object_key",
    "place_of",
    "read_bytes",
    "read_line",
    "read_records",
]
