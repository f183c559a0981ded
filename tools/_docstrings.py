"""Docstrings taken apart, and the parameters and attributes that they speak of, as griffe reads them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import griffe

By: TypeAlias = Literal["position", "keyword", "*", "**"]


@dataclass(frozen=True, kw_only=True)
class Docs:
    """A docstring, taken apart."""

    text: str = ""
    args: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    raises: tuple[tuple[str, str], ...] = ()
    """Each error and when it is raised."""
    returns: str = ""

    @property
    def summary(self) -> str:
        """The first paragraph, on one line."""
        return " ".join(self.text.partition("\n\n")[0].split())

    def __add__(self, more: Docs) -> Docs:
        return Docs(
            text="\n\n".join(filter(None, (self.text, more.text))),
            args=self.args | more.args,
            attributes=self.attributes | more.attributes,
            raises=self.raises + more.raises,
            returns=self.returns or more.returns,
        )


@dataclass(frozen=True, kw_only=True)
class Item:
    """An argument, a field or an attribute."""

    name: str
    type: str = ""
    default: str | None = None
    """As the source has it. Default: it must be given."""
    doc: str = ""
    by: By = "position"
    """How it is given."""


def read_docs(source: griffe.Object) -> Docs:
    """Take the docstring of something apart; without one, nothing is in it."""
    if source.docstring is None:
        return Docs()
    found = Docs()
    for section in source.docstring.parse(
        "google", warnings=False, returns_named_value=False, returns_multiple_items=False
    ):
        match section:
            case griffe.DocstringSectionText():
                found += Docs(text=section.value)
            case griffe.DocstringSectionParameters():
                found += Docs(args={each.name: each.description for each in section.value})
            case griffe.DocstringSectionAttributes():
                found += Docs(attributes={each.name: each.description for each in section.value})
            case griffe.DocstringSectionRaises():
                found += Docs(raises=tuple((str(each.annotation), each.description) for each in section.value))
            case griffe.DocstringSectionReturns() | griffe.DocstringSectionYields():
                found += Docs(returns=" ".join(each.description for each in section.value))
            case _:
                raise SystemExit(f"{source.path}: no page shows a section of {section.kind.value}; write it as prose")
    return found


def with_bases(source: griffe.Class) -> list[griffe.Class]:
    """A class and those of our own that it stands on, nearest first."""
    found = [source]
    for base in source.resolved_bases:
        target = base.final_target if isinstance(base, griffe.Alias) else base
        if isinstance(target, griffe.Class):
            found += [each for each in with_bases(target) if each not in found]
    return found


def named_by(name: griffe.Expr, source: griffe.Object) -> griffe.Class | griffe.Attribute | None:
    """The class or the alias of a type that a name in an annotation of something stands for, if it is one of ours."""
    try:
        found = source.modules_collection[name.canonical_path]
    except KeyError:
        return None
    target = found.final_target if isinstance(found, griffe.Alias) else found
    return target if isinstance(target, griffe.Class | griffe.Attribute) else None


def lineage(source: griffe.Class) -> Iterator[str]:
    """The path of each class that a class stands on, as far as our own sources tell."""
    for owner in with_bases(source):
        for base in owner.bases:
            yield str(base) if isinstance(base, str) else base.canonical_path


def argument(parameter: griffe.Parameter, doc: str) -> Item:
    """A parameter, with what is said of it."""
    kinds: dict[griffe.ParameterKind | None, By] = {
        griffe.ParameterKind.keyword_only: "keyword",
        griffe.ParameterKind.var_positional: "*",
        griffe.ParameterKind.var_keyword: "**",
    }
    by = kinds.get(parameter.kind, "position")
    # griffe gives a starred one an empty default, which nobody wrote.
    default = None if parameter.default is None or by.startswith("*") else str(parameter.default)
    return Item(name=parameter.name, type=text_of(parameter.annotation), default=default, doc=doc, by=by)


def field_of(member: griffe.Attribute, *, by: By) -> Item:
    """A field of a named tuple or of the settings, whose description stands in a call of pydantic's ``Field``."""
    doc, value = read_docs(member).text, member.value
    default = None if value is None else str(value)
    if isinstance(value, griffe.ExprCall) and str(value.function) == "Field":
        call = ast.parse(str(value), mode="eval").body
        assert isinstance(call, ast.Call)
        default = ast.unparse(call.args[0]) if call.args else None
        said = next((each.value for each in call.keywords if each.arg == "description"), None)
        doc = doc or (str(said.value) if isinstance(said, ast.Constant) else "")
    return Item(name=member.name, type=text_of(member.annotation), default=default, doc=doc, by=by)


def type_of(member: griffe.Attribute) -> str:
    """The type of an attribute: as annotated, or as the value that it is given tells."""
    if member.annotation is not None:
        return text_of(given(member))
    value, owner = member.value, member.parent
    if isinstance(value, griffe.ExprName) and owner is not None:
        init = owner.members.get("__init__")
        known = init.parameters if isinstance(init, griffe.Function) else {}
        return text_of(known[value.name].annotation) if value.name in known else ""
    called = str(value.function) if isinstance(value, griffe.ExprCall) else ""
    return called if called.rpartition(".")[2][:1].isupper() else ""


def given(member: griffe.Attribute) -> str | griffe.Expr | None:
    """The annotation of what one gets when one asks for an attribute: of a descriptor, that of its ``__get__``."""
    annotation = member.annotation
    kind = named_by(annotation, member) if isinstance(annotation, griffe.ExprName) else None
    get = kind.members.get("__get__") if kind is not None else None
    return get.returns if isinstance(get, griffe.Function) else annotation


def text_of(annotation: str | griffe.Expr | None) -> str:
    """An annotation as it is written; of ``Annotated`` the type alone, since what it allows is said in words."""
    if isinstance(annotation, griffe.ExprSubscript) and str(annotation.left) == "Annotated":
        inside = annotation.slice
        annotation = inside.elements[0] if isinstance(inside, griffe.ExprTuple) else inside
    return "" if annotation is None else str(annotation)
