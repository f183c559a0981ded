"""Patterns with ``*`` (any characters) and ``?`` (one character): what they match, and which holds which."""

from __future__ import annotations

from collections.abc import Iterable

_ANY, _ONE = "*", "?"
_STRANGER = ""
"""Stands for a character that no pattern spells out: it is what only a wildcard matches."""


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of ``text`` fits ``pattern``, upper and lower case apart."""
    places = _reach(pattern, [0])
    for character in text:
        places = _after(pattern, places, character)
    return len(pattern) in places


def covers(wide: str, narrow: str) -> bool:
    """Whether every text that fits ``narrow`` fits ``wide``: inclusion of the two languages, decided exactly.

    ``narrow`` is walked with all the places where ``wide`` may stand beside it. Its wildcards are taken to match
    strangers alone, which is enough: a text with a stranger in some place fits ``wide`` through a wildcard, and then
    so does that text with any other character there. There are finitely many sets of places, so the walk ends.
    """
    wide, narrow = _tidy(wide), _tidy(narrow)
    waiting, seen = [(0, _reach(wide, [0]))], set()
    while waiting:
        at, places = step = waiting.pop()
        if step in seen:
            continue
        seen.add(step)
        if at == len(narrow):
            if len(wide) not in places:
                return False
        elif narrow[at] == _ANY:
            waiting += [(at + 1, places), (at, _after(wide, places, _STRANGER))]
        else:
            waiting.append((at + 1, _after(wide, places, _STRANGER if narrow[at] == _ONE else narrow[at])))
    return True


def _after(pattern: str, places: Iterable[int], character: str) -> frozenset[int]:
    """Where one may stand in ``pattern`` once ``character`` has followed."""
    return _reach(
        pattern,
        (
            place if pattern[place] == _ANY else place + 1
            for place in places
            if place < len(pattern) and pattern[place] in (_ANY, _ONE, character)
        ),
    )


def _reach(pattern: str, places: Iterable[int]) -> frozenset[int]:
    """The places, and those behind a ``*`` that matches nothing."""
    found = set()
    for place in places:
        found.add(place)
        while place < len(pattern) and pattern[place] == _ANY:
            place += 1  # noqa: PLW2901 - walks on from where it was
            found.add(place)
    return frozenset(found)


def _tidy(pattern: str) -> str:
    """The same language, each run of wildcards as its ``?``s and at most one ``*``: fewer sets of places."""
    tidy = run = ""
    for character in pattern:
        if character in (_ANY, _ONE):
            run += character
        else:
            tidy, run = tidy + _run(run) + character, ""
    return tidy + _run(run)


def _run(wildcards: str) -> str:
    return _ONE * wildcards.count(_ONE) + (_ANY if _ANY in wildcards else "")
