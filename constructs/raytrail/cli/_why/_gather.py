"""Facts about a function, gathered once by read-only calls of the public API.

What a caller may not look at is noted and left out: no permission but that for the function itself is needed.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from raytrail.cli._aws import Aws, asking
from raytrail.cli._refusals import CREDENTIAL_CODES, DENIED, code_of
from raytrail.cli._terminal import shortened
from raytrail.cli._traces._window import Window
from raytrail.cli._why._gather_role import role_of, secrets_of
from raytrail.cli._why._gather_traces import logged_trace, traces_of
from raytrail.cli._why._seen import FunctionSeen, NotLookedAt, RuleSeen, StageSeen
from raytrail.errors import RaytrailError

LOG_TERMS = (
    "does not exist",
    "exited with error",
    "export",
    "exporting",
    "Export",
    "OpenTelemetry",
    "opentelemetry",
    "Propagator",
    "otel",
    "current segment",
    "current subsegment",
    "raytrail",
)
"""What a line of the log may say that has to do with tracing."""
LOG_PAGES = 10
LONGEST_LINE = 400

Fact = TypeVar("Fact")


@dataclass
class Look:
    """Asks for one fact after the other, and notes those that could not be had."""

    missed: list[NotLookedAt] = field(default_factory=list)

    def at(self, what: str, needs: str, ask: Callable[[], Fact]) -> Fact | None:
        """What ``ask`` answers; None when it may not be asked, or does not work.

        Args:
            what: The fact, in words.
            needs: The permissions that it takes.
            ask: Asks for it.
        """
        try:
            return ask()
        except ClientError as error:
            if (code := code_of(error)) in CREDENTIAL_CODES:
                raise
            refused = code in DENIED
            reason = f"needs {needs}" if refused else f"{error.operation_name} failed: {code}"
        except (BotoCoreError, RaytrailError) as error:
            reason = shortened(error, LONGEST_LINE)
        self.missed.append(NotLookedAt(what=what, reason=reason))
        return None


def gather(aws: Aws, config: Mapping[str, Any], window: Window) -> FunctionSeen:
    """Look at all that decides whether a function is traced.

    Args:
        aws: Where it is.
        config: What GetFunctionConfiguration answers.
        window: The time to look at.

    Raises:
        Refused: AWS does not take the credentials any more.
    """
    with asking(aws):
        return _gather(aws, config, window)


def _gather(aws: Aws, config: Mapping[str, Any], window: Window) -> FunctionSeen:
    look = Look()
    name, arn = config["FunctionName"], config["FunctionArn"]
    changed = _changed(config)
    late = changed is not None and window.start < changed < window.end
    since = changed if late and changed is not None else window.start
    time = Window(start=since, end=window.end)
    variables = _variables(config, look)
    service = (variables or {}).get("OTEL_SERVICE_NAME", "").strip() or name

    role = look.at("the role's permissions", "iam:SimulatePrincipalPolicy", lambda: role_of(aws, config, look.missed))
    indexed = look.at(
        "Transaction Search",
        "xray:GetTraceSegmentDestination and xray:GetIndexingRules",
        lambda: _indexed_percent(aws),
    )
    traces = look.at(
        "the traces that arrived",
        "xray:GetTraceSummaries and xray:BatchGetTraces",
        lambda: traces_of(aws, time, name, arn, service),
    )
    if traces is not None and indexed not in (None, -1):
        traces = (
            look.at("the spans in aws/spans", "logs:FilterLogEvents", lambda: logged_trace(aws, time, arn, traces))
            or traces
        )
    logged = look.at("the function's log", "logs:FilterLogEvents", lambda: _log(aws, config, time))
    return FunctionSeen(
        name=name,
        arn=arn,
        region=aws.region,
        since=since,
        until=window.end,
        changed=late,
        runtime=config.get("Runtime", "") if config.get("PackageType") != "Image" else "",
        image=config.get("PackageType") == "Image",
        architecture=next(iter(config.get("Architectures") or ()), "x86_64"),
        active=(config.get("TracingConfig") or {}).get("Mode") == "Active",
        layers=tuple(layer["Arn"] for layer in config.get("Layers") or ()),
        variables=variables,
        in_vpc=bool((config.get("VpcConfig") or {}).get("VpcId")),
        invocations=look.at(
            "how often it was invoked", "cloudwatch:GetMetricStatistics", lambda: _invocations(aws, name, time)
        ),
        role=role,
        rules=look.at("the sampling rules", "xray:GetSamplingRules", lambda: _rules(aws)),
        stages=look.at("the APIs in front", "lambda:GetPolicy and apigateway:GET", lambda: _stages(aws, name)),
        indexed_percent=indexed,
        log_lines=logged[0] if logged else None,
        unsampled=logged[1] if logged else None,
        traces=traces,
        secrets=tuple(secrets_of(aws, config, variables or {}, look.at)),
        not_looked_at=tuple(look.missed),
    )


def _changed(config: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.strptime(config["LastModified"], "%Y-%m-%dT%H:%M:%S.%f%z")
    except (KeyError, ValueError):
        return None


def _variables(config: Mapping[str, Any], look: Look) -> Mapping[str, str] | None:
    environment = config.get("Environment") or {}
    if "Error" in environment:
        reason = f"{environment['Error'].get('ErrorCode', 'error')}: needs kms:Decrypt with the function's key"
        look.missed.append(NotLookedAt(what="the environment variables", reason=reason))
        return None
    variables: Mapping[str, str] = environment.get("Variables") or {}
    return variables


def _indexed_percent(aws: Aws) -> float:
    xray = aws.client("xray")
    if xray.get_trace_segment_destination().get("Destination") != "CloudWatchLogs":
        return -1
    rules = {rule.get("Name"): rule.get("Rule") or {} for rule in xray.get_indexing_rules().get("IndexingRules", ())}
    share = (rules.get("Default") or {}).get("Probabilistic") or {}
    return float(share.get("DesiredSamplingPercentage", 0))


def _invocations(aws: Aws, name: str, time: Window) -> int:
    length = time.end - time.start
    # CloudWatch answers at most 1,440 points, and keeps those of a minute for 15 days.
    period = 60 if length <= timedelta(hours=20) else 3600
    counted = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": name}],
        StartTime=time.start,
        EndTime=time.end + timedelta(seconds=60),
        Period=period,
        Statistics=["Sum"],
    )
    return int(sum(point["Sum"] for point in counted["Datapoints"]))


def _rules(aws: Aws) -> tuple[RuleSeen, ...]:
    pages = aws.client("xray").get_paginator("get_sampling_rules").paginate()
    rules = [record["SamplingRule"] for page in pages for record in page["SamplingRuleRecords"]]
    return tuple(
        RuleSeen(
            name=rule["RuleName"],
            priority=rule["Priority"],
            rate=rule["FixedRate"],
            reservoir=rule["ReservoirSize"],
            service_name=rule["ServiceName"],
            service_type=rule["ServiceType"],
            resource_arn=rule["ResourceARN"],
            host=rule["Host"],
            method=rule["HTTPMethod"],
            path=rule["URLPath"],
            attributes=rule.get("Attributes") or {},
        )
        for rule in sorted(rules, key=lambda rule: (rule["Priority"], rule["RuleName"]))
    )


def _stages(aws: Aws, name: str) -> tuple[StageSeen, ...]:
    """The stages of the REST APIs that the function's own policy lets in."""
    try:
        policy = aws.client("lambda").get_policy(FunctionName=name)["Policy"]
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return ()
        raise
    apis = sorted(set(re.findall(r"arn:[\w-]+:execute-api:[\w-]+:\d+:(\w+)", policy)))
    return tuple(stage for api in apis for stage in _stages_of(aws, api))


