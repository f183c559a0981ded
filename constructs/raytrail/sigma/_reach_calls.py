"""What one call is to CloudTrail: whether it only reads, its kind of event, and the Region that it appears in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

from raytrail.sigma._model import Call
from raytrail.sigma._reach_facts import (
    BOTH,
    DATA_EVENTS,
    GLOBAL_SOURCES,
    LAMBDA_NAMES,
    LAMBDA_SOURCE,
    READ_ONLY,
    READ_VERBS,
)

T = TypeVar("T")

# A verb is followed by a capital, or by nothing that is known.
_READS = re.compile(rf"({'|'.join(READ_VERBS)})(?![a-z])")


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(".*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", pattern)))


def covers(pattern: str, text: str) -> bool:
    """Whether ``pattern``, in which ``*`` stands for any characters, matches the whole of ``text``."""
    if "*" not in pattern:
        return pattern == text
    return _expression(pattern).fullmatch(text) is not None


def _under(pattern: str, table: Mapping[str, T]) -> Iterable[T]:
    """What a table has under the keys that ``pattern`` matches."""
    if "*" not in pattern:
        return (table[pattern],) if pattern in table else ()
    return (value for key, value in table.items() if covers(pattern, key))


@lru_cache(maxsize=4096)
def read_only(call: Call) -> bool | None:
    """Whether CloudTrail marks the events of ``call`` as read-only; None if some are and some not, or nobody says."""
    verdicts = {verdict for names in _under(call.source, READ_ONLY) for verdict in _under(call.name, names)}
    exact = "*" not in call.source + call.name
    if not (exact and verdicts):
        verdicts |= _by_verb(call.name)
    return verdicts.pop() if len(verdicts) == 1 else None


def _by_verb(name: str) -> set[bool | None]:
    head, star, _ = name.partition("*")
    if _READS.match(head):
        return {True}
    if star and any(verb.startswith(head) for verb in READ_VERBS):
        return {True, False}
    return {False}


@lru_cache(maxsize=4096)
def data_types(call: Call) -> frozenset[str]:
    """Resource types that the events of ``call`` are, or may be, data events of; empty: none that is known."""
    return frozenset(
        type
        for types in _under(call.source, DATA_EVENTS)
        for type, names in types.items()
        if (any(covers(call.name, name) for name in names) if "*" in call.name else call.name in names)
    )


@lru_cache(maxsize=4096)
def only_data(call: Call) -> bool:
    """Whether the events of ``call`` are data events and nothing else."""
    if "*" in call.source + call.name or not data_types(call):
        return False
    return not any(covers(name, call.name) for name in BOTH.get(call.source, ()))


def home_of(call: Call) -> str | None:
    """The one Region where the events of ``call`` appear; None: where the call was made, or several."""
    return GLOBAL_SOURCES.get(call.source)


def dated_name(call: Call) -> str | None:
    """The name with a date under which Lambda records what ``call`` names without one; None: it is right as it is."""
    return LAMBDA_NAMES.get(call.name) if call.source == LAMBDA_SOURCE else None
