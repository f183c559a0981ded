"""The public rooms of raytrail, read from its sources with griffe: nothing is imported, and no jsii starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import cast

import griffe
from tools._docstrings import Docs, read_docs
from tools._reference import Public, Source

SOURCES = Path(__file__).parents[1] / "constructs"
PACKAGE = "raytrail"

# What is run, not imported: the command, the demo and the embedded AWS.
NOT_FOR_IMPORTERS = frozenset({"cli", "demo", "localaws"})

# In the order in which a newcomer needs them; a room that is not named here comes after these.
ORDER = (
    *("tracing", "instrumentation", "logs", "audit", "detection", "alerting", "dashboards", "checks", "checks.plugin"),
    *(
        "settings",
        "traces",
        "queries",
        "records",
        "integrity",
        "sigma",
        "sigma.compiler",
        "replay",
        "findings",
        "errors",
    ),
)


@dataclass(frozen=True, eq=False)
class Room:
    """A public module."""

    name: str
    """As ``raytrail.tracing``."""
    source: griffe.Module
    names: tuple[Public, ...]
    """Its own names, in the order of ``__all__``."""
    again: tuple[Public, ...]
    """Names of other rooms that it gives again, each as in the room that it is from."""
    types: tuple[Public, ...]
    """Classes that its names take or give, and that nobody imports."""

    @cached_property
    def docs(self) -> Docs:
        """What its docstring says."""
        return read_docs(self.source)


@cache
def rooms() -> tuple[Room, ...]:
    """Each public room of raytrail, in the order for a newcomer."""
    top = griffe.load(PACKAGE, search_paths=[SOURCES], docstring_parser="google", allow_inspection=False)
    return read_rooms(cast(griffe.Module, top))


def read_rooms(top: griffe.Module) -> tuple[Room, ...]:
    """The public rooms of a package that griffe loaded."""
    modules = sorted(_public_modules(top, top), key=lambda module: _rank(module.path.removeprefix(f"{top.path}.")))
    given = {module: {name: _target(module, name) for name in _exports(module)} for module in modules}
    every = frozenset(source.path for names in given.values() for source in names.values())
    home: dict[str, Public] = {}
    for module in sorted(modules, key=lambda module: len(module.path)):
        for name, source in given[module].items():
            # A name belongs to the room in whose folder it is written, or else to the first that gives it.
            if source.path not in home or source.path.startswith(f"{module.path}."):
                home[source.path] = Public(module.path, name, source, every)
    found = []
    known = set(every)
    for module in modules:
        names = [home[source.path] for source in given[module].values()]
        own = tuple(each for each in names if each.room == module.path)
        again = tuple(each for each in names if each.room != module.path)
        types = tuple(_types(own, module.path, every, known))
        found.append(Room(name=module.path, source=module, names=own, again=again, types=types))
    return tuple(found)


def _types(names: Iterable[Public], room: str, every: frozenset[str], known: set[str]) -> Iterator[Public]:
    """The classes of ours that names mention and that are not known yet, and those that these mention."""
    waiting = list(names)
    while waiting:
        for target in waiting.pop(0).mentioned():
            ours = target.path.startswith(f"{room.partition('.')[0]}.")
            # What is called is no type: a helper of an annotation, or a type variable.
            if ours and target.path not in known and not isinstance(getattr(target, "value", None), griffe.ExprCall):
                known.add(target.path)
                public = Public(room, target.name, target, every, imported=False)
                waiting.append(public)
                yield public


def _public_modules(module: griffe.Module, top: griffe.Module) -> Iterator[griffe.Module]:
    for name, member in module.members.items():
        if name.startswith("_") or name in NOT_FOR_IMPORTERS or not isinstance(member, griffe.Module):
            continue
        # A folder without names to import holds what runs elsewhere: handlers, a layer.
        if member.exports is not None or (module is top and not member.is_package):
            yield member
            yield from _public_modules(member, top)


def _exports(module: griffe.Module) -> list[str]:
    if module.exports is not None:
        return [str(name) for name in module.exports]
    own = [name for name, each in module.members.items() if not (each.is_alias or each.is_module)]
    return [name for name in own if not name.startswith("_")]


def _target(module: griffe.Module, name: str) -> Source:
    member = module.members[name]
    found = member.final_target if isinstance(member, griffe.Alias) else member
    assert isinstance(found, griffe.Class | griffe.Function | griffe.Attribute), f"{module.path}.{name}"
    return found


def _rank(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)
