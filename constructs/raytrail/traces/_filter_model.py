"""Filter expressions as values: what they are made of, how they combine, and how they are written.

The language is that of https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html. Where that page
leaves a question open, this is the answer here:

- *AND and OR on one level.* The page says neither which binds tighter nor that there are parentheses. A level of
  ours has operators of one kind only. Where a filter needs both kinds, the inner level is written in parentheses:
  the text has one meaning, or X-Ray refuses it when the group is made, but it is never read in another sense.
  `Filter.uses_parentheses` says so.
- *What ``!`` belongs to.* A boolean keyword, the presence of a string or an annotation, a service or an edge with its
  braces: to these AWS puts it. A comparison is negated by the opposite operator, a root cause not at all.
- *Escapes.* None are known: a string with a double quote or a backslash is refused.
- *A number keyword alone*, as in ``http.status AND ok``: AWS shows that with strings and annotations only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NoReturn

from raytrail.errors import InvalidProps
from raytrail.traces._filter_keywords import (
    ANNOTATION_SIDES,
    KEYWORDS,
    OPPOSITE,
    Scope,
    Value,
    as_text,
    check_annotation_key,
    check_operator,
    check_scope,
    check_value,
)

if TYPE_CHECKING:
    from raytrail.traces._trace import Trace


class Filter:
    """Which traces are meant. Combine with ``&``, ``|`` and ``~``; ``str()`` is the text that X-Ray takes.

    Two filters are equal when they read the same. A filter is neither true nor false: `matches` asks a trace.
    """

    __slots__ = ()

    def __and__(self, other: Filter) -> Filter:
        return And.of(self, other) if isinstance(other, Filter) else NotImplemented

    def __or__(self, other: Filter) -> Filter:
        return Or.of(self, other) if isinstance(other, Filter) else NotImplemented

    def __invert__(self) -> Filter:
        raise InvalidProps(f"there is no exact negation of {self} in X-Ray's language{self._instead_of_negation()}")

    def __bool__(self) -> NoReturn:
        raise InvalidProps(
            f"a filter is neither true nor false: combine filters with & | ~, and not with and, or, not or a chain "
            f"such as 1 < duration < 5; ask a trace with matches(); got {self}"
        )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Value):
            raise InvalidProps(
                f"the filter {self} is no keyword to compare with {other!r}; write ~ for its negation, and each "
                "comparison in parentheses when it stands beside & or |"
            )
        return str(self) == str(other) if isinstance(other, Filter) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"parse_filter({str(self)!r})"

    @property
    def uses_parentheses(self) -> bool:
        """Whether the text has parentheses around an AND or an OR, of which AWS documents nothing."""
        return any(part.uses_parentheses for part in self._parts())

    def matches(self, trace: Trace, *, groups: Mapping[str, Filter] | None = None) -> bool:
        """Whether X-Ray would count this trace to the filter.

        What AWS does not say, and how it is decided here, is at the head of `raytrail.traces._filter_match`.

        Args:
            trace: The trace asked about.
            groups: The filter of each group that the expression names, by the group's name or ARN. Default: none but
                X-Ray's own ``Default``, which has every trace.

        Raises:
            InvalidProps: A keyword stands where it has no meaning, or a group is named that is not in ``groups``, or
                groups name each other in a circle.
        """
        from raytrail.traces._filter_match import matches  # it knows every kind of filter

        return matches(self, trace, groups or {})

    def check(self, scope: Scope = Scope.TRACE) -> None:
        """Refuse a filter with a keyword that has no meaning in a scope.

        Args:
            scope: What the filter is to speak of. Default: the request as a whole.

        Raises:
            InvalidProps: There is such a keyword.
        """
        for part in self._parts():
            part.check(scope)

    def _parts(self) -> Iterator[Filter]:
        """The filters that apply to the same thing as this one."""
        return iter(())

    def _instead_of_negation(self) -> str:
        return ""


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class _Joined(Filter):
    """Two or more filters of which all, or any, apply."""

    filters: tuple[Filter, ...]

    _WORD: ClassVar[str]

    @classmethod
    def of(cls, *filters: Filter) -> Filter:
        """These filters on one level: what is joined by the same word is taken apart first."""
        return cls(tuple(flat for each in filters for flat in (each.filters if isinstance(each, cls) else (each,))))

    def __post_init__(self) -> None:
        if len(self.filters) < 2:
            raise InvalidProps(f"{self._WORD} joins two or more filters, got {len(self.filters)}")

    def __str__(self) -> str:
        return f" {self._WORD} ".join(f"({each})" if isinstance(each, _Joined) else str(each) for each in self.filters)

    def _parts(self) -> Iterator[Filter]:
        return iter(self.filters)

    @property
    def uses_parentheses(self) -> bool:
        """Whether the text has parentheses around an AND or an OR, of which AWS documents nothing."""
        return any(isinstance(each, _Joined) or each.uses_parentheses for each in self.filters)


class And(_Joined):
    """All of these apply."""

    __slots__ = ()
    _WORD = "AND"

    def __invert__(self) -> Filter:
        return Or.of(*(~each for each in self.filters))


class Or(_Joined):
    """One or more of these apply."""

    __slots__ = ()
    _WORD = "OR"

    def __invert__(self) -> Filter:
        return And.of(*(~each for each in self.filters))


@dataclass(frozen=True, slots=True)
class Annotation:
    """The value of an annotation; in an edge filter, of the ``source`` or the ``destination`` where that is said."""

    key: str
    side: str = ""

    def __post_init__(self) -> None:
        check_annotation_key(self.key)
        if self.side not in ANNOTATION_SIDES:
            raise InvalidProps(f"an annotation is of the source or the destination of an edge, got {self.side!r}")

    def __str__(self) -> str:
        return f"{self.side}.annotation[{self.key}]" if self.side else f"annotation[{self.key}]"

    @property
    def scopes(self) -> frozenset[Scope]:
        """Where it may stand."""
        return frozenset({Scope.EDGE} if self.side else {Scope.TRACE, Scope.SERVICE, Scope.EDGE})


Subject = str | Annotation
"""What is compared: a keyword of `KEYWORDS`, or an annotation."""


def _kind(subject: Subject) -> str:
    if isinstance(subject, Annotation):
        return "annotation"
    if subject not in KEYWORDS:
        raise InvalidProps(f"X-Ray has no keyword {subject}; it has {', '.join(KEYWORDS)}")
    return KEYWORDS[subject].kind


def _scopes(subject: Subject) -> frozenset[Scope]:
    return subject.scopes if isinstance(subject, Annotation) else KEYWORDS[subject].scopes


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Is(Filter):
    """A boolean keyword is true, or false: ``fault``, ``!fault``."""

    keyword: str
    """As X-Ray writes it."""
    wanted: bool = True
    """False where it is negated. Default: it is not."""

    def __post_init__(self) -> None:
        if _kind(self.keyword) != "boolean":
            raise InvalidProps(f"{self.keyword} is a {_kind(self.keyword)} and is neither true nor false; compare it")

    def __str__(self) -> str:
        return self.keyword if self.wanted else f"!{self.keyword}"

    def __invert__(self) -> Filter:
        return Is(self.keyword, not self.wanted)

    def check(self, scope: Scope = Scope.TRACE) -> None:
        """Refuse it where its keyword has no meaning."""
        check_scope(self.keyword, scope, _scopes(self.keyword))


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class IsSet(Filter):
    """A string or an annotation is there, or not: ``http.url``, ``!annotation[age]``.

    Of a boolean annotation X-Ray takes the value: it is there when it is true.
    """

    subject: Subject
    wanted: bool = True

    def __post_init__(self) -> None:
        if _kind(self.subject) not in ("string", "annotation"):
            raise InvalidProps(f"{self.subject} is a number: compare it with one, as in {self.subject} >= 0")

    def __str__(self) -> str:
        return str(self.subject) if self.wanted else f"!{self.subject}"

    def __invert__(self) -> Filter:
        return IsSet(self.subject, not self.wanted)

    def check(self, scope: Scope = Scope.TRACE) -> None:
        """Refuse it where its keyword has no meaning."""
        check_scope(str(self.subject), scope, _scopes(self.subject))


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Comparison(Filter):
    """A number, a string or an annotation compared with a value."""

    subject: Subject
    operator: str
    value: Value

    def __post_init__(self) -> None:
        keyword, kind = str(self.subject), _kind(self.subject)
        check_operator(keyword, kind, self.operator)
        check_value(keyword, kind, self.operator, self.value)
        if kind == "boolean":
            raise InvalidProps(f"{keyword} is a boolean: write {keyword} or !{keyword}")

    def __str__(self) -> str:
        return f"{self.subject} {self.operator} {as_text(self.value)}"

    def __invert__(self) -> Filter:
        if not (isinstance(self.subject, str) and KEYWORDS[self.subject].always_set):
            # super() without arguments does not know the class that slots made
            return Filter.__invert__(self)
        return Comparison(self.subject, OPPOSITE[self.operator], self.value)

    def _instead_of_negation(self) -> str:
        opposite = OPPOSITE.get(self.operator)
        if opposite is None:
            return f": a trace without {self.subject} would have to match, too"
        return (
            f": a trace without {self.subject}, or with several, is not told apart; where that is meant, write "
            f"{Comparison(self.subject, opposite, self.value)}"
        )

    def check(self, scope: Scope = Scope.TRACE) -> None:
        """Refuse it where its keyword has no meaning."""
        check_scope(str(self.subject), scope, _scopes(self.subject))
