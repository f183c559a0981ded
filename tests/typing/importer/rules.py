"""Uses every public name of the rooms of rules: Sigma's, their replay and the checks of templates; it is never run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_type

from raytrail.checks import (
    ACKNOWLEDGMENT_INVALID,
    CHECKS,
    Check,
    Finding,
    Floors,
    InvalidAssembly,
    check_assembly,
    check_template,
)
from raytrail.checks import Level as Severity
from raytrail.replay import (
    ALL_MANAGEMENT,
    DETAIL_TYPES,
    DISABLED,
    ENABLED,
    LAYER_VERSION,
    VIA_CLOUDTRAIL,
    Cell,
    Detection,
    EventBus,
    EventRule,
    InvalidPattern,
    InvalidTemplates,
    Match,
    Page,
    Pattern,
    PatternIndex,
    Report,
    State,
    Synthesised,
    account_of,
    actor_of,
    compile_pattern,
    detail_type_of,
    event_of,
    is_quiet,
    match_of,
    navigator_layer,
    read_templates,
    rules_of_catalogue,
    source_of,
    time_of,
)
from raytrail.sigma import (
    ACTOR,
    ALERTING,
    GLOBAL_REGION,
    GLOBAL_SOURCES,
    LEVELS,
    SIGN_IN_REGIONS,
    SIGN_IN_SOURCE,
    TACTICS,
    Attack,
    Availability,
    Call,
    CompiledRule,
    Correlation,
    Engine,
    Level,
    Obstacle,
    Statement,
    Technique,
    Vantage,
    attack,
    availability,
    catalog,
    catalog_rule,
    partly,
    reads,
    statements,
    unreachable,
)
from raytrail.sigma.compiler import (
    EventBridgeBackend,
    InvalidRule,
    NotExpressible,
    ReadRule,
    RuleWarning,
    compile_rules,
    read_rules,
)

record: Mapping[str, Any] = {"eventSource": "iam.amazonaws.com"}

# The catalogue
rule = catalog_rule("trail_tampering")
assert_type(rule, CompiledRule)
assert_type(rule.calls, tuple[Call, ...])
assert_type(rule.correlation, Correlation | None)
assert_type(catalog(), tuple[CompiledRule, ...])
levels: list[Level] = [*LEVELS, *ALERTING, rule.level]
where = Vantage(region="eu-west-1", management="write")
assert_type(unreachable(rule, where), tuple[Obstacle, ...])
assert_type([each.missing for each in partly(rule, where)], list[str])
assert_type(availability(rule), Availability)
assert_type(reads(rule), bool)
assert_type(attack(), Attack)
assert_type(attack().techniques["T1562.008"], Technique)
(asked,) = statements([rule], table="cloudtrail_events", accounts=None, regions=["eu-west-1"])
assert_type(asked, Statement)
assert_type(asked.bind(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)), list[str])
texts: list[str] = [ACTOR, GLOBAL_REGION, SIGN_IN_SOURCE, *GLOBAL_SOURCES, *SIGN_IN_REGIONS, *TACTICS]
Vantage(management="some")  # type: ignore[arg-type]  # not one of the words

# Rules of one's own
warnings.simplefilter("error", RuleWarning)
try:
    read = read_rules([Path("rules")])
    assert_type(read, tuple[ReadRule, ...])
    assert_type(compile_rules([Path("rules")], strict=False), tuple[CompiledRule, ...])
except InvalidRule as problem:
    assert_type(problem.line, int)
except NotExpressible as problem:
    assert_type(problem.reason, str)
backend: EventBridgeBackend = EventBridgeBackend()

# Replay
states: list[State] = [ENABLED, ALL_MANAGEMENT, DISABLED]
detection = Detection.of(rule)
bus = EventBus([*rules_of_catalogue(catalog()), EventRule(name="mine", detection=detection, pattern={"source": ["a"]})])
assert_type(bus.rules, tuple[EventRule, ...])
assert_type([each.name for each in bus.detections(record)], list[str])
engine: Engine = "athena"
match = match_of("logs", 1, record, detection, engine)
assert_type(match, Match)
report = Report()
report.add(match)
assert_type(report.pages, list[Page])
assert_type(report.matrix(), list[Cell])
layer: dict[str, Any] = {**navigator_layer(report), "version": LAYER_VERSION}
texts += [account_of(record), actor_of(record), detail_type_of(record), source_of(record), time_of(record)]
texts += [VIA_CLOUDTRAIL, *DETAIL_TYPES.values()]
assert_type(is_quiet(event_of(record)), bool)
try:
    compiled = compile_pattern({"source": ["aws.iam"]})
    assert_type(compiled, Pattern)
    assert_type(PatternIndex(enumerate([compiled])).matching(event_of(record)), list[int])
    assert_type(read_templates(Path("cdk.out")), Synthesised)
except (InvalidPattern, InvalidTemplates):
    pass

# Checks
assert_type(CHECKS, tuple[Check, ...])
assert_type(ACKNOWLEDGMENT_INVALID, Check)
severity: Severity = CHECKS[0].level
try:
    assert_type(check_assembly(Path("cdk.out"), floors=Floors(audit_log_days=365)), tuple[Finding, ...])
    assert_type(check_template({"Resources": {}}, region="eu-west-1"), tuple[Finding, ...])
except InvalidAssembly:
    pass
