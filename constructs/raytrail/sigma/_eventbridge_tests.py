"""What EventBridge can ask of one field, and which two questions are one question.

The operators: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Literal, TypeAlias, cast

from raytrail.sigma._errors import NotExpressible

How = Literal["is", "starts", "ends", "like"]


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is, starts with, ends with, or is like another. Numbers and booleans never match."""

    how: How
    text: str
    """For ``like`` in EventBridge's notation, in which ``*`` is any text, and a backslash takes that away."""
    cased: bool = True

    def __post_init__(self) -> None:
        if not self.cased and self.text.lower() == self.text.upper():
            object.__setattr__(self, "cased", True)  # nothing in it has a case

    def accepts(self, text: str, *, cased: bool | None = None) -> bool:
        """Whether ``text`` matches. Default for ``cased``: as the test says."""
        mine, theirs = (
            (self.text, text) if (self.cased if cased is None else cased) else (self.text.lower(), text.lower())
        )
        match self.how:
            case "is":
                return mine == theirs
            case "starts":
                return theirs.startswith(mine)
            case "ends":
                return theirs.endswith(mine)
            case "like":
                return _expression(mine).fullmatch(theirs) is not None

    def json(self) -> Any:
        """As a pattern has it."""
        match self.how:
            case "is":
                return self.text if self.cased else {"equals-ignore-case": self.text}
            case "starts" | "ends":
                name = "prefix" if self.how == "starts" else "suffix"
                return {name: self.text if self.cased else {"equals-ignore-case": self.text}}
            case "like":
                return {"wildcard": self.text}


@dataclass(frozen=True, slots=True)
class But:
    """Anything that is there and is none of these: numbers, booleans and null too."""

    texts: tuple[Text, ...]

    def json(self) -> Any:
        """As a pattern has it.

        Raises:
            NotExpressible: The texts are of kinds that one ``anything-but`` does not take together.
        """
        kinds = {(each.how, each.cased) for each in self.texts}
        if kinds == {("is", True)}:
            return {"anything-but": _one_or_many([each.text for each in self.texts])}
        if kinds == {("is", False)}:
            return {"anything-but": {"equals-ignore-case": _one_or_many([each.text for each in self.texts])}}
        if not all(cased for _, cased in kinds):
            raise NotExpressible(
                "EventBridge negates parts of texts only with regard to case, and whole texts without regard to case"
                " only by themselves; add |cased to what is negated"
            )
        name = (
            {("starts", True): "prefix", ("ends", True): "suffix"}.get(next(iter(kinds))) if len(kinds) == 1 else None
        )
        if name is not None:
            return {"anything-but": {name: _one_or_many([each.text for each in self.texts])}}
        return {"anything-but": {"wildcard": _one_or_many([_wildcard(each) for each in self.texts])}}


@dataclass(frozen=True, slots=True)
class Literally:
    """``true``, ``false``, ``null`` or a number."""

    value: bool | int | float | None

    def json(self) -> Any:
        """As a pattern has it."""
        return self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literally) and repr(other.value) == repr(self.value)  # True is not 1 here

    def __hash__(self) -> int:
        return hash(repr(self.value))


@dataclass(frozen=True, slots=True)
class Between:
    """A number that is above one bound, below another, or both. Texts never match."""

    above: tuple[Literal[">", ">="], int | float] | None = None
    below: tuple[Literal["<", "<="], int | float] | None = None

    def accepts(self, number: int | float) -> bool:
        """Whether ``number`` matches."""
        if self.above is not None and not (number > self.above[1] or (self.above[0], self.above[1]) == (">=", number)):
            return False
        return self.below is None or number < self.below[1] or (self.below[0], self.below[1]) == ("<=", number)

    def json(self) -> Any:
        """As a pattern has it."""
        return {"numeric": [*(self.above or ()), *(self.below or ())]}


