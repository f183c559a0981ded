"""EventBridge's event patterns as functions over events.

    pattern = compile_pattern({"source": ["aws.iam"], "detail": {"eventName": [{"prefix": "Create"}]}})
    pattern.matches(event)

What a pattern means is taken from AWS's documentation and from the open-source matcher that EventBridge runs
(https://github.com/aws/event-ruler):

* A pattern is a set of paths; all must match. A value is an array: any element may match. Fields of objects in one
  array must match in the same element.
* ``exists`` asks for a value: a field that holds an object or an empty array does not exist, one that is null does.
* ``{"exists": false}`` inside an array of objects holds where no element has the field; once another field of the same
  array has matched (in the order of their paths), where that element has not.
* ``$or`` is multiplied out when the pattern is compiled. A field that is asked about both inside and outside keeps the
  alternatives that were written last.

Not modelled: fields of an event whose own names contain a dot, which EventBridge finds by the path that they look like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from raytrail.replay._operators import InvalidPattern, Test, compile_alternatives, literal_words

MAX_COMBINATIONS = 1000
"""What ``$or`` may be multiplied out to.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html"""
_MAX_DEPTH = 100
# With one of these among its keys, an object under $or is an operator, and $or the name of a field.
_RESERVED_WORDS = """
anything-but prefix suffix equals-ignore-case numeric exists cidr wildcard exactly = < <= > >= regex not-wildcard
not-equals-ignore-case date-after date-on-or-after date-before date-on-or-before in-date-range ip-address-in-range
ip-address-not-in-range
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())

Path: TypeAlias = tuple[str, ...]
"""The names that lead to a field, from the outermost."""
_Membership: TypeAlias = dict[int, int]
"""By the id of an array of the event: the element that all fields must be of."""


class Leaf(NamedTuple):
    """One path of a pattern, and what is asked of it."""

    path: Path
    """The names that lead to the field."""
    test: Test
    """Whether a value of the field matches."""
    absent: bool
    """Whether a missing field matches."""
    words: frozenset[str] | None
    """The texts that alone match, or None where others may, or a missing field."""