def _stages_of(aws: Aws, api: str) -> Iterator[StageSeen]:
    gateway = aws.client("apigateway")
    try:
        title = gateway.get_rest_api(restApiId=api)["name"]
        stages = gateway.get_stages(restApiId=api)["item"]
    except ClientError as error:
        if code_of(error) == "NotFoundException":
            # An HTTP API, which X-Ray does not trace, or one that is gone.
            return
        raise
    for stage in stages:
        yield StageSeen(
            name=f"{title}/{stage['stageName']}",
            arn=f"arn:aws:apigateway:{aws.region}::/restapis/{api}/stages/{stage['stageName']}",
            traced=bool(stage.get("tracingEnabled")),
        )


def _log(aws: Aws, config: Mapping[str, Any], time: Window) -> tuple[tuple[str, ...], tuple[int, int]]:
    """Lines of the log that speak of tracing, and how many reports of requests say that they were not sampled."""
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    pattern = " ".join(f'?"{term}"' for term in (*LOG_TERMS, "XRAY TraceId"))
    pages = (
        aws.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=group,
            startTime=int(time.start.timestamp() * 1000),
            endTime=int((time.end + timedelta(seconds=60)).timestamp() * 1000),
            filterPattern=pattern,
        )
    )
    try:
        found = [event["message"] for page in itertools.islice(pages, LOG_PAGES) for event in page.get("events", ())]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return (), (0, 0)
    reports = [line for line in found if "XRAY TraceId" in line]
    refused = sum("Sampled: false" in line for line in reports)
    lines = tuple(_message(line) for line in found if "XRAY TraceId" not in line)
    return lines, (refused, len(reports))


def _message(line: str) -> str:
    """The line in one row; of a line in JSON what it says."""
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if isinstance(said, dict) and "message" in said:
        line = " ".join(str(said[key]) for key in ("level", "logger", "message") if said.get(key))
    return shortened(line, LONGEST_LINE)