@dataclass(frozen=True, slots=True)
class Network:
    """An address of a network."""

    cidr: str

    def accepts(self, text: str) -> bool:
        """Whether ``text`` is an address of it."""
        try:
            return ip_address(text) in ip_network(self.cidr)
        except ValueError:
            return False

    def json(self) -> Any:
        """As a pattern has it."""
        return {"cidr": self.cidr}


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether the field is there at all."""

    there: bool

    def json(self) -> Any:
        """As a pattern has it."""
        return {"exists": self.there}


Test: TypeAlias = Text | But | Literally | Between | Network | Exists
Cell: TypeAlias = tuple[Test, ...]
"""What a pattern says of one field: any of these. Empty: nothing matches."""


def either(one: Cell, other: Cell) -> Cell | None:
    """What matches any of two cells. None: everything does."""
    tests = tuple(dict.fromkeys([*one, *other]))
    if Exists(True) in tests:
        return None if Exists(False) in tests else (Exists(True),)
    return tests


def both(one: Cell, other: Cell) -> Cell:
    """What matches two cells at once, of a field that is no array.

    Raises:
        NotExpressible: EventBridge has no single question for both.
    """
    if set(one) <= set(other):
        return one
    if set(other) <= set(one):
        return other
    found = (_both(this, that) for this in one for that in other)
    return tuple(dict.fromkeys(test for test in found if test is not None))


def _both(one: Test, other: Test) -> Test | None:
    """The test that says what two say together. None: nothing matches both."""
    if one == other:
        return one
    if type(one) is type(other):
        return _both_alike(one, other)
    found = _both_apart(one, other)
    if found is _OTHER_WAY:
        found = _both_apart(other, one)
    return cast("Test | None", found)


_OTHER_WAY = object()


def _both_apart(one: Test, other: Test) -> Test | object | None:
    """For two tests of different kinds, in the order in which the kinds are listed here."""
    keeps_one = False
    match one, other:
        case Exists(there=there), _:
            return other if there and other != Literally(None) else None  # null is not there either
        case Text(), But():
            return _except(one, other)
        case ((Text(how="starts" | "ends" | "like") | Text(cased=False)), Network()):
            raise _two()
        case Literally(value=value), Between():
            keeps_one = isinstance(value, int | float) and not isinstance(value, bool) and other.accepts(value)
        case ((Literally() | Between()), (But() | Text() | Network())):
            keeps_one = isinstance(other, But)
        case Text(text=text), Network():
            keeps_one = other.accepts(text)
        case Network(), But(texts=texts):
            if any(each.how != "is" or one.accepts(each.text) for each in texts):
                raise _two()
            keeps_one = True
        case _:
            return _OTHER_WAY
    return one if keeps_one else None


def _both_alike(one: Test, other: Test) -> Test | None:
    match one, other:
        case But(), But():
            merged = But(tuple(dict.fromkeys([*one.texts, *other.texts])))
            merged.json()  # refuses what does not go together
            return merged
        case Between(), Between():
            return _both_ranges(one, other)
        case Network(), Network():
            this, that = ip_network(one.cidr), ip_network(other.cidr)
            if this.version != that.version or not this.overlaps(that):
                return None
            return one if this.prefixlen > that.prefixlen else other
        case Text(), Text():
            return _both_texts(one, other)
    return None  # two literals, or there and not there


def _both_ranges(one: Between, other: Between) -> Between | Literally | None:
    lowest = [each for each in (one.above, other.above) if each is not None]
    highest = [each for each in (one.below, other.below) if each is not None]
    above = max(lowest, key=lambda bound: (bound[1], bound[0] == ">"), default=None)
    below = min(highest, key=lambda bound: (bound[1], bound[0] == "<="), default=None)
    if above is None or below is None or above[1] < below[1]:
        return Between(above, below)
    return Literally(above[1]) if above[1] == below[1] and (above[0], below[0]) == (">=", "<=") else None


def _both_texts(one: Text, other: Text) -> Text | None:
    for this, that in ((one, other), (other, one)):
        if (that.how, that.text) == ("starts", ""):
            return this  # every text does
        if this.how == "is":
            if not that.accepts(this.text, cased=this.cased and that.cased):
                return None
            if this.cased or not that.cased:
                return this
        elif this.how == that.how != "like" and this.cased == that.cased and that.accepts(this.text):
            return this
    starts = one.how == other.how == "starts"
    if starts and not any(this.accepts(that.text, cased=False) for this, that in ((one, other), (other, one))):
        return None
    raise _two()


def _except(text: Text, but: But) -> Text | None:
    """A text test less what is excluded from it."""
    left = [each for each in but.texts if not (each.how == "is" and not text.accepts(each.text, cased=False))]
    if text.how == "is":
        if any(each.accepts(text.text) and (text.cased or not each.cased) for each in left):
            return None
        left = [each for each in left if not text.cased and each.accepts(text.text, cased=False)]
    if left:
        raise _two()
    return text


def _two() -> NotExpressible:
    return NotExpressible(
        "asks two things of one field at once, for which EventBridge has no single comparison;"
        " make them one, or alternatives"
    )


def _one_or_many(texts: list[str]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else texts


def escaped(text: str) -> str:
    """A text as EventBridge's ``wildcard`` has it where it stands for itself."""
    return text.replace("\\", "\\\\").replace("*", "\\*")


def _wildcard(test: Text) -> str:
    match test.how:
        case "is":
            return escaped(test.text)
        case "starts":
            return escaped(test.text) + "*"
        case "ends":
            return "*" + escaped(test.text)
        case "like":
            return test.text


def _expression(wildcard: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|\*|[^\\*]+", wildcard, re.DOTALL)
    literal = (re.escape(part[1:] if part[0] == "\\" else part) if part != "*" else ".*" for part in parts)
    return re.compile("".join(literal), re.DOTALL)
