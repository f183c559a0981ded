"""Which rules are replayed: those of the templates or of the catalogue on the bus, and those of Athena."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from raytrail.cli._errors import Unanswered, WrongUse
from raytrail.cli._terminal import clean, listed
from raytrail.errors import InvalidProps
from raytrail.replay import Detection, EventRule, read_templates, rules_of_catalogue
from raytrail.sigma import CompiledRule, catalog

CDK_OUT = "cdk.out"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What is replayed.

    Attributes:
        compiled: Every rule that is known: the catalogue's, and other people's.
        event_rules: What stands on the bus.
        origin: Where these are from, in words.
    """

    compiled: tuple[CompiledRule, ...]
    event_rules: tuple[EventRule, ...]
    origin: str

    @property
    def for_athena(self) -> dict[str, CompiledRule]:
        """The rules that Athena can be asked about, by name, without the correlations."""
        return {rule.name: rule for rule in self.compiled if rule.predicate is not None and rule.correlation is None}

    @property
    def correlations(self) -> list[CompiledRule]:
        """The correlations that Athena can be asked about."""
        return [rule for rule in self.compiled if rule.correlation is not None and rule.athena_reason is None]


def find_rules(*, templates: Path | None, app_folder: Path, sigma: Sequence[Path], engine: str) -> Rules:
    """Find the rules.

    Args:
        templates: The folder of templates that was asked for. Default: the app's ``cdk.out`` if it has rules of
            raytrail's, and otherwise the catalogue.
        app_folder: Where the app is.
        sigma: Folders or files of other people's Sigma rules.
        engine: Which engine is asked.

    Raises:
        WrongUse: There are no rules where it was said that there are some, or two have one name.
        Unanswered: The extra ``sigma`` is missing.
    """
    own = catalog()
    foreign = _compile(sigma)
    names = {rule.name for rule in own}
    if twice := sorted(rule.name for rule in foreign if rule.name in names):
        raise WrongUse(f"--sigma has rules with names of the catalogue's: {listed(twice)}; give them other names")
    compiled = (*own, *foreign)
    if engine == "athena":
        if templates is not None:
            raise WrongUse("--templates has the rules of EventBridge; leave it out with --engine athena")
        return Rules(compiled=compiled, event_rules=(), origin="")
    found, origin = _of_templates(templates, app_folder)
    known = {rule.name: Detection.of(rule) for rule in compiled}
    if found:
        synthesised = {rule.detection.name for rule in found}
        # Rules that the app does not have yet are what --sigma is to show.
        added = rules_of_catalogue(rule for rule in foreign if rule.name not in synthesised)
        rules = [*(_with_tactics(rule, known) for rule in found), *added]
        if added:
            origin += f", and {len(added)} of --sigma"
    else:
        rules = rules_of_catalogue(compiled)
        origin = f"{len(rules)} rules of the catalogue{' and of --sigma' if foreign else ''}, {origin}"
    return Rules(compiled=compiled, event_rules=tuple(rules), origin=origin)


def _of_templates(templates: Path | None, app_folder: Path) -> tuple[list[EventRule], str]:
    """The rules of the templates, if there are any, and where they are from, or why not."""
    folder = templates or app_folder / CDK_OUT
    if not folder.is_dir():
        if templates is not None:
            raise WrongUse(f"--templates {templates} is no folder; synthesise with `cdk synth`, which makes {CDK_OUT}")
        return [], f"since there is no {folder}, with the states that raytrail gives them"
    try:
        synthesised = read_templates(folder)
    except InvalidProps as error:
        if templates is not None:
            raise WrongUse(f"--templates: {error}") from error
        return [], f"since {error}"
    if not synthesised.rules:
        if templates is not None:
            raise WrongUse(f"--templates {templates} has no rule that is a detection of raytrail's")
        return [], f"since {folder} has no rule that is a detection of raytrail's"
    others = f"; passed over, no detections: {listed(synthesised.others)}" if synthesised.others else ""
    return list(synthesised.rules), f"{len(synthesised.rules)} rules of {folder}{others}"


def _with_tactics(rule: EventRule, known: Mapping[str, Detection]) -> EventRule:
    """The rule with the tactics that the catalogue has for its detection, which a template does not say."""
    said = known.get(rule.detection.name)
    if said is None or rule.detection.tactics:
        return rule
    return replace(rule, detection=replace(rule.detection, tactics=said.tactics))


def _compile(paths: Sequence[Path]) -> tuple[CompiledRule, ...]:
    if not paths:
        return ()
    for path in paths:
        if not path.exists():
            raise WrongUse(f"--sigma {path} does not exist; give a file or folder of Sigma rules")
    try:
        from raytrail.sigma.compiler import RuleWarning, compile_rules
    except ModuleNotFoundError as error:
        raise Unanswered(f"--sigma needs the package {error.name}; install raytrail[cli,sigma]") from error
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", RuleWarning)
            compiled = compile_rules(list(paths), strict=False)
    except InvalidProps as error:
        raise WrongUse(f"--sigma: {error}") from error
    for each in caught:
        if issubclass(each.category, RuleWarning):
            sys.stderr.write(f"--sigma: {clean(each.message)}\n")
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    return compiled
