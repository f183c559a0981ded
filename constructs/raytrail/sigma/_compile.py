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

from raytrail.sigma._actor import ACTOR
from raytrail.sigma._athena_backend import predicate
from raytrail.sigma._calls import calls_of
from raytrail.sigma._correlation import correlation_of
from raytrail.sigma._errors import InvalidRule, NotExpressible, RuleWarning, raise_all
from raytrail.sigma._eventbridge import EventBridgeBackend, patterns
from raytrail.sigma._model import CompiledRule
from raytrail.sigma._normal import fields_in
from raytrail.sigma._read import ReadRule, read_rules

_ONE_EVENT = "EventBridge sees one event at a time; correlations run on a schedule"


def compile_rules(paths: Sequence[Path], *, strict: bool) -> tuple[CompiledRule, ...]:
    """Read rules and compile them for EventBridge and for Athena.

    Args:
        paths: Files, and folders of ``.yml`` and ``.yaml`` files.
        strict: Hold the rules to what the catalogue asks of its own, as `read_rules` says. Otherwise warn
            (`RuleWarning`) of unknown techniques, and of rules that only one of the engines takes.

    Returns:
        In the order in which they were read.

    Raises:
        InvalidRule: Rules are not Sigma's, not about CloudTrail, or neither engine can express them. It names all of
            them with file, line and reason.
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
        for rule in compiled:
            if rule.correlation is None and rule.eventbridge_reason is not None:
                reason = f"only Athena can express the rule, because for EventBridge {rule.eventbridge_reason}"
                warnings.warn(f"{rule.path}: {rule.name}: {reason}", RuleWarning, stacklevel=2)
    return tuple(compiled)


def _compiled(read: ReadRule) -> CompiledRule:
    if isinstance(read.rule, SigmaCorrelationRule):
        try:
            return replace(read.about, correlation=correlation_of(read.rule), eventbridge_reason=_ONE_EVENT)
        except NotExpressible as error:
            raise read.problem(error.reason, "correlation") from error
    # A backend's processing pipeline changes the rule that it is given.
    rule = _with_eventbridge(read.about, copy.deepcopy(read.rule))
    rule = _with_athena(rule, copy.deepcopy(read.rule))
    if not rule.patterns and rule.predicate is None:
        reason = f"neither engine can express it. EventBridge: {rule.eventbridge_reason}. Athena: {rule.athena_reason}"
        raise read.problem(reason, "detection")
    return rule


def _with_eventbridge(about: CompiledRule, rule: SigmaRule) -> CompiledRule:
    try:
        formula = EventBridgeBackend().formula(rule)
        if ACTOR in fields_in(formula):
            raise NotExpressible(f"{ACTOR} is what correlations group by: no record has such a field")
        about = replace(about, calls=calls_of(formula))
        found = patterns(formula)
    except NotExpressible as error:
        return replace(about, eventbridge_reason=error.reason)
    except SigmaError as error:
        return replace(about, eventbridge_reason=str(error.args[0]))
    if not found:
        return replace(about, eventbridge_reason="its conditions exclude each other: nothing matches")
    return replace(about, patterns=found)


def _with_athena(about: CompiledRule, rule: SigmaRule) -> CompiledRule:
    try:
        return replace(about, predicate=predicate(rule))
    except NotExpressible as error:
        return replace(about, athena_reason=error.reason)
