"""Conditions as alternatives of facts: negations moved down to the fields, and then multiplied out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from raytrail.sigma._errors import NotExpressible
from raytrail.sigma._eventbridge_tests import Cell, Exists, both, either
from raytrail.sigma._fields import array_in, is_open

MAX_TERMS = 1_000
"""EventBridge: combinations that one pattern may have. A rule with more is not multiplied out."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What a rule asks of one field, and the contrary. A text instead of a cell is why EventBridge cannot ask it."""

    field: str
    holds: Cell | str
    fails: Cell | str


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class OfOne:
    """Every part holds, of one element of the array that all their fields are below."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Some part holds."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Deny:
    """The part does not hold."""

    part: Formula


Formula: TypeAlias = Fact | All | OfOne | Some | Deny
"""A condition over one event: a fact about a field, or what is made of others."""
Term: TypeAlias = dict[str, Cell]
"""Fields that all match. Empty: every event does."""


def pushed(formula: Formula, *, negated: bool = False) -> Formula:
    """The formula without `Deny`, its nested sums and products made flat, negated if asked for."""
    match formula:
        case Deny(part=part):
            return pushed(part, negated=not negated)
        case Fact(field=field, holds=holds, fails=fails):
            return Fact(field, fails, holds) if negated else formula
        case OfOne(parts=parts):
            below = tuple(pushed(part, negated=negated) for part in parts)
            return Some(below) if negated else OfOne(below)
        case All(parts=parts) | Some(parts=parts):
            kind = All if isinstance(formula, All) != negated else Some
            flat: list[Formula] = []
            for part in parts:
                inner = pushed(part, negated=negated)
                flat += inner.parts if isinstance(inner, kind) else [inner]
            return flat[0] if len(flat) == 1 else kind(tuple(flat))


def terms_of(formula: Formula) -> list[Term]:
    """The formula, which `pushed` returned, as alternatives. None: nothing matches.

    Raises:
        NotExpressible: EventBridge cannot ask what it asks.
    """
    match formula:
        case Fact(field=field, holds=cell):
            if isinstance(cell, str):
                raise NotExpressible(f"{field}: {cell}" if field else cell)
            return [{field: cell}] if cell else []
        case Some(parts=parts):
            return simple([term for part in parts for term in terms_of(part)])
        case All(parts=parts):
            terms: list[Term] = [{}]
            # Short sums first: contradictions shorten what is multiplied.
            for other in sorted((terms_of(part) for part in parts), key=len):
                terms = product(terms, other)
            return terms
        case OfOne(parts=parts):
            terms = [{}]
            for part in parts:
                terms = product(terms, terms_of(part), of_one=True)
            return terms
        case Deny():
            raise AssertionError("negations were pushed down")


def factors_of(formula: Formula) -> list[list[Term]]:
    """The formula as a product of sums that have no field, and no array, in common: so they need not be multiplied.

    Raises:
        NotExpressible: EventBridge cannot ask what it asks.
    """
    parts = formula.parts if isinstance(formula, All) else (formula,)
    groups: list[tuple[set[str], list[Formula]]] = []
    for part in parts:
        keys, members = {_root(fact.field) for fact in facts_in(part)}, [part]
        apart = []
        for group in groups:
            if group[0] & keys:
                keys, members = keys | group[0], group[1] + members
            else:
                apart.append(group)
        groups = [*apart, (keys, members)]
    return [terms_of(All(tuple(members))) for _, members in groups]


def product(one: Sequence[Term], other: Sequence[Term], *, of_one: bool = False) -> list[Term]:
    """Two sums, multiplied. ``of_one``: what both ask of an array is asked of one element."""
    merged = (_merged(this, that, of_one=of_one) for this in one for that in other)
    return simple([each for each in merged if each is not None])


def loose(formula: Formula, *, keep: Callable[[Fact], bool]) -> Formula:
    """The formula, which `pushed` returned, as if each fact held that is not kept, or that EventBridge cannot ask."""
    match formula:
        case Fact(holds=holds):
            return formula if keep(formula) and not isinstance(holds, str) else All(())
        case All(parts=parts) | OfOne(parts=parts):
            return All(tuple(loose(part, keep=keep) for part in parts))
        case Some(parts=parts):
            return Some(tuple(loose(part, keep=keep) for part in parts))
    raise AssertionError("negations were pushed down")


def without(formula: Formula, gone: Callable[[Fact], bool]) -> Formula:
    """The formula for events that lack some fields."""
    match formula:
        case Fact(holds=holds) if gone(formula):
            return All(()) if not isinstance(holds, str) and Exists(False) in holds else Some(())
        case Fact():
            return formula
        case Deny(part=part):
            return Deny(without(part, gone))
        case All(parts=parts) | OfOne(parts=parts) | Some(parts=parts):
            return type(formula)(tuple(without(part, gone) for part in parts))


def excludes_itself(formula: Formula) -> bool:
    """Whether no event can match, by what the formula asks of fields that have one value at most."""
    try:
        return not all(factors_of(loose(pushed(formula), keep=lambda fact: not is_open(fact.field))))
    except NotExpressible:
        return False


def facts_in(formula: Formula) -> Iterable[Fact]:
    """The facts that a formula is made of."""
    match formula:
        case Fact():
            yield formula
        case Deny(part=part):
            yield from facts_in(part)
        case All(parts=parts) | OfOne(parts=parts) | Some(parts=parts):
            for part in parts:
                yield from facts_in(part)


def simple(terms: list[Term]) -> list[Term]:
    """Fewer terms that say the same: two that differ in one field become one, one that another implies goes.

    Raises:
        NotExpressible: There are more than EventBridge takes.
    """
    if len(terms) > MAX_TERMS:
        raise NotExpressible(f"has more than {MAX_TERMS:,} combinations of its alternatives")
    kept: list[Term] = []
    for new in terms:
        term, place = new, len(kept)
        while True:
            for index, other in enumerate(kept):
                if (union := _union(other, term)) is not None:
                    # The union stands where the first of its parts stood, and may now go together with others.
                    term, place = union, min(place, index)
                    del kept[index]
                    break
            else:
                break
        kept.insert(place, term)
    return kept


def _union(one: Term, other: Term) -> Term | None:
    """One term for two, if there is one."""
    if _implies(one, other):
        return other
    if _implies(other, one):
        return one
    if one.keys() != other.keys():
        return None
    differing = [field for field in one if set(one[field]) != set(other[field])]
    if len(differing) != 1:
        return None
    cell = either(one[differing[0]], other[differing[0]])
    merged = {**one, differing[0]: cell or ()}
    if cell is None:
        del merged[differing[0]]
    return merged


def _implies(narrow: Term, wide: Term) -> bool:
    return all(field in narrow and set(narrow[field]) <= set(cell) for field, cell in wide.items())


def _merged(one: Term, other: Term, *, of_one: bool) -> Term | None:
    """Both terms at once. None: nothing matches both."""
    merged = dict(one)
    for field, cell in other.items():
        if (array := array_in(field)) is not None and not of_one:
            # What is asked of one element stays together: one of the terms must imply what the other asks of the array.
            mine, theirs = _below(array, one), _below(array, other)
            if mine and not _implies(mine, theirs) and not _implies(theirs, mine):
                raise _of_elements(array, {**mine, **theirs})
            if not _implies(mine, theirs):
                merged[field] = cell
        elif field not in merged:
            merged[field] = cell
        else:
            try:
                merged[field] = both(merged[field], cell)
            except NotExpressible as error:
                raise NotExpressible(f"{field}: {error.reason}") from error
            if not merged[field]:
                return None
    return merged


def _below(array: str, term: Term) -> Term:
    return {field: cell for field, cell in term.items() if array_in(field) == array}


def _of_elements(array: str, term: Term) -> NotExpressible:
    asked = f"{' and '.join(term)} are asked" if len(term) > 1 else f"{next(iter(term))} is asked twice"
    return NotExpressible(
        f"{asked} of the array {array}, where EventBridge wants one element to answer all, and Sigma any of them each;"
        " put conditions into one selection that one element is to answer"
    )


def _root(field: str) -> str:
    """The path down to the first array that is known, or the whole: what EventBridge matches on one element."""
    return array_in(field) or field
