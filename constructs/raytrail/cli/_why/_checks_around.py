"""Checks of what is around the function: role, secrets, sampling, invocations, its log, the Region's settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from raytrail._lambda_layers import WRAPPERS, otel_layers
from raytrail.cli._terminal import listed
from raytrail.cli._why._finding import Finding
from raytrail.cli._why._patterns import fits
from raytrail.cli._why._seen import FunctionSeen, RuleSeen, StageSeen

STAGE_TYPE = "AWS::ApiGateway::Stage"


def role_lacks_permission(seen: FunctionSeen) -> Finding | None:
    """The function may not send what it recorded. Traces of an earlier time do not excuse it."""
    role = seen.role
    if role is None or (role.exists and role.may_put_segments is not False):
        return None
    allow = "allow xray:PutTraceSegments and xray:PutTelemetryRecords on * (instrument_lambda and grant_write do)"
    if not role.exists:
        return Finding(
            name="role-missing",
            title="the function's role does not exist",
            seen=f"IAM knows no role {role.arn}",
            means="Lambda cannot start the function, or send anything for it",
            todo=f"give the function a role, and {allow}",
        )
    return Finding(
        name="role-lacks-permission",
        title="the role may not send traces",
        seen=f"xray:PutTraceSegments is not allowed to {role.arn} ({role.how})",
        means="what the function records is refused when it is sent, and nobody is told",
        todo=allow,
    )


def secret_unreadable(seen: FunctionSeen) -> Iterator[Finding]:
    """An exporter's key cannot be read."""
    for secret in seen.secrets:
        where = f"{secret.id}, for {secret.used_by}"
        means = f"the exporter has no key, so that nothing arrives at {secret.used_by}; X-Ray is not affected"
        if secret.state != "found":
            state = "does not exist" if secret.state == "missing" else "is scheduled for deletion"
            yield Finding(
                name="secret-missing",
                title=f"a secret {state}",
                seen=f"Secrets Manager: {where}, {state} in {seen.region}",
                means=means,
                todo="make or restore the secret, in the function's Region, or name another",
            )
        elif secret.may_read is False:
            yield Finding(
                name="secret-not-readable",
                title="the role may not read a secret",
                seen=f"secretsmanager:GetSecretValue is not allowed to the role: {where}",
                means=means,
                todo="allow it on this secret (instrument_lambda does), and kms:Decrypt if it has a key of its own",
            )


def sampled_away(seen: FunctionSeen) -> Finding | None:
    """A sampling rule with nothing to give takes every request of an API in front of the function."""
    for stage, rule in _silent_rules(seen):
        if not _kept(rule):
            return Finding(
                name="sampled-away",
                title="a sampling rule takes the requests and samples none",
                seen=f"{_in_words(rule)} is the first that takes every request of the stage {stage.name}",
                means="API Gateway decides by the rules and tells Lambda, which follows: no request that reaches "
                "the rule is traced",
                todo=f"raise the rule's rate, or give a rule before it (a priority below {rule.priority}) for the "
                "requests that you want to see",
            )
    return None


def sampled_away_in_part(seen: FunctionSeen) -> Finding | None:
    """A sampling rule with nothing to give takes some requests of an API in front, health checks say."""
    for stage, rule in _silent_rules(seen):
        if kept := _kept(rule):
            return Finding(
                name="sampled-away-in-part",
                title="a sampling rule takes some requests and samples none of them",
                seen=f"{_in_words(rule)} fits the stage {stage.name} for {listed(kept)}",
                means="API Gateway decides by the rules and tells Lambda, which follows: such a request has no trace, "
                "and any other may have one",
                todo="ask again after a request that the rule does not take",
                cause=False,
            )
    return None


def not_invoked(seen: FunctionSeen) -> Finding | None:
    """Nothing happened that could be traced."""
    if seen.invocations != 0 or seen.anything_arrives or seen.log_lines:
        return None
    since = "since its last change" if seen.changed else "in this time"
    return Finding(
        name="not-invoked",
        title=f"the function was not invoked {since}",
        seen=f"CloudWatch counts 0 invocations since {seen.since.astimezone().isoformat(' ', 'seconds')}",
        means="there is nothing to trace (CloudWatch may be two minutes late)",
        todo="invoke it and ask again, or look further back with --since; is it this function, Region and account that "
        "gets the requests?",
    )


