"""Compiles rules for both engines, and says of each engine what it cannot express."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from raytrail.sigma._athena_backend import predicate
from raytrail.sigma._calls import calls_of
from raytrail.sigma._correlation import correlation_of
from raytrail.sigma._errors import InvalidRule, NotExpressible, RuleWarning, raise_all
from raytrail.sigma._eventbridge import EventBridgeBackend, patterns
from raytrail.sigma._eventbridge_values import doubts_of
from raytrail.sigma._model import CompiledRule
from raytrail.sigma._names import unknown
from raytrail.sigma._normal import excludes_itself, facts_in, without
from raytrail.sigma._read import ReadRule, read_rules

_ONE_EVENT = "EventBridge sees one event at a time; correlations run on a schedule"


def compile_rules(paths: Sequence[Path], *, strict: bool) -> tuple[CompiledRule, ...]:
    """Read rules and compile them for EventBridge and for Athena.

    Args:
        paths: Files, and folders of ``.yml`` and ``.yaml`` files.
        strict: Hold the rules to what the catalogue asks of its own, as `read_rules` says. Otherwise warn
            (`RuleWarning`) of unknown techniques, of rules that only one of the engines takes, of questions that
            EventBridge and Athena may answer differently, and of fields that CloudTrail does not have where a rule
            can match without them.

    Returns:
        In the order in which they were read.

    Raises:
        InvalidRule: Rules are not Sigma's, not about CloudTrail, can match nothing, by the fields that they ask for
            too, or neither engine can express them. It names all of them with file, line and reason.
    """
    problems: list[InvalidRule] = []
    compiled = []
    for read in read_rules(paths, strict=strict):
        try:
            compiled.append(_compiled(read))
        except InvalidRule as problem:
            problems.append(problem)
    raise_all(problems)
    if not strict:
        for rule, doubts in compiled:
            for doubt in doubts:
                warnings.warn(f"{rule.path}: {rule.name}: {doubt}", RuleWarning, stacklevel=2)
    return tuple(rule for rule, _ in compiled)


def _compiled(read: ReadRule) -> tuple[CompiledRule, tuple[str, ...]]:
    """The rule, and what its author should know of what the engines make of it."""
    if isinstance(read.rule, SigmaCorrelationRule):
        try:
            return replace(read.about, correlation=correlation_of(read.rule), eventbridge_reason=_ONE_EVENT), ()
        except NotExpressible as error:
            raise read.problem(error.reason, "correlation") from error
    # A backend's processing pipeline changes the rule that it is given.
    rule, doubts = _with_eventbridge(read, copy.deepcopy(read.rule))
    rule = _with_athena(rule, copy.deepcopy(read.rule))
    if rule.patterns and rule.predicate is not None:
        return rule, doubts
    if rule.patterns:
        reason = f"only EventBridge can express the rule, because for Athena {rule.athena_reason}"
        return rule, (reason,)
    if rule.predicate is not None:
        return rule, (f"only Athena can express the rule, because for EventBridge {rule.eventbridge_reason}",)
    reason = f"neither engine can express it. EventBridge: {rule.eventbridge_reason}. Athena: {rule.athena_reason}"
    raise read.problem(reason, "detection")


def _with_eventbridge(read: ReadRule, rule: SigmaRule) -> tuple[CompiledRule, tuple[str, ...]]:
    """The rule with its patterns, or with why there are none; and where Athena may answer otherwise.

    Raises:
        InvalidRule: Nothing can match it.
    """
    about = read.about
    try:
        formula = EventBridgeBackend().formula(rule)
        strange = {fact.field: reason for fact in facts_in(formula) if (reason := unknown(fact.field)) is not None}
        formula = without(formula, lambda fact: fact.field in strange)
        if excludes_itself(formula):
            for field, reason in strange.items():
                raise read.strange.get(field) or read.problem(reason, "detection")
            raise read.problem("its conditions exclude each other: no event can match", "detection")
        about = replace(about, calls=calls_of(formula))
        found = patterns(formula)
    except NotExpressible as error:
        return replace(about, eventbridge_reason=error.reason), ()
    except SigmaError as error:
        return replace(about, eventbridge_reason=str(error.args[0])), ()
    if not found:
        return replace(about, eventbridge_reason="its conditions exclude each other in all but lists of values"), ()
    return replace(about, patterns=found), (*strange.values(), *doubts_of(facts_in(formula)))


def _with_athena(about: CompiledRule, rule: SigmaRule) -> CompiledRule:
    try:
        return replace(about, predicate=predicate(rule))
    except NotExpressible as error:
        return replace(about, athena_reason=error.reason)
