"""Saved CloudWatch Logs Insights queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.errors import InvalidProps

MAX_QUERY_CHARACTERS = 10_000
"""Longest text of a saved query (AWS::Logs::QueryDefinition, QueryString)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogQuery:
    """One saved query over structured logs.

    Args:
        name: What the console lists it under; a slash makes a folder. At most 255 characters.
        text: The query, in the language of Logs Insights, at most 10,000 characters
            (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html).

    Raises:
        InvalidProps: The name or the text is empty or too long.
    """

    name: str
    text: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= 255:
            raise InvalidProps(f"name of a log query has 1 to 255 characters, got {len(self.name)}")
        if not 1 <= len(self.text) <= MAX_QUERY_CHARACTERS:
            raise InvalidProps(
                f"text of log query {self.name!r} has 1 to {MAX_QUERY_CHARACTERS} characters, got {len(self.text)}"
            )


LINES_BY_TRACE = LogQuery(
    name="Lines by trace",
    text=(
        "fields @timestamp, level, message, xray_trace_id\n"
        "| filter ispresent(xray_trace_id)\n"
        "| sort xray_trace_id asc, @timestamp asc\n"
        "| limit 200"
    ),
)
"""The lines that carry a trace id, those of one trace together."""
ERRORS_BY_MESSAGE = LogQuery(
    name="Errors by message",
    text=(
        'filter level = "ERROR"\n'
        "| stats count(*) as errors, max(@timestamp) as last by message\n"
        "| sort errors desc\n"
        "| limit 50"
    ),
)
"""How often each message was logged as an error, and when last."""
SLOWEST_INVOCATIONS = LogQuery(
    name="Slowest invocations",
    # Parsed, not taken from @duration: that Logs Insights finds Lambda's fields is certain under /aws/lambda/ alone.
    text=(
        "filter @message like /^REPORT /\n"
        r"| parse @message /RequestId: (?<request_id>\S+)\s+Duration: (?<duration_ms>[\d.]+) ms/"
        "\n"
        "| fields @timestamp, request_id, duration_ms\n"
        "| sort duration_ms desc\n"
        "| limit 20"
    ),
)
"""The invocations that took longest, by the lines that Lambda writes at the end of each."""
FUNCTION_QUERIES = (LINES_BY_TRACE, ERRORS_BY_MESSAGE, SLOWEST_INVOCATIONS)
"""What one wants to ask the log group of a function that logs JSON with its trace id."""


class SavedLogQueries(Construct):
    """Queries that the Logs Insights console offers for some log groups.

    Args:
        folder: The folder that the console lists them in.
        log_groups: The log groups that they read.
        queries: The queries. Default: what one wants to ask of a function that logs JSON with its trace id.

    Attributes:
        queries: Each query's L1 by its name.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        folder: str,
        log_groups: Sequence[logs.ILogGroup],
        queries: Sequence[LogQuery] = FUNCTION_QUERIES,
    ) -> None:
        super().__init__(scope, id)
        self.queries: dict[str, logs.CfnQueryDefinition] = {
            query.name: logs.CfnQueryDefinition(
                self,
                query.name.title().replace(" ", ""),
                name=f"{folder}/{query.name}",
                query_string=query.text,
                log_group_names=[group.log_group_name for group in log_groups],
            )
            for query in queries
        }
