"""Event patterns from alternatives of fields: what is common is said once, and what is too long is split.

The language: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from raytrail.sigma._errors import NotExpressible
from raytrail.sigma._eventbridge_tests import Cell
from raytrail.sigma._normal import Term, product, simple

MAX_CHARACTERS = 2_048
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html, of the pattern as compact JSON"""
MAX_COMBINATIONS = 1_000
RESERVED = frozenset(
    {
        *("anything-but", "cidr", "equals-ignore-case", "exactly", "exists", "numeric", "prefix", "suffix", "wildcard"),
        *("=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case", "in-date-range"),
        *("date-after", "date-on-or-after", "date-before", "date-on-or-before"),
        *("ip-address-in-range", "ip-address-not-in-range"),
    }
)
"""Names that no field inside ``$or`` may have: with one, EventBridge takes ``$or`` for the name of a field."""

_ENVELOPE: Mapping[str, Any] = {"source": [{"prefix": "aws."}], "detail-type": [{"suffix": " via CloudTrail"}]}
"""Only AWS sends sources that begin so; the suffix is that of calls, console actions, service events, and both
spellings of sign-in."""
_FIRST = ("eventSource", "eventName")
_OR = "$or"


@dataclass(frozen=True, slots=True)
class _Node:
    """Fields that match, and one of some alternatives."""

    cells: Term
    alternatives: tuple[_Node, ...] = ()


def patterns_of(factors: Sequence[list[Term]]) -> tuple[dict[str, Any], ...]:
    """The fewest patterns found that together match what all the factors match.

    Args:
        factors: Sums of terms, which share no field.

    Returns:
        None, if a factor has no term: nothing matches.

    Raises:
        NotExpressible: A pattern is too long and has no alternatives to split.
    """
    if not all(factors):
        return ()
    whole = _pattern(factors)
    if _fits(whole):
        return (whole,)
    for parts in _splits(factors):
        patterns = [_pattern(part) for part in parts]
        if all(map(_fits, patterns)):
            return tuple(patterns)
    halves = next((parts for parts in _splits(factors)), None)
    if halves is None:
        raise NotExpressible(
            f"the pattern has {len(compact(whole)):,} characters, EventBridge takes {MAX_CHARACTERS:,}, and it has no"
            " alternatives that could be split"
        )
    return tuple(pattern for part in halves for pattern in patterns_of(part))


def compact(pattern: Mapping[str, Any]) -> str:
    """The JSON whose length EventBridge limits."""
    return json.dumps(pattern, separators=(",", ":"), ensure_ascii=False)


def _splits(factors: Sequence[list[Term]]) -> Iterator[list[list[list[Term]]]]:
    """Ways to cut the product into sums of products, into two first, then into more.

    The factor with the most terms is cut; where each has but one, its longest list of values.
    """
    widest = max(factors, key=len)
    if len(widest) == 1:
        cells = [
            (len(_values(cell)), field) for factor in factors for field, cell in factor[0].items() if len(cell) > 1
        ]
        if not cells:
            return
        _, field = max(cells)
        widest = next(factor for factor in factors if field in factor[0])
        pieces: list[list[Term]] = [[{**widest[0], field: (test,)}] for test in widest[0][field]]
    else:
        pieces = [[term] for term in widest]
    others = [factor for factor in factors if factor is not widest]
    weights = [sum(len(field) + len(_values(cell)) for field, cell in piece[0].items()) for piece in pieces]
    for count in range(2, len(pieces) + 1):
        yield [[*others, _joined(pieces[first:last])] for first, last in pairwise(_cuts(weights, count))]


def _joined(pieces: list[list[Term]]) -> list[Term]:
    return simple([term for piece in pieces for term in piece])


def _cuts(weights: list[int], count: int) -> list[int]:
    """Where to cut a list into ``count`` runs, of about the same weight, none empty."""
    total, cuts, so_far = sum(weights), [0], 0
    for index, weight in enumerate(weights):
        left = count - len(cuts)
        if (
            left
            and index > cuts[-1]
            and (so_far + weight / 2 > total * len(cuts) / count or len(weights) - index == left)
        ):
            cuts.append(index)
        so_far += weight
    return [*cuts, len(weights)]


def _fits(pattern: dict[str, Any]) -> bool:
    return (
        len(compact(pattern)) <= MAX_CHARACTERS
        and _combinations(pattern) <= MAX_COMBINATIONS
        and not _reserved_in_or(pattern, inside=False)
    )


