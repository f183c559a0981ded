"""What is wrong with the text of a filter expression, in the words of its language."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from raytrail.errors import InvalidFilter
from raytrail.traces._filter_keywords import GROUPS, KEYWORDS, ROOT_CAUSE_JSON, ROOT_CAUSES
from raytrail.traces._filter_model import And, Filter, Or

if TYPE_CHECKING:
    from lark.exceptions import UnexpectedInput

_PAGE = "https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html"
_ALL = (*KEYWORDS, "annotation", "service", "edge", *GROUPS, *ROOT_CAUSES, ROOT_CAUSE_JSON)

_MEANT = {
    "and": "it stands between two conditions",
    "or": "it stands between two conditions",
    "not": "X-Ray negates with !, as in !fault",
    "exists": "that an annotation or a string is there, it says itself, as in annotation[age]",
    "like": "X-Ray searches with CONTAINS, BEGINSWITH and ENDSWITH",
    "in": "X-Ray compares with one value; join several comparisons by OR",
    "between": "write two comparisons joined by AND, as in duration >= 5 AND duration <= 8",
    "annotation": "it needs a key in brackets, as in annotation[age]",
    "status": "did you mean http.status?",
    "url": "did you mean http.url?",
    "method": "did you mean http.method?",
    "latency": "did you mean responsetime?",
    "true": "a boolean keyword stands alone, as in fault",
    "false": "a boolean keyword is negated with !, as in !fault",
}

_IN_WORDS = {
    "NAME": "a keyword",
    "OPERATOR": "an operator (= != < <= > >= CONTAINS BEGINSWITH ENDSWITH)",
    "AND": "AND",
    "OR": "OR",
    "STRING": "a string in double quotes",
    "NUMBER": "a number",
    "WORD": "true or false",
    "FIELD": "name:, type: or account.id:",
    "ID": "id(…)",
    "LPAR": "(",
    "RPAR": ")",
    "LBRACE": "{",
    "RBRACE": "}",
    "RSQB": "]",
    "LSQB": "[",
    "COMMA": ",",
    "COLON": ":",
    "JSON_STRING": "a string in double quotes",
    "JSON_WORD": "true, false or null",
    "$END": "the end",
}
"""The terminals of the grammar as people call them. Those that are missing begin a keyword or what stands for one."""

_WRONG_QUOTES = "'`\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}"
"""What word processors, shells and other languages write for a double quote."""
_BEGINS_A_CONDITION = {"NAME", "ANNOTATION", "SERVICE", "EDGE", "BANG", "LPAR"}


def problem(text: str, offset: int, message: str, expected: str = "") -> InvalidFilter:
    """The refusal of a text, with the place marked in the line that it is in."""
    begin = text.rfind("\n", 0, offset) + 1
    line = text[begin:].partition("\n")[0].replace("\t", " ")
    column = offset + 1
    return InvalidFilter(
        f"{message} (column {column})\n  {line}\n  {' ' * (offset - begin)}^", column=column, expected=expected
    )


def unknown_keyword(word: str) -> str:
    """What to say of a word that is no keyword."""
    lowered = word.lower()
    hint = _MEANT.get(lowered)
    if hint is None:
        close = _closest(lowered)
        hint = f"did you mean {close}?" if close else f"its keywords are at {_PAGE}"
    return f"X-Ray's filter language has no keyword {word}; {hint}"


def mixed(terms: Sequence[Filter], joints: Sequence[str]) -> str:
    """What to say of AND and OR on one level: both ways in which it may be meant."""
    readings = ", or ".join(str(_grouped(terms, joints, tight)) for tight in ("AND", "OR"))
    return (
        "AND and OR stand on one level, and AWS does not say which binds tighter; say which is meant with parentheses: "
        f"either {readings}; or, as AWS documents no parentheses either, make a group of the inner part and write "
        'group.name = "…" for it'
    )


def unreadable(text: str, error: UnexpectedInput) -> InvalidFilter:
    """The refusal of a text that the grammar does not take, from what the parser says of it."""
    from lark import Token
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    offset = error.pos_in_stream if error.pos_in_stream is not None and error.pos_in_stream >= 0 else len(text)
    if isinstance(error, UnexpectedCharacters):
        return problem(text, offset, _character(text, offset, error.allowed or ()), in_words(error.allowed or ()))
    assert isinstance(error, UnexpectedToken)
    token: Token = error.token
    if token.type == "$END":
        offset = len(text.rstrip())
    before = (error.token_history or [None])[-1]
    if before is not None and before.type == "NAME" and before.lower() not in _ALL:
        return problem(text, before.start_pos or 0, unknown_keyword(str(before)), "a keyword")
    accepts = error.accepts or error.expected
    expected = in_words(accepts or {"AND", "OR", "$END"})  # none where the expression has been whole already
    if token.type != "$END":
        if "WORD" not in accepts and token.type in ("NAME", "WORD") and str(token).lower() in _MEANT:
            return problem(text, offset, unknown_keyword(str(token)), expected)
        return problem(text, offset, f"{_shown(str(token))} cannot stand here; expected {expected}", expected)
    return problem(text, offset, f"the expression ends too early; expected {expected}", expected)


def in_words(terminals: Iterable[str]) -> str:
    """What may stand somewhere, as people call it."""
    left = set(terminals)
    if "NAME" in left:
        # What begins a condition has many forms; one of them says enough.
        left -= _BEGINS_A_CONDITION - {"NAME"}
    if {"AND", "OR"} <= left:
        left -= {"NAME"}
    words = list(dict.fromkeys(word for terminal, word in _IN_WORDS.items() if terminal in left))
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1] if words else "")))


def _character(text: str, offset: int, allowed: Collection[str]) -> str:
    rest = text[offset:]
    if rest[0] == '"':
        return "the string has no closing double quote on its line"
    if rest[0] in _WRONG_QUOTES:
        return f"{rest[0]} is no quote of X-Ray's; a string stands in double quotes"
    if rest[:2] in ("&&", "||"):
        return f"X-Ray has no {rest[:2]}; write {'AND' if rest[0] == '&' else 'OR'}"
    if rest[0].isdigit() and "NUMBER" in allowed:
        unit = rest.split()[0]
        return f"{unit} is no number; times are in seconds and have no unit"
    expected = in_words(allowed)
    return f"{rest[0]} cannot stand here" + (f"; expected {expected}" if expected else "")


def _shown(token: str) -> str:
    return token if len(token) <= 40 else f"{token[:39]}…"


def _closest(word: str) -> str | None:
    plain = {each.replace(".", ""): each for each in _ALL}
    if word.replace("_", "").replace(".", "") in plain:
        return plain[word.replace("_", "").replace(".", "")]
    return next(iter(difflib.get_close_matches(word, _ALL, n=1, cutoff=0.6)), None)


def _grouped(terms: Sequence[Filter], joints: Sequence[str], tight: str) -> Filter:
    """The terms with those in parentheses that ``tight`` joins."""
    inner, outer = (And, Or) if tight == "AND" else (Or, And)
    groups: list[list[Filter]] = [[terms[0]]]
    for word, term in zip(joints, terms[1:], strict=True):
        if word == tight:
            groups[-1].append(term)
        else:
            groups.append([term])
    return outer.of(*(inner.of(*group) if len(group) > 1 else group[0] for group in groups))
