"""Makes filters of what the grammar took, and refuses what has no meaning, each at its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from raytrail.errors import InvalidFilter, InvalidProps
from raytrail.traces._filter_blocks import Edge, InGroup, RootCause, RootCauseJson, Service, ServiceId
from raytrail.traces._filter_keywords import (
    EQUAL,
    GROUPS,
    KEYWORDS,
    OF_THE_TRACE_ALONE,
    OPERATORS,
    ROOT_CAUSE_JSON,
    ROOT_CAUSES,
    Scope,
    Value,
    check_operator,
    check_scope,
    check_value,
)
from raytrail.traces._filter_model import And, Annotation, Comparison, Filter, Is, IsSet, Or, Subject
from raytrail.traces._filter_problems import in_words, mixed, problem, unknown_keyword

if TYPE_CHECKING:
    from lark import Token, Tree

    Node: TypeAlias = Tree[Token]

_ANNOTATION = re.compile(r"(?:(source|destination)\s*\.\s*)?annotation\s*(?:\[([^\]\n]*)\]|\.([\w.:]+))", re.IGNORECASE)
_INTEGER = re.compile(r"[-+]?\d{1,300}")
_ID_FIELDS = {"name": "name", "type": "type", "account.id": "account_id"}
_TERMINALS = {
    "boolean": {"WORD"},
    "number": {"NUMBER"},
    "string": {"STRING"},
    "annotation": {"STRING", "NUMBER", "WORD"},
}
_DEEPEST = 40
"""How deep parentheses and braces nest: more than anybody writes, and less than Python's stack is deep."""


