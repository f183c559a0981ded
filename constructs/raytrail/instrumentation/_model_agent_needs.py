"""What a CloudWatch agent needs rights for, read in the whole of its configuration, whoever wrote which part of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_NAMESPACE = "CWAgent"
"""Where metrics go unless told otherwise:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html."""

APPLICATION_SIGNALS_LOG_GROUP = "/aws/application-signals/data"

_NO_RETENTION = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentNeeds:
    """What an agent does in an account.

    Attributes:
        traces: Whether it writes to X-Ray.
        namespace: The namespace into which it puts metrics. Default: none, it puts none.
        log_groups: The log groups that it writes to, with ``*`` for what only a machine knows.
        retention: Whether it sets how long a log group is kept.
        unknown: Sections that need rights which they do not tell, so that none are given for them.
    """

    traces: bool
    namespace: str | None
    log_groups: tuple[str, ...]
    retention: bool
    unknown: tuple[str, ...]


def needs_of(value: Mapping[str, Any]) -> AgentNeeds:
    """Return what an agent needs rights for.

    Args:
        value: The value of the agent's JSON.
    """
    metrics, logs = value.get("metrics", {}), value.get("logs", {})
    entries = [*_entries(logs)]
    named = {str(each["log_group_name"]) for _, each in entries if each.get("log_group_name")}
    signals = {"application_signals", "app_signals"} & {*logs.get("metrics_collected", {})}
    # The agent puts a machine's own id, name or address in the place of what stands in braces.
    groups = {re.sub(r"(?<!\$)\{[^}]*\}", "*", name) for name in named}
    if signals:
        groups.add(APPLICATION_SIGNALS_LOG_GROUP)
    return AgentNeeds(
        traces=bool(value.get("traces")),
        namespace=str(metrics.get("namespace", DEFAULT_NAMESPACE)) if metrics else None,
        log_groups=tuple(sorted(groups)),
        retention=any(each.get("retention_in_days", _NO_RETENTION) != _NO_RETENTION for _, each in entries),
        unknown=tuple(dict.fromkeys(_unknown(value, entries))),
    )


def _entries(logs: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind, held in logs.get("logs_collected", {}).items():
        for each in held.get("collect_list", ()):
            yield f"logs.logs_collected.{kind}", each


def _unknown(value: Mapping[str, Any], entries: list[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    # The log group of an entry without a name is the file's, which with a pattern only the machine knows.
    yield from (f"{path} without log_group_name" for path, each in entries if not each.get("log_group_name"))
    logs = value.get("logs", {})
    for kind, held in logs.get("logs_collected", {}).items():
        if "collect_list" not in held:
            yield f"logs.logs_collected.{kind}"
    for kind in logs.get("metrics_collected", {}):
        if kind not in ("application_signals", "app_signals"):
            yield f"logs.metrics_collected.{kind}"
    for kind in value.get("metrics", {}).get("metrics_destinations", {}):
        if kind != "cloudwatch":
            yield f"metrics.metrics_destinations.{kind}"
    # Another role, which the agent assumes.
    yield from (f"{name}.credentials" for name in ("traces", "metrics", "logs") if "credentials" in value.get(name, {}))
    if value.get("opentelemetry"):
        yield "opentelemetry"
