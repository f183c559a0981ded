"""Sigma rules from files and folders, through pySigma, with the line of whatever is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRuleLocation
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from raytrail.sigma._about import AnyRule, about, name_of, problems_with
from raytrail.sigma._errors import InvalidRule, raise_all
from raytrail.sigma._model import CompiledRule
from raytrail.sigma._read_problems import name_problems, problem_at, sigma_problems
from raytrail.sigma._regex import POLICY
from raytrail.sigma._yaml import Document, documents


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadRule:
    """A rule as pySigma read it, and what is known of it before an engine compiles it."""

    rule: SigmaRule | SigmaCorrelationRule
    """Its ``name`` is that of `about`; references of correlations are resolved."""
    about: CompiledRule
    """Without patterns, predicate and correlation."""
    document: Document
    """Where it stands, to tell the line of a problem."""
    strange: Mapping[str, InvalidRule]
    """Fields of it that no record of CloudTrail has, each with what is wrong."""

    @property
    def path(self) -> Path:
        """The file it stands in."""
        return self.document.path

    def problem(self, reason: str, *keys: str | int) -> InvalidRule:
        """An error about this rule, at the line of one of its keys.

        Args:
            reason: What is wrong, in words.
            keys: The keys and places in lists that lead there. Without any: its first line.
        """
        return InvalidRule(self.path, self.document.line_of(*keys), reason)


def read_rules(paths: Sequence[Path], *, strict: bool = False) -> tuple[ReadRule, ...]:
    """Read Sigma rules, filters and correlation rules about CloudTrail.

    Filters are applied to the rules that they name. Rules that correlations refer to may stand in any of the files.

    Args:
        paths: Files, and folders, below which every ``.yml`` and ``.yaml`` is read. A file may hold many documents.
        strict: Hold the rules to what the catalogue asks of its own: an id, a name in snake_case, a level, what to do
            next, techniques that ATT&CK has, and fields that CloudTrail has. Default: warn of unknown techniques
            (`RuleWarning`), and make up what lacks: the name from the file's, the id from the name, the level
            ``medium``.

    Returns:
        In the order of the paths, those of a folder sorted.

    Raises:
        InvalidRule: With all the problems of all the files.
    """
    problems: list[InvalidRule] = []
    read: list[tuple[AnyRule, Document, int]] = []
    filters: list[SigmaFilter] = []
    for path in _files(paths, problems):
        try:
            parsed = _parse(path)
        except InvalidRule as problem:
            problems.append(problem)
            continue
        number = 0
        for rule, document in parsed:
            found = list(sigma_problems(rule, document))
            if not found and not isinstance(rule, SigmaFilter):
                found = list(problems_with(rule, document, strict=strict))
            if not found and (strict or isinstance(rule, SigmaCorrelationRule)):
                found = [problem for _, problem in name_problems(document)]
            problems += found
            if isinstance(rule, SigmaFilter):
                filters.append(rule)
            else:
                read.append((rule, document, number := number + 1))
    raise_all(problems)
    _resolve(read, filters)
    names = [name_of(rule, document.path, number) for rule, document, number in read]
    for (rule, _, _), name in zip(read, names, strict=True):
        rule.name = name
    rules = tuple(
        ReadRule(
            rule=rule,
            about=about(rule, document.path, name, strict=strict),
            document=document,
            strange=dict(name_problems(document)),
        )
        for (rule, document, _), name in zip(read, names, strict=True)
    )
    raise_all(list(_shared(rules)))
    return rules


def _files(paths: Sequence[Path], problems: list[InvalidRule]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
        elif found := sorted(each for each in path.rglob("*") if each.suffix in (".yml", ".yaml") and each.is_file()):
            yield from found
        else:
            problems.append(InvalidRule(path, 1, "the folder holds no .yml or .yaml file"))


def _parse(path: Path) -> list[tuple[SigmaRule | SigmaCorrelationRule | SigmaFilter, Document]]:
    """What pySigma makes of each document of a file; its errors stay in each rule's ``errors``."""
    found = list(documents(path))
    for document in found:
        if not isinstance(document.value, dict):
            raise InvalidRule(path, document.line_of(), f"a rule is a mapping of keys, got {document.value!r:.60}")
    if any("action" in document.value for document in found):
        at = next(document for document in found if "action" in document.value)
        raise InvalidRule(path, at.line_of("action"), "actions left Sigma with version 2; repeat what rules share")
    return [(_parsed(document), document) for document in found]


def _parsed(document: Document) -> SigmaRule | SigmaCorrelationRule | SigmaFilter:
    source = SigmaRuleLocation(document.path, document.line_of())
    if not isinstance(id := document.value.get("id", ""), str):
        raise InvalidRule(document.path, document.line_of("id"), f"id is a UUID, got {id!r:.60}")
    kind = (
        SigmaCorrelationRule
        if "correlation" in document.value
        else SigmaFilter
        if "filter" in document.value
        else SigmaRule
    )
    try:
        rule: SigmaRule | SigmaCorrelationRule | SigmaFilter = kind.from_dict(document.value, True, source, POLICY)
    except SigmaError as error:
        raise problem_at(document, error) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # pySigma expects the types of the specification in places where YAML allows any.
        raise InvalidRule(
            document.path, document.line_of(), f"a key holds what Sigma does not allow: {error}"
        ) from error
    rule.source = source
    return rule


def _resolve(read: list[tuple[AnyRule, Document, int]], filters: list[SigmaFilter]) -> None:
    """Apply the filters, and let correlations find their rules.

    Raises:
        InvalidRule: A correlation names a rule that is in none of the files.
    """
    # Filters change the rules that they are given.
    collection = SigmaCollection([*(rule for rule, _, _ in read), *filters], resolve_references=False)
    problems = []
    for rule, document, _ in read:
        if isinstance(rule, SigmaCorrelationRule):
            try:
                rule.resolve_rule_references(collection)
            except SigmaError as error:
                problems.append(problem_at(document, error))
    raise_all(problems)


def _shared(rules: Sequence[ReadRule]) -> Iterator[InvalidRule]:
    for key in ("name", "id"):
        first: dict[str, ReadRule] = {}
        for each in rules:
            value = getattr(each.about, key)
            if (other := first.setdefault(value, each)) is not each:
                yield each.problem(f"{key} {value!r} is also that of {other.path}:{other.document.line_of()}", key)
