"""JSON filter patterns: ``{ ($.errorCode = "AccessDenied*") && ($.userIdentity.type != Root) }``.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from raytrail.localaws._logs._pattern_values import OPERATOR, VALUE, PatternError, condition

_TOKEN = re.compile(
    rf"\s*(?:(?P<selector>\$(?:\.?\[(?:\d+|\*|'[^']*'|\"[^\"]*\")\]|\.[\w@-]+|\.\*)+)"
    rf"|(?P<joint>&&|\|\||[()])|(?P<test>IS\s+NULL|IS\s+TRUE|IS\s+FALSE|NOT\s+EXISTS|EXISTS)(?![\w])"
    rf"|(?P<operator>{OPERATOR})|(?P<value>{VALUE}))"
)
_STEP = re.compile(r"\.?\[(?:(\d+)|(\*)|'([^']*)'|\"([^\"]*)\")\]|\.([\w@-]+)|\.(\*)")

Test = Callable[[Any], bool]


class JsonPattern:
    """A compiled pattern.

    Raises:
        PatternError: It is not one.
    """

    def __init__(self, source: str) -> None:
        self._tokens = list(_tokens(source.strip()[1:-1]))
        self._at = 0
        self._selectors: dict[str, None] = {}
        self._test = self._any()
        if self._at < len(self._tokens):
            raise PatternError(f"Unexpected '{self._tokens[self._at][1]}' in filter pattern")

    def match(self, message: str) -> Mapping[str, str] | None:
        """What the pattern's selectors find in ``message``, if it matches."""
        document = parse(message)
        if document is None or not self._test(document):
            return None
        found = {name: value(document, name) for name in self._selectors}
        return {name: text for name, text in found.items() if text is not None}

    def _any(self) -> Test:
        tests = [self._all()]
        while self._take("joint", "||"):
            tests.append(self._all())
        return lambda document: any(test(document) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._take("joint", "&&"):
            tests.append(self._one())
        return lambda document: all(test(document) for test in tests)

    def _one(self) -> Test:
        if self._take("joint", "("):
            inner = self._any()
            self._need("joint", ")")
            return inner
        name = self._need("selector")
        self._selectors[name] = None
        steps = _steps(name)
        if test := self._take("test"):
            passes = _TESTS[" ".join(test.split())]
            return lambda document: passes(list(_find(document, steps)))
        wanted = condition(self._need("operator"), self._need("value"))
        # A selector that finds nothing, an array or an object makes the comparison fail, with != too.
        return lambda document: any(
            wanted.holds(text) for found in _find(document, steps) if (text := _text(found)) is not None
        )

    def _take(self, kind: str, text: str | None = None) -> str:
        if self._at < len(self._tokens):
            found_kind, found = self._tokens[self._at]
            if found_kind == kind and text in (None, found):
                self._at += 1
                return found
        return ""

    def _need(self, kind: str, text: str | None = None) -> str:
        if found := self._take(kind, text):
            return found
        got = self._tokens[self._at][1] if self._at < len(self._tokens) else "}"
        raise PatternError(f"Expected {text or kind} in filter pattern, got '{got}'")


def parse(message: str) -> Any:
    """``message`` as a JSON object or array; None if it is neither."""
    text = message.strip()
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def value(document: Any, selector: str) -> str | None:
    """The text of the string, number or boolean at ``selector`` (``$.users[0].id``); None for anything else."""
    for found in _find(document, _steps(selector)):
        if (text := _text(found)) is not None:
            return text
    return None


def is_selector(source: str) -> bool:
    """Whether ``source`` selects a member of a JSON document."""
    found = _TOKEN.match(source)
    return bool(found and found.lastgroup == "selector" and found.end() == len(source))


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    at, text = 0, source.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise PatternError(f"Invalid character(s) in filter pattern at '{text[at:].strip()[:20]}'")
        yield str(found.lastgroup), found[str(found.lastgroup)]
        at = found.end()


def _steps(selector: str) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    for index, star, single, double, name, all_members in _STEP.findall(selector):
        steps.append(int(index) if index else star or all_members or single or double or name)
    return tuple(steps)


def _find(document: Any, steps: tuple[str | int, ...]) -> Iterator[Any]:
    if not steps:
        yield document
        return
    step, rest = steps[0], steps[1:]
    if step == "*":
        members = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
        for member in members:
            yield from _find(member, rest)
    elif isinstance(step, int):
        if isinstance(document, list) and step < len(document):
            yield from _find(document[step], rest)
    elif isinstance(document, dict) and step in document:
        yield from _find(document[step], rest)


def _text(found: Any) -> str | None:
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, (int, float)):
        return json.dumps(found)
    return found if isinstance(found, str) else None


_TESTS: dict[str, Callable[[list[Any]], bool]] = {
    "IS NULL": lambda found: any(each is None for each in found),
    "IS TRUE": lambda found: any(each is True for each in found),
    "IS FALSE": lambda found: any(each is False for each in found),
    "EXISTS": bool,
    "NOT EXISTS": lambda found: not found,
}
