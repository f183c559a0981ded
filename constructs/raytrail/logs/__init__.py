"""What to ask of logs."""

from raytrail.logs._queries import (
    ERRORS_BY_MESSAGE,
    FUNCTION_QUERIES,
    LINES_BY_TRACE,
    SLOWEST_INVOCATIONS,
    LogQuery,
    SavedLogQueries,
)

__all__ = [
    "ERRORS_BY_MESSAGE",
    "FUNCTION_QUERIES",
    "LINES_BY_TRACE",
    "SLOWEST_INVOCATIONS",
    "LogQuery",
    "SavedLogQueries",
]
