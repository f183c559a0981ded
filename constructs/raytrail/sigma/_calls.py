"""Which events a rule can match, by their source and name, whatever else it asks."""

from __future__ import annotations

from raytrail.sigma._errors import NotExpressible
from raytrail.sigma._eventbridge_tests import Cell, Test, Text
from raytrail.sigma._model import Call
from raytrail.sigma._normal import All, Fact, Formula, Some, Term, loose, pushed, terms_of

_FIELDS = ("eventSource", "eventName")


def calls_of(formula: Formula) -> tuple[Call, ...]:
    """The events that the rule can match: never fewer, perhaps more.

    What the rule excludes stays in, and what EventBridge cannot ask of a source or a name counts as any. Empty:
    nothing matches.
    """
    found = [
        Call(source, name)
        for term in _terms(pushed(formula))
        for source in _globs(term.get("eventSource"), small=True)
        for name in _globs(term.get("eventName"))
    ]
    return tuple(dict.fromkeys(found))


def _terms(formula: Formula) -> list[Term]:
    try:
        return terms_of(loose(formula, keep=_of_a_name))
    except NotExpressible:
        # Two questions about a name that are not one, or very many of them: then each by itself, unless all must hold.
        if isinstance(formula, Some):
            return [term for part in formula.parts for term in _terms(part)]
        if isinstance(formula, All):
            return min(
                (_terms(part) for part in formula.parts),
                key=lambda terms: (any(not each for each in terms), len(terms)),
            )
        return [{}]


def _of_a_name(fact: Fact) -> bool:
    return fact.field in _FIELDS


def _globs(cell: Cell | None, *, small: bool = False) -> list[str]:
    """What a field can be. ``small``: AWS writes it without capitals, so that its case is known."""
    found = [_glob(test, small) for test in cell] if cell is not None else ["*"]
    return ["*"] if "*" in found else found


def _glob(test: Test, small: bool) -> str:
    match test:
        case Text(how="like", text=text, cased=True):
            return text.replace("\\", "")
        case Text(how=how, text=text, cased=cased) if cased or small:
            known = text.lower() if small else text
            return {"is": known, "starts": f"{known}*", "ends": f"*{known}"}[how]
    return "*"
