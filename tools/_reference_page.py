"""The pages of the reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import griffe
from tools._docstrings import Docs, Item, text_of
from tools._reference import Kind, Method, Public
from tools._reference_rooms import Room
from tools._reference_text import Links, code, file_of, joined, split_default, table

NOTE = "<!-- Written by `make api` from the docstrings: change those, not this page. -->"
INTRODUCTION = """\
Every public name of the package, a page for each room. What begins with `_`, a name or a module, may change without \
a word.

Constructs are made as `Name(scope, id, …)`: where one stands in the tree, what it is called there, and keywords. The \
tables leave the first two out. Values refuse nonsense when they are made, with an error of \
[raytrail.errors](errors.md), and do not change after. The column *default* says what holds when an argument is left \
out. Types are written as in the sources, where `iam` is `aws_cdk.aws_iam`, and so on."""

WIDTH = 100
"""Characters of a line of a signature."""

_TITLES: Mapping[Kind, tuple[str, str]] = {
    "construct": ("Constructs", "construct"),
    "value": ("Values", "value"),
    "class": ("Classes", "class"),
    "function": ("Functions", "function"),
    "name": ("Constants, types and words", ""),
    "error": ("Errors", "error"),
}


def pages(rooms: Sequence[Room]) -> dict[str, str]:
    """The text of each page by the name of its file."""
    links = Links(rooms)
    rows = [[f"[{room.name}]({file_of(room.name)})", links.cell(room.docs.summary, room.name)] for room in rooms]
    index = joined("# Reference", NOTE, INTRODUCTION, table(("room", "what is in it"), rows))
    return {"index.md": f"{index}\n", **{file_of(room.name): f"{_Page(room, links).written()}\n" for room in rooms}}


class _Page:
    """The page of one room."""

    def __init__(self, room: Room, links: Links) -> None:
        self._room = room
        self._links = links

    def written(self) -> str:
        """Its text."""
        groups = {kind: [each for each in self._room.names if each.kind == kind] for kind in _TITLES}
        return joined(
            f"# {self._room.name}",
            NOTE,
            "[All rooms](index.md)",
            self._links.prose(self._room.docs.text, self._room.name),
            self._contents(groups),
            self._again(),
            *(part for kind, names in groups.items() if names for part in self._group(kind, names)),
            *self._types(),
        )

    def _contents(self, groups: Mapping[Kind, Sequence[Public]]) -> str:
        rows = [
            [self._link(each.name), _TITLES[kind][1], self._cell(each.docs.summary)]
            for kind, names in groups.items()
            if kind != "name"
            for each in names
        ]
        return table(("name", "kind", "what it is"), rows) if rows else ""

    def _again(self) -> str:
        """What the room gives again, by the room that it is from."""
        rooms = dict.fromkeys(each.room for each in self._room.again)
        said = [
            f"{self._link(room)}: " + ", ".join(f"`{each.name}`" for each in self._room.again if each.room == room)
            for room in rooms
        ]
        return f"Given here too, from {'; from '.join(said)}." if said else ""

    def _group(self, kind: Kind, names: Sequence[Public]) -> Iterator[str]:
        yield f"## {_TITLES[kind][0]}"
        if kind == "name":
            yield self._table(names)
        else:
            yield from (part for each in names for part in self._described(each))

    def _types(self) -> Iterator[str]:
        if self._room.types:
            yield "## Types that come with these"
            yield "What the names above take or give. They are not imported."
            aliases = [each for each in self._room.types if each.kind == "name"]
            yield self._table(aliases) if aliases else ""
            yield from (part for each in self._room.types if each not in aliases for part in self._described(each))

    def _table(self, names: Iterable[Public]) -> str:
        rows = [[f"`{each.name}`", code(_stands_for(each)), self._cell(each.docs.text)] for each in names]
        return table(("name", "type or value", "what it is"), rows)

    def _described(self, public: Public) -> Iterator[str]:
        yield f"### {public.name}"
        if public.imported and public.kind != "error" and not public.is_enum:
            yield _signature(public)
        yield self._links.prose(public.docs.text, self._room.name)
        if public.bases:
            bases = " and ".join(self._link(each.name) for each in public.bases)
            yield f"It is one of {bases}." if public.kind == "error" else f"It has what {bases} has, too."
        if public.kind != "error":
            yield self._items("Fields" if public.kind == "value" else "Arguments", public.arguments, defaults=True)
        yield self._items("Members" if public.is_enum else "Attributes", public.attributes)
        yield from self._outcome(public.docs)
        for method in public.methods:
            yield from self._method(method, public)

    def _method(self, method: Method, public: Public) -> Iterator[str]:
        yield f"#### {public.name}.{method.name}"
        yield _call(method.name, method.arguments, method.returns)
        yield self._links.prose(method.docs.text, self._room.name)
        yield self._items("Arguments", method.arguments, defaults=True)
        yield from self._outcome(method.docs)

    def _items(self, title: str, items: Sequence[Item], *, defaults: bool = False) -> str:
        rows = []
        for item in items:
            words, rest = split_default(item.doc) if defaults else ("", item.doc)
            default = self._cell(words) or code(item.default or "") or ("any number" if "*" in item.by else "(needed)")
            rows.append([f"`{item.name}`", code(item.type), *([default] if defaults else []), self._cell(rest)])
        second = "value" if title == "Members" else "type"
        header = ("name", second, *(["default"] if defaults else []), "what it is")
        return joined(f"**{title}**", table(header, rows)) if rows else ""

    def _outcome(self, docs: Docs) -> Iterator[str]:
        if docs.returns:
            yield f"**Returns:** {self._cell(docs.returns)}"
        if docs.raises:
            yield joined(
                "**Raises**", "\n".join(f"- {self._link(error)}: {self._cell(why)}" for error, why in docs.raises)
            )

    def _cell(self, text: str) -> str:
        return self._links.cell(text, self._room.name)

    def _link(self, name: str) -> str:
        return self._links.to(name, self._room.name)


def _stands_for(public: Public) -> str:
    """The type of a constant, or what an alias stands for."""
    assert isinstance(public.source, griffe.Attribute)
    annotation, value = text_of(public.source.annotation), text_of(public.source.value)
    # An alias may be written as text, where a name in it is defined further down.
    alias = value.strip("'") if annotation == "TypeAlias" else value
    shown = alias if annotation in {"", "TypeAlias"} else annotation
    return shown if len(shown) <= WIDTH else ""


def _signature(public: Public) -> str:
    if isinstance(public.source, griffe.Function):
        return _call(public.name, public.arguments, Method(public.path, public.source).returns)
    place = [Item(name="scope"), Item(name="id")] if public.kind == "construct" and public.arguments else []
    return _call(public.name, [*place, *public.arguments], "")


def _call(name: str, arguments: Iterable[Item], returns: str) -> str:
    written: list[str] = []
    for item in arguments:
        if item.by == "keyword" and not any(each.startswith("*") for each in written):
            written.append("*")
        written.append(f"{item.by if '*' in item.by else ''}{item.name}{_default(item)}")
    end = f") -> {returns}" if returns else ")"
    line = f"{name}({', '.join(written)}{end}"
    if len(line) > WIDTH:
        line = "\n".join([f"{name}(", *(f"    {each}," for each in written), end])
    # Not a fence of Python: a signature is none, and is not to be run.
    return f"```py\n{line}\n```"


def _default(item: Item) -> str:
    """What stands in the signature: short values as they are, others as an ellipsis."""
    if item.default is None:
        return ""
    plain = len(item.default) <= 24 and ("(" not in item.default or item.default == "()")
    return f"={item.default}" if plain else "=…"