_START = re.compile(
    r"/opt/\S+: does not exist|auto initialize|(?:Configuration|Distribution) \S+ (?:configuration )?failed|"
    r"Propagator .*(?:not found|unavailable)|otel_wrapper|Runtime\.ExitError|exited with error",
    re.IGNORECASE,
)
_EXPORT = re.compile(
    r"fail\w* to export|while exporting|export\w*\b.*(?:fail|time\w* ?out|refused|error)|"
    r"\braytrail\b.*(?:were not taken|were not sent|was not sent|nothing is sent)",
    re.IGNORECASE,
)
_SDK = re.compile(r"cannot find the current (?:sub)?segment", re.IGNORECASE)


def start_failed(seen: FunctionSeen) -> Finding | None:
    """The log says that the function, or OpenTelemetry, did not start."""
    line = _newest(seen, _START)
    if line is None or seen.spans_arrive:
        return None
    return Finding(
        name="start-failed",
        title="the function's log tells of a failed start",
        seen=f'its log says "{line}"',
        means="OpenTelemetry, or the whole function, did not start, so no span of its code was made",
        todo="mend what the line names; an environment that failed is started anew with the next request",
    )


def export_failed(seen: FunctionSeen) -> Finding | None:
    """The log says that something was made and not taken; where X-Ray has the spans, by somebody else."""
    line = _newest(seen, _EXPORT)
    if line is None:
        return None
    return Finding(
        name="export-failed",
        title="the function's log tells of a failed export",
        seen=f'its log says "{line}"',
        means="spans, metrics or errors were made, and whoever they were sent to did not take them",
        todo="see that the endpoint runs, can be reached"
        + (" from the function's VPC" if seen.in_vpc else "")
        + ", and takes the key",
        cause=not seen.spans_arrive,
    )


def caller_decides(seen: FunctionSeen) -> Finding | None:
    """Invoked, able to trace, and nothing: Lambda follows what its caller decided."""
    if not seen.active or not seen.invocations or seen.traces is None or seen.anything_arrives:
        return None
    if seen.indexed_percent not in (None, -1):
        # What was not indexed is no proof of what was not sampled.
        return None
    report = ""
    if seen.unsampled is not None and seen.unsampled[1]:
        report = f"; {seen.unsampled[0]} of {seen.unsampled[1]} reports in its log say that the request was not sampled"
    return Finding(
        name="caller-decides",
        title="whoever calls it decided against a trace",
        seen=f"{seen.invocations} invocations, active tracing on, and not even a segment of Lambda's own{report}",
        means="Lambda traces the first request of each second and 5 % of the others, unless the caller's trace header "
        "says Sampled=0: then it follows; no sampling rule changes that",
        todo="see what the caller sends in X-Amzn-Trace-Id (a client, a traced API, an SDK with a sampler); try "
        f"`aws lambda invoke --function-name {seen.name} /dev/stdout`, and give the trace half a minute",
    )


def transaction_search(seen: FunctionSeen) -> Finding | None:
    """Spans go to a log group, and only a share of them becomes what this command lists."""
    if seen.indexed_percent in (None, -1) or seen.arrived.lambdas or seen.arrived.spans or seen.arrived.together:
        return None
    logged = seen.arrived.logged
    there = f"; the newest is {logged}, in the log group aws/spans" if logged else ""
    return Finding(
        name="transaction-search",
        title="Transaction Search is on, and most traces are not indexed",
        seen=f"spans go to CloudWatch Logs, and {seen.indexed_percent:g} % of them are indexed{there}",
        means="only indexed traces have summaries, which this command, groups and filter expressions see",
        todo="search in CloudWatch under Transaction Search, or index more: TransactionSearch(indexing_percentage=...)",
        cause=logged is None,
    )


