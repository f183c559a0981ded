"""The words with which filters are built: a comparison with one makes a `Filter`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NoReturn, TypeAlias

from raytrail.errors import InvalidProps
from raytrail.traces._filter_keywords import Value
from raytrail.traces._filter_model import Annotation, Comparison, Filter, IsSet, Subject

Within: TypeAlias = Callable[[Filter], Filter]
"""Where the filter of a word goes: into the braces of a service or an edge, or nowhere."""


def as_it_is(filter: Filter) -> Filter:
    """Into no braces."""
    return filter


class _Word:
    """A keyword that makes a filter by being compared."""

    __slots__ = ("_subject", "_within")
    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # == does not say whether two words are the same

    def __init__(self, subject: Subject, within: Within = as_it_is) -> None:
        self._subject = subject
        self._within = within

    def __eq__(self, other: object) -> Filter:  # type: ignore[override]  # that a comparison gives a filter is the point
        return self._compare("=", other)

    def __ne__(self, other: object) -> Filter:  # type: ignore[override]  # as above
        return self._compare("!=", other)

    def __bool__(self) -> NoReturn:
        raise InvalidProps(f"{self._subject} is a word of the filter language, neither true nor false; compare it")

    def __and__(self, other: object) -> NoReturn:
        raise InvalidProps(
            f"{self._subject} stands beside & or | without a comparison: & binds tighter than > and ==, so put each "
            "comparison in parentheses, as in fault & (response_time > 5); that a string is there says is_set"
        )

    __rand__ = __and__
    __or__ = __and__
    __ror__ = __and__

    def __repr__(self) -> str:
        return f"<{self._subject} of the filter language>"

    def _compare(self, operator: str, value: object) -> Filter:
        if not isinstance(value, Value):
            raise InvalidProps(f"{self._subject} is compared with a string, a number or a boolean, got {value!r}")
        return self._within(Comparison(self._subject, operator, value))


class _Ordered(_Word):
    """A word with an order."""

    __slots__ = ()

    def __lt__(self, other: float) -> Filter:
        return self._compare("<", other)

    def __le__(self, other: float) -> Filter:
        return self._compare("<=", other)

    def __gt__(self, other: float) -> Filter:
        return self._compare(">", other)

    def __ge__(self, other: float) -> Filter:
        return self._compare(">=", other)


class _Searched(_Word):
    """A word in which strings are looked for."""

    __slots__ = ()

    @property
    def is_set(self) -> Filter:
        """It is there; of a boolean annotation: it is true."""
        return self._within(IsSet(self._subject))

    def contains(self, text: str) -> Filter:
        """The string is part of it; an empty string asks whether it is there.

        Args:
            text: The string. Upper and lower case are told apart.

        Raises:
            InvalidProps: It is no string, or has a double quote or a backslash.
        """
        return self._compare("CONTAINS", text)

    def begins_with(self, text: str) -> Filter:
        """It begins with the string.

        Args:
            text: The string. Upper and lower case are told apart.

        Raises:
            InvalidProps: It is no string, or has a double quote or a backslash.
        """
        return self._compare("BEGINSWITH", text)

    def ends_with(self, text: str) -> Filter:
        """It ends with the string.

        Args:
            text: The string. Upper and lower case are told apart.

        Raises:
            InvalidProps: It is no string, or has a double quote or a backslash.
        """
        return self._compare("ENDSWITH", text)


class NumberWord(_Ordered):
    """A number: ``response_time > 5``."""

    __slots__ = ()


class StringWord(_Searched):
    """A string: ``user == "x"``, ``http.url.contains("/orders")``, ``user.is_set``."""

    __slots__ = ()


class AnnotationWord(_Ordered, _Searched):
    """An annotation, which has strings, numbers and booleans: ``annotation["customer.id"] == 7``."""

    __slots__ = ()


class AnnotationWords:
    """Annotations by their key."""

    __slots__ = ("_side", "_within")

    def __init__(self, side: str = "", within: Within = as_it_is) -> None:
        self._side = side
        self._within = within

    def __getitem__(self, key: str) -> AnnotationWord:
        """The annotation with this key: letters, digits, underscores, dots, and colons in AWS's own."""
        return AnnotationWord(Annotation(key, self._side), self._within)


class HttpWords:
    """What the request and its response say."""

    __slots__ = ("_within",)

    def __init__(self, within: Within = as_it_is) -> None:
        self._within = within

    @property
    def status(self) -> NumberWord:
        """The status code of the response."""
        return NumberWord("http.status", self._within)

    @property
    def url(self) -> StringWord:
        """The URL of the request."""
        return StringWord("http.url", self._within)

    @property
    def method(self) -> StringWord:
        """The method of the request."""
        return StringWord("http.method", self._within)

    @property
    def user_agent(self) -> StringWord:
        """The user agent of the client."""
        return StringWord("http.useragent", self._within)

    @property
    def client_ip(self) -> StringWord:
        """The IP address of the client."""
        return StringWord("http.clientip", self._within)
