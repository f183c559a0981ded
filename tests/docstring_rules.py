"""What docstrings of public names have to say, as far as a machine can tell. Each rule says what is missing."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeAlias

import griffe
from tools._docstrings import Item, lineage, with_bases
from tools._reference import Method, Public
from tools._reference_rooms import Room
from tools._reference_text import split_default

Rule: TypeAlias = Callable[[Public | Method], Iterator[str]]

# A docstring that begins so names what is returned; one that begins with a verb has to say so.
_NOUNS = re.compile(
    r"(?:The|A|An|Each|Every|Whether|Which|What|Who|Where|When|How|All|As|It|One|Whose|About|Those|SHA-256|[A-Z][\w-]*'s|"
    # A plural, which no verb in the imperative is.
    r"[A-Z][a-z]*[a-rt-z]s)\b|`"
)
_LIMIT = re.compile(
    r"\b(?:at most|up to|no more than|not more than|fewer than)\s+\d[\d,.]*"
    r"|\b\d[\d,]*\s+to\s+\d[\d,]*\s+(?:letters|characters|digits|bytes|KB|of\b)"
)


def complaints(room: Room, raising: Raising) -> list[str]:
    """What the docstrings of a room do not say, a sentence each, with the place that it is about."""
    found = [] if room.docs.text else [f"{room.name} has no docstring"]
    each_of: tuple[Rule, ...] = (has_a_docstring, arguments_are_said, defaults_are_said, returns_are_said, raising.rule)
    for public in (*room.names, *room.types):
        places: tuple[Public | Method, ...] = (public, *public.methods)
        found += [f"{of.path} {complaint}" for rule in each_of for of in places for complaint in rule(of)]
        for of_all in (attributes_are_said, limits_have_a_page):
            found += [f"{public.path} {complaint}" for complaint in of_all(public)]
    return found


def has_a_docstring(of: Public | Method) -> Iterator[str]:
    """Everything public has one."""
    if not of.docs.text:
        yield "has no docstring"


def arguments_are_said(of: Public | Method) -> Iterator[str]:
    """Each argument is described, and no other."""
    if _is_error(of):
        return
    names = {item.name for item in of.arguments}
    for item in of.arguments:
        if not split_default(item.doc)[1]:
            yield f"does not say what {item.name!r} is"
    for name in set(of.docs.args) - names:
        yield f"describes an argument {name!r} that it does not take"


def defaults_are_said(of: Public | Method) -> Iterator[str]:
    """What holds when an argument is left out is said in words."""
    for item in () if _is_error(of) or _is_setting(of) else of.arguments:
        if item.default is not None and not split_default(item.doc)[0]:
            yield f"does not say the default of {item.name!r} in words: 'Default: …'"


def attributes_are_said(of: Public) -> Iterator[str]:
    """Each attribute is described, and no other."""
    for item in of.attributes:
        if not item.doc:
            yield f"does not say what its attribute {item.name!r} is"
    known = {item.name for item in (*of.attributes, *of.arguments)} | _inherited(of)
    for name in set(of.docs.attributes) - known:
        yield f"describes an attribute {name!r} that it does not have"


def returns_are_said(of: Public | Method) -> Iterator[str]:
    """A function that returns something says what."""
    returns = Method(of.path, of.source).returns if isinstance(of.source, griffe.Function) else ""
    said = of.docs.returns or re.search(r"\breturns?\b", of.docs.text, re.IGNORECASE) or _NOUNS.match(of.docs.text)
    if returns and not said:
        yield "does not say what it returns"


def limits_have_a_page(public: Public) -> Iterator[str]:
    """Where a limit is said, there is a link to the page that it comes from."""
    texts = [*_texts(public), *(text for method in public.methods for text in _texts(method))]
    if not any("https://" in text for text in texts):
        for limit in filter(None, map(_LIMIT.search, texts)):
            yield f"says a limit ({limit[0]}) and no page that it comes from"
            break


@dataclass(frozen=True)
class Raising:
    """Which errors of a tree functions raise, as their source tells."""

    package: griffe.Module
    root: str
    """The path of the class at the root of the tree, as ``raytrail.errors.RaytrailError``."""
    public: frozenset[str]
    """Where each public name is written: what it raises, it says itself."""

    def rule(self, of: Public | Method) -> Iterator[str]:
        """Each error that is raised on purpose is named under Raises, itself or as what it is one of."""
        said = {name.rpartition(".")[2] for name, _ in of.docs.raises}
        for error in sorted(self._of(of)):
            if not self.tree[error] & said:
                yield f"does not say that it raises {error}"
        for name in said - set(self.tree) - set(of.source.module.members) - set(vars(builtins)):
            yield f"says that it raises {name}, which is no error"

    @cached_property
    def tree(self) -> dict[str, set[str]]:
        """The errors of the tree by name, each with what it is one of."""
        found = {}
        for each in _classes(self.package):
            every = with_bases(each)
            if self.root in {base.path for base in every}:
                found[each.name] = {name.rpartition(".")[2] for name in (*(b.path for b in every), *lineage(each))}
        return found

    def _of(self, of: Public | Method) -> set[str]:
        if isinstance(of.source, griffe.Function):
            return self._raised(of.source)
        if not isinstance(of, Public) or not isinstance(of.source, griffe.Class) or not of.imported:
            return set()
        makers = [of.init, *(owner.members.get("__post_init__") for owner in with_bases(of.source))]
        return {error for each in makers if isinstance(each, griffe.Function) for error in self._raised(each)}

    def _raised(self, function: griffe.Function, seen: frozenset[str] = frozenset()) -> set[str]:
        node = _node_of(function)
        return self._among(node.body, function, seen | {function.path}) if node is not None else set()

    def _among(self, nodes: Iterable[ast.AST], within: griffe.Function, seen: frozenset[str]) -> set[str]:
        found: set[str] = set()
        for node in nodes:
            match node:
                case ast.FunctionDef() | ast.Lambda() | ast.ClassDef():
                    continue
                case ast.Try():
                    caught = {name for each in node.handlers for name in _names(each.type)}
                    inside = self._among(node.body, within, seen)
                    found |= {error for error in inside if not caught & self._caught_as(error)}
                    found |= self._among([*node.handlers, *node.orelse, *node.finalbody], within, seen)
                    continue
                case ast.Raise(exc=ast.Call(func=ast.Name(id=name)) | ast.Name(id=name)) if name in self.tree:
                    found.add(name)
                case ast.Call():
                    found |= self._called(node, within, seen)
            found |= self._among(ast.iter_child_nodes(node), within, seen)
        return found

    def _caught_as(self, error: str) -> set[str]:
        return self.tree[error] | {"Exception", "BaseException"}

    def _called(self, call: ast.Call, within: griffe.Function, seen: frozenset[str]) -> set[str]:
        """What a helper raises that is called here: what is public says so itself."""
        target: object = None
        match call.func:
            case ast.Name(id=name):
                target = within.module.members.get(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if isinstance(within.parent, griffe.Class):
                owners = with_bases(within.parent)
                target = next((owner.members[name] for owner in owners if name in owner.members), None)
        if isinstance(target, griffe.Alias):
            if not target.target_path.startswith(f"{self.package.path}."):
                return set()
            target = target.final_target
        if not isinstance(target, griffe.Function) or target.path in self.public | seen:
            return set()
        return self._raised(target, seen)


def _is_setting(of: Public | Method) -> bool:
    """Whether its defaults are JSON, which says itself what it means."""
    return isinstance(of.source, griffe.Class) and "pydantic.BaseModel" in set(lineage(of.source))


def _is_error(of: Public | Method) -> bool:
    """Whether it is made by raytrail itself, and only caught by others."""
    return isinstance(of, Public) and of.kind == "error"


def _inherited(public: Public) -> set[str]:
    owners = with_bases(public.source) if isinstance(public.source, griffe.Class) else []
    return {name for owner in owners for name in owner.members}


def _texts(of: Public | Method) -> Iterator[str]:
    docs = of.docs
    items: Iterable[Item] = of.arguments if isinstance(of, Method) else (*of.arguments, *of.attributes)
    yield from (docs.text, docs.returns, *(why for _, why in docs.raises), *(item.doc for item in items))


def _classes(module: griffe.Module) -> Iterator[griffe.Class]:
    for member in module.members.values():
        if isinstance(member, griffe.Module):
            yield from _classes(member)
        elif isinstance(member, griffe.Class):
            yield member


def _names(expression: ast.expr | None) -> set[str]:
    """The errors that a handler catches: all of them, if it names none."""
    if expression is None:
        return {"BaseException"}
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def _node_of(function: griffe.Function) -> ast.FunctionDef | None:
    if not isinstance(function.filepath, Path):
        return None
    return _functions(function.filepath).get((function.name, function.endlineno or 0))


@cache
def _functions(file: Path) -> dict[tuple[str, int], ast.FunctionDef]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {(node.name, node.end_lineno or 0): node for node in found}