def legacy_sdk(seen: FunctionSeen) -> Finding | None:
    """Signs of the X-Ray SDK, which OpenTelemetry replaces."""
    off = next(
        (
            f"{name} is {value}"
            for name, stop in (("AWS_XRAY_SDK_ENABLED", "false"), ("POWERTOOLS_TRACE_DISABLED", "true"))
            if (value := seen.variable(name)).lower() == stop
        ),
        None,
    )
    line = _newest(seen, _SDK)
    if off is None and line is None:
        return None
    return Finding(
        name="legacy-sdk",
        title="the X-Ray SDK is switched off" if off else "the X-Ray SDK works without a trace",
        seen=off or f'its log says "{line}"',
        means="the SDK (or Powertools' Tracer, which stands on it) records nothing; it has been in maintenance since "
        "February 2026",
        todo="move to OpenTelemetry with instrument_lambda; use one of the two, not both",
        cause=not seen.spans_arrive and not wants_spans(seen),
    )


def untraced_stage(seen: FunctionSeen) -> Finding | None:
    """An API in front that adds no node."""
    names = [stage.name for stage in seen.stages or () if not stage.traced]
    if not names:
        return None
    return Finding(
        name="untraced-stage",
        title="tracing is off at the API in front",
        seen=f"stage {listed(names)}: X-Ray tracing is not enabled",
        means="the API has no node on the map, and Lambda decides by itself which requests are traced",
        todo="enable tracing of the stage (tracing_enabled in its deploy options)",
        cause=False,
    )


def not_instrumented(seen: FunctionSeen) -> Finding | None:
    """Lambda's own segments are all that there can be."""
    if seen.variables is None or seen.image or wants_spans(seen) or seen.spans_arrive:
        return None
    return Finding(
        name="not-instrumented",
        title="the function is not instrumented",
        seen="no OpenTelemetry layer, no wrapper",
        means="a trace of it has Lambda's own segments, and no call that its code makes",
        todo="instrument_lambda(function, service_name=...) adds what is missing",
        cause=False,
    )


def wants_spans(seen: FunctionSeen) -> bool:
    """Whether somebody meant the function's code to be traced."""
    return seen.wrapper in WRAPPERS or any(layer.language for layer in otel_layers(seen.layers))


def _newest(seen: FunctionSeen, pattern: re.Pattern[str]) -> str | None:
    return next((line for line in reversed(seen.log_lines or ()) if pattern.search(line)), None)


def _silent_rules(seen: FunctionSeen) -> Iterator[tuple[StageSeen, RuleSeen]]:
    """The traced stages in front of a function without traces, with the rules that sample none of their requests."""
    for stage in seen.stages or ():
        if stage.traced and not seen.anything_arrives:
            for rule in _rules_of(stage, seen.rules or ()):
                if rule.rate == 0 and rule.reservoir == 0:
                    yield stage, rule


def _rules_of(stage: StageSeen, rules: tuple[RuleSeen, ...]) -> Iterator[RuleSeen]:
    """The rules that may take a request of a stage, in their order, to the first one that takes all."""
    for rule in sorted(rules, key=lambda each: (each.priority, each.name)):
        known = ((rule.service_name, stage.name), (rule.service_type, STAGE_TYPE), (rule.resource_arn, stage.arn))
        # AWS does not say what API Gateway does about case; its SDKs take no notice of it.
        if all(fits(pattern, text, ignore_case=True) for pattern, text in known):
            yield rule
            if not _kept(rule):
                return


def _kept(rule: RuleSeen) -> list[str]:
    """What narrows a rule to some requests of a service; nothing where it takes all of them."""
    kept = [("host", rule.host), ("method", rule.method), ("path", rule.path)]
    only = [f"{name} {value}" for name, value in kept if value != "*"]
    return only + [f"header {name}: {value}" for name, value in rule.attributes.items()]


def _in_words(rule: RuleSeen) -> str:
    return f"rule {rule.name!r} (priority {rule.priority}, rate 0, reservoir 0)"