class Reader:
    """Makes values of a tree, and says where in the text it was when one is refused."""

    def __init__(self, text: str) -> None:
        self._text = text

    def expression(self, tree: Node, scope: Scope, depth: int = 0) -> Filter:
        """Conditions and what joins them."""
        if depth > _DEEPEST:
            raise self._problem(tree, f"parentheses and braces nest more than {_DEEPEST} deep")
        terms: list[Filter] = []
        joints: list[tuple[str, Node]] = []
        for child in _trees(tree):
            if child.data == "joint":
                joints.append((_tokens(child)[0].upper(), child))
                continue
            if len(joints) < len(terms):
                joints.append(("AND", child))  # side by side
            terms.append(self._term(child, scope, depth))
        words = [word for word, _ in joints]
        for word, where in joints:
            if word != words[0]:
                raise self._problem(where, mixed(terms, words), words[0])
        if not words:
            return terms[0]
        return (And if words[0] == "AND" else Or).of(*terms)

    def _term(self, tree: Node, scope: Scope, depth: int) -> Filter:
        match tree.data:
            case "negation":
                return self._negation(tree, scope, depth)
            case "parenthesis":
                return self.expression(_trees(tree)[0], scope, depth + 1)
            case "condition":
                return self._condition(tree, scope)
        return self._with_braces(tree, scope, depth)

    def _negation(self, tree: Node, scope: Scope, depth: int) -> Filter:
        (negated,) = _trees(tree)
        filter = self._term(negated, scope, depth)
        with self._blaming(tree):
            opposite = ~filter
        if negated.data == "parenthesis":
            raise self._problem(tree, f"! stands before one keyword, not before parentheses; write {opposite}")
        if isinstance(filter, Comparison | InGroup | RootCauseJson):
            raise self._problem(tree, f"! stands before a keyword without a comparison; write {opposite}")
        return opposite

    def _condition(self, tree: Node, scope: Scope) -> Filter:
        name, *operators = _tokens(tree)
        subject = self._subject(name)
        if isinstance(subject, str) and subject in OF_THE_TRACE_ALONE:
            with self._blaming(name):
                check_scope(subject, scope, frozenset({Scope.TRACE}))
        if not operators:
            filter = self._alone(name, subject)
        else:
            filter = self._comparison(subject, operators[0], _trees(tree)[0])
        with self._blaming(name):
            filter.check(scope)
        return filter

    def _subject(self, name: Token) -> Subject:
        """What a condition is about, which may also be a group or ``rootcause.json``."""
        if name.type == "ANNOTATION":
            with self._blaming(name):
                return _annotation(str(name))
        keyword = name.lower()
        if keyword in ROOT_CAUSES:
            raise self._problem(name, f"{keyword} needs a filter in braces", "{")
        if keyword not in (*KEYWORDS, *GROUPS, ROOT_CAUSE_JSON):
            raise self._problem(name, unknown_keyword(str(name)), "a keyword")
        return keyword

    def _alone(self, name: Token, subject: Subject) -> Filter:
        if subject in GROUPS or subject == ROOT_CAUSE_JSON:
            raise self._problem(name, f"{subject} is compared by = or != and does not stand alone", "= or !=")
        with self._blaming(name):
            if isinstance(subject, str) and KEYWORDS[subject].kind == "boolean":
                return Is(subject)
            return IsSet(subject)

    def _comparison(self, subject: Subject, written: Token, tree: Node) -> Filter:
        operator, value = written.upper(), self._value(subject, tree)
        kind = "annotation" if isinstance(subject, Annotation) else "string"
        if isinstance(subject, str) and subject in KEYWORDS:
            kind = KEYWORDS[subject].kind
        if subject in GROUPS or subject == ROOT_CAUSE_JSON:
            kind = "boolean"  # the two operators that it has, too
        with self._blaming(written, " or ".join(OPERATORS[kind])):
            check_operator(str(subject), kind, operator)
        with self._blaming(tree, in_words(_TERMINALS[kind])):
            if subject == ROOT_CAUSE_JSON:
                return RootCauseJson(str(value), operator == EQUAL)
            if subject in GROUPS:
                return InGroup(str(subject), str(value), operator == EQUAL)
            check_value(str(subject), kind, operator, value)
            if isinstance(subject, str) and isinstance(value, bool):
                return Is(subject, value is (operator == EQUAL))
            return Comparison(subject, operator, value)

    def _value(self, subject: Subject, tree: Node) -> Value:
        if inner := _trees(tree):
            if subject != ROOT_CAUSE_JSON:
                raise self._problem(tree, f"#[…] is a root cause, to which {ROOT_CAUSE_JSON} is compared")
            (document,) = _trees(inner[0])
            return self._text[document.meta.start_pos : document.meta.end_pos]
        (token,) = _tokens(tree)
        if subject == ROOT_CAUSE_JSON:
            raise self._problem(token, f"{subject} is compared with a root cause, as in #[{{…}}], got {token}", "#[")
        if subject in GROUPS and token.type != "STRING":
            raise self._problem(token, f'{subject} is compared with a string, got {token}; write "{token}"')
        match token.type:
            case "STRING":
                return str(token)[1:-1]
            case "NUMBER":
                return int(token) if _INTEGER.fullmatch(token) else float(token)
        if token.lower() not in ("true", "false"):
            expected = in_words({"STRING", "NUMBER", "WORD"})
            raise self._problem(token, f'{token} is no value; a string stands in double quotes: "{token}"', expected)
        return token.lower() == "true"

    def _with_braces(self, tree: Node, scope: Scope, depth: int) -> Filter:
        name = _tokens(tree)[0]
        keyword = name.lower()
        if keyword not in OF_THE_TRACE_ALONE:
            known = keyword in KEYWORDS
            message = f"{keyword} has no braces; service, edge and rootcause.… have" if known else unknown_keyword(name)
            raise self._problem(name, message)
        with self._blaming(name):
            check_scope(keyword, scope, frozenset({Scope.TRACE}))
        within = ROOT_CAUSES.get(keyword) or (Scope.SERVICE if keyword == "service" else Scope.EDGE)
        filters = [self.expression(each, within, depth + 1) for each in _trees(tree) if each.data == "expression"]
        filter = filters[0] if filters else None
        ids = [self._reference(each) for each in _trees(tree) if each.data == "reference"]
        if keyword == "service":
            return Service(service=ids[0] if ids else None, filter=filter)
        if keyword == "edge":
            return Edge(ends=(ids[0], ids[1]) if ids else None, filter=filter)
        assert filter is not None  # the grammar has no rootcause without braces
        with self._blaming(name):
            return RootCause(keyword, filter)

    def _reference(self, tree: Node) -> ServiceId:
        fields: dict[str, str] = {}
        for name, value in map(_tokens, _trees(tree)):
            field = _ID_FIELDS.get(name.lower())
            if field is None or field in fields:
                wrong = f"no {name}" if field is None else f"{name} twice"
                raise self._problem(name, f"id() has {wrong}; it has name, type and account.id", in_words({"FIELD"}))
            fields[field] = str(value)[1:-1]
        with self._blaming(tree):
            return ServiceId(**fields) if fields else ServiceId(name=str(_tokens(tree)[0])[1:-1])

    @contextmanager
    def _blaming(self, where: Node | Token, expected: str = "") -> Iterator[None]:
        """Say of what is refused where it stands."""
        try:
            yield
        except InvalidFilter:
            raise
        except InvalidProps as error:
            raise self._problem(where, str(error), expected) from None

    def _problem(self, where: Node | Token, message: str, expected: str = "") -> InvalidFilter:
        offset = where.meta.start_pos if hasattr(where, "meta") else where.start_pos
        return problem(self._text, offset or 0, message, expected)


def _annotation(text: str) -> Annotation:
    match = _ANNOTATION.fullmatch(text)
    assert match is not None  # as the grammar has it
    side, in_brackets, after_dot = match.groups()
    if after_dot and "." in after_dot:
        raise InvalidProps(f"an annotation key with dots stands in brackets; write annotation[{after_dot}]")
    return Annotation((after_dot or in_brackets).strip(), (side or "").lower())


def _trees(tree: Node) -> list[Node]:
    # A token is a string; None stands for an optional part that is not there.
    return [child for child in tree.children if child is not None and not isinstance(child, str)]


def _tokens(tree: Node) -> list[Token]:
    return [child for child in tree.children if isinstance(child, str)]