def _combinations(value: Any) -> int:
    """As EventBridge counts them: the lengths of all the lists of alternatives, multiplied."""
    found = 1
    for key, below in value.items() if isinstance(value, dict) else ():
        if key == _OR:
            found *= len(below)
            for branch in below:
                found *= _combinations(branch)
        else:
            found *= _combinations(below)
    return found


def _reserved_in_or(value: Any, *, inside: bool) -> bool:
    if not isinstance(value, dict):
        return False
    return any(
        any(_reserved_in_or(branch, inside=True) for branch in below)
        if key == _OR
        else (inside and key in RESERVED) or _reserved_in_or(below, inside=inside)
        for key, below in value.items()
    )


def _pattern(factors: Sequence[list[Term]]) -> dict[str, Any]:
    cells: Term = {}
    sums = []
    for factor in factors:
        node = _factored(factor)
        cells.update(node.cells)
        if node.alternatives:
            sums.append(list(factor))
    while True:
        root: dict[str, Any] = dict(_ENVELOPE)
        body = _object(cells)
        if body:
            root["detail"] = body
        # Every level of objects has room for one list of alternatives.
        crowded = next((sum_ for sum_ in sums if not _placed(root, _factored(sum_).alternatives)), None)
        if crowded is None:
            return root
        others = sorted((sum_ for sum_ in sums if sum_ is not crowded), key=len)
        sums = [*others[1:], product(crowded, others[0])]


def _factored(terms: list[Term]) -> _Node:
    """The terms with what they have in common said once."""
    first, *others = terms
    common = {field: cell for field, cell in first.items() if all(other.get(field) == cell for other in others)}
    rest = [{field: cell for field, cell in term.items() if field not in common} for term in terms]
    return _Node(common, tuple(_grouped(rest)) if others else ())


def _grouped(terms: list[Term]) -> list[_Node]:
    """Alternatives, those next to each other that have most in common."""
    pairs = {(field, cell) for term in terms for field, cell in term.items()}
    best: tuple[int, int, list[Term]] | None = None
    for field, cell in pairs:
        sharing = [term for term in terms if term.get(field) == cell]
        if 1 < len(sharing) < len(terms):
            saved = (len(sharing) - 1) * (len(field) + len(_values(cell))) - len('"$or":[],{}')
            rank = (saved, -terms.index(sharing[0]), sharing)
            if saved > 0 and (best is None or rank[:2] > best[:2]):
                best = rank
    if best is None:
        return [_Node(term) for term in terms]
    sharing = best[2]
    others = [term for term in terms if not any(term is each for each in sharing)]
    return [_factored(sharing), *_grouped(others)]


def _placed(root: dict[str, Any], alternatives: Sequence[_Node]) -> bool:
    """Put alternatives as deep into the pattern as all their fields go. Whether there was room."""
    paths = [["detail", *field.split(".")[:-1]] for node in alternatives for field in _fields(node)]
    shared: list[str] = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    for depth in range(len(shared), -1, -1):
        at = root
        for part in shared[:depth]:
            at = at.setdefault(part, {})
        if _OR not in at:
            at[_OR] = [_alternative(node, shared[:depth]) for node in alternatives]
            return True
    return False


def _alternative(node: _Node, above: Sequence[str]) -> dict[str, Any]:
    """An alternative as it stands below the path ``above``."""
    whole: dict[str, Any] = {"detail": _object(node.cells)} if node.cells else {}
    if node.alternatives:
        placed = _placed(whole, node.alternatives)
        assert placed  # it is the first there
    for part in above:
        whole = whole[part]
    return whole


def _fields(node: _Node) -> Iterator[str]:
    yield from node.cells
    for below in node.alternatives:
        yield from _fields(below)


def _object(cells: Term) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for field in sorted(cells, key=lambda field: _FIRST.index(field) if field in _FIRST else len(_FIRST)):
        *path, last = field.split(".")
        at = body
        for part in path:
            at = at.setdefault(part, {})
            if not isinstance(at, dict):
                raise _twice(field)
        if last in at:
            raise _twice(field)
        at[last] = [test.json() for test in cells[field]]
    return body


def _twice(field: str) -> NotExpressible:
    return NotExpressible(f"{field} is asked for its value and for a field below it, which no record answers both")


def _values(cell: Cell) -> str:
    return json.dumps([test.json() for test in cell], separators=(",", ":"))
