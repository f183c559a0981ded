"""CloudWatch Logs filter patterns: compiles any of the three kinds.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from raytrail.localaws._logs._pattern_columns import ColumnPattern
from raytrail.localaws._logs._pattern_json import JsonPattern
from raytrail.localaws._logs._pattern_values import PatternError, regex

_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|(\S+))')
_PLAIN = re.compile(r"\w+")
_MAX_CHARACTERS = 1024


class Pattern(Protocol):
    """A compiled filter pattern."""

    def match(self, message: str) -> Mapping[str, str] | None:
        """What the pattern extracts from ``message`` if it matches, by selector; None if it does not."""


@functools.lru_cache(maxsize=512)
def compile_pattern(source: str) -> Pattern:
    """Compile ``source``.

    Raises:
        PatternError: CloudWatch Logs refuses it.
    """
    if len(source) > _MAX_CHARACTERS:
        raise PatternError(f"A filter pattern has at most {_MAX_CHARACTERS} characters")
    text = source.strip()
    if text.startswith("{"):
        if not text.endswith("}"):
            raise PatternError("A JSON filter pattern ends with '}'")
        return JsonPattern(text)
    if text.startswith("["):
        if not text.endswith("]"):
            raise PatternError("A space-delimited filter pattern ends with ']'")
        return ColumnPattern(text)
    return TextPattern(text)


class TextPattern:
    """Terms that a line must have (``ERROR``), must not have (``-Exiting``), or of which it has one (``?WARN``)."""

    def __init__(self, source: str) -> None:
        terms: dict[str, list[Callable[[str], bool]]] = {"": [], "-": [], "?": []}
        at = 0
        while at < len(source.rstrip()):
            found = _TERM.match(source, at)
            if not found:
                raise PatternError(f"Invalid filter pattern '{source}'")
            sign, quoted, expression, bare = found.groups()
            terms[sign].append(_term(quoted, expression, bare))
            at = found.end()
        self._all, self._none = terms[""], terms["-"]
        # Beside other terms, those with a question mark are ignored.
        self._any = [] if self._all or self._none else terms["?"]

    def match(self, message: str) -> Mapping[str, str] | None:
        """An empty mapping if ``message`` matches: terms extract nothing."""
        matches = (
            all(term(message) for term in self._all)
            and not any(term(message) for term in self._none)
            and (not self._any or any(term(message) for term in self._any))
        )
        return {} if matches else None


def _term(quoted: str | None, expression: str | None, bare: str | None) -> Callable[[str], bool]:
    if expression is not None:
        matcher = regex(expression)
        return lambda message: bool(matcher.search(message))
    if bare is not None and not _PLAIN.fullmatch(bare):
        raise PatternError(f"Invalid character(s) in term '{bare}'")
    text = bare if bare is not None else re.sub(r"\\(.)", r"\1", quoted or "")
    return lambda message: text in message