class Pattern:
    """A compiled pattern.

    Attributes:
        combinations: The patterns without ``$or`` that it stands for, any of which must match: each a tuple of leaves
            in the order of their paths.
    """

    __slots__ = ("combinations",)

    def __init__(self, combinations: Sequence[tuple[Leaf, ...]]) -> None:
        self.combinations: tuple[tuple[Leaf, ...], ...] = tuple(combinations)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether EventBridge would take the event for one of the rule's.

        Args:
            event: An event, whole.
        """
        return any(leaves_match(leaves, event) for leaves in self.combinations)


def compile_pattern(pattern: Mapping[str, Any]) -> Pattern:
    """Return a pattern compiled.

    Args:
        pattern: An event pattern, parsed from its JSON.

    Raises:
        InvalidPattern: EventBridge does not take it; the message says why.
    """
    if _product(pattern) > MAX_COMBINATIONS:
        raise InvalidPattern(f"the pattern has more than {MAX_COMBINATIONS} combinations of $or")
    try:
        found = _expanded(pattern, with_or=True)
    except InvalidPattern:
        # A $or that is not the operator is the name of a field, as it was before there was the operator.
        found = _expanded(pattern, with_or=False)
    compiled: dict[int, tuple[Test, bool]] = {}
    combinations = []
    for paths in found:
        leaves = []
        for path, alternatives in sorted(paths.items(), key=lambda item: ".".join(item[0])):
            # One list is in many combinations: it is compiled once.
            key = id(alternatives)
            if key not in compiled:
                compiled[key] = compile_alternatives(alternatives)
            leaves.append(Leaf(path, *compiled[key], literal_words(alternatives)))
        combinations.append(tuple(leaves))
    return Pattern(combinations)


def leaves_match(leaves: Sequence[Leaf], event: Mapping[str, Any]) -> bool:
    """Whether an event matches all leaves."""
    within_arrays: list[Leaf] = []
    for leaf in leaves:
        value = _reach(event, leaf.path)
        if isinstance(value, list):
            within_arrays.append(leaf)
        elif value is _MISSING or isinstance(value, dict):
            if not leaf.absent:
                return False
        elif not leaf.test(value):
            return False
    return not within_arrays or _match_within_arrays(within_arrays, event, {})


_MISSING = object()


def _reach(event: Any, path: Path) -> Any:
    """What is at a path, or the first array on the way to it."""
    value = event
    for step in path:
        if isinstance(value, dict):
            value = value.get(step, _MISSING)
        else:
            # A plain value has no fields.
            return value if isinstance(value, list) else _MISSING
    return value


def _match_within_arrays(leaves: Sequence[Leaf], event: Any, chosen: _Membership) -> bool:
    """Whether there is an element for each array on the way such that all leaves match.

    Leaves that meet no array need not be here: they constrain nothing but themselves.
    """
    if not leaves:
        return True
    leaf, rest = leaves[0], leaves[1:]
    present = False
    for value, membership in _values(event, leaf.path, {}):
        if any(chosen.get(array, place) != place for array, place in membership.items()):
            continue
        present = True
        if leaf.test(value) and _match_within_arrays(rest, event, {**chosen, **membership}):
            return True
    return leaf.absent and not present and _match_within_arrays(rest, event, chosen)


def _values(value: Any, path: Path, membership: _Membership) -> Iterator[tuple[Any, _Membership]]:
    """The values at a path, each with the elements of arrays that it is in."""
    if isinstance(value, list):
        for place, element in enumerate(value):
            # As AWS's matcher has it, a plain value in an array is of no element.
            inner = {**membership, id(value): place} if isinstance(element, (dict, list)) else membership
            yield from _values(element, path, inner)
    elif isinstance(value, dict):
        if path and path[0] in value:
            yield from _values(value[path[0]], path[1:], membership)
    elif not path:
        yield value, membership


def _product(node: Any, depth: int = 0) -> int:
    """How many combinations AWS counts: the lengths of all lists under ``$or``, multiplied."""
    product = 1
    if isinstance(node, Mapping) and depth <= _MAX_DEPTH:
        for key, value in node.items():
            if key == "$or" and isinstance(value, (list, tuple)):
                product *= max(len(value), 1)
                for member in value:
                    product *= _product(member, depth + 1)
            else:
                product *= _product(value, depth + 1)
            if product > MAX_COMBINATIONS:
                break
    return product


_Paths: TypeAlias = dict[Path, Sequence[Any]]


def _expanded(pattern: Any, *, with_or: bool) -> list[_Paths]:
    combinations: list[_Paths] = [{}]
    _expand(combinations, (), pattern, with_or=with_or, inside=False, depth=0)
    return combinations


def _expand(combinations: list[_Paths], path: Path, node: Any, *, with_or: bool, inside: bool, depth: int) -> None:
    """Write what an object of the pattern asks into each combination so far; ``$or`` multiplies them."""
    if depth > _MAX_DEPTH:
        raise InvalidPattern(f"the pattern is nested more than {_MAX_DEPTH} levels deep")
    if not isinstance(node, Mapping) or not node:
        raise InvalidPattern(f"{'.'.join(path) or 'the pattern'} must be an object with a field, got {node!r}")
    for key, value in node.items():
        if key == "$or" and with_or:
            _expand_or(combinations, path, value, depth)
            continue
        if inside and key in _RESERVED:
            raise InvalidPattern(f"{key!r} is reserved and cannot be a field under $or")
        inner = (*path, *key.split("."))
        if isinstance(value, Mapping):
            _expand(combinations, inner, value, with_or=with_or, inside=inside, depth=depth + 1)
        elif isinstance(value, (list, tuple)):
            compile_alternatives(value)
            for combination in combinations:
                combination[inner] = value
        else:
            raise InvalidPattern(f"{'.'.join(inner)} must be an object or an array, got {value!r}")


def _expand_or(combinations: list[_Paths], path: Path, members: Any, depth: int) -> None:
    if not isinstance(members, (list, tuple)) or len(members) < 2:
        raise InvalidPattern(f"$or takes an array of two objects or more, got {members!r}")
    before = list(combinations)
    combinations.clear()
    for member in members:
        forked = [dict(combination) for combination in before]
        _expand(forked, path, member, with_or=True, inside=True, depth=depth + 1)
        combinations += forked
        if len(combinations) > MAX_COMBINATIONS:
            raise InvalidPattern(f"the pattern has more than {MAX_COMBINATIONS} combinations of $or")
