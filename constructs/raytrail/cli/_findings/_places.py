"""Where a finding is: the line of the program that made a construct, and the line of its template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from raytrail.cli._findings._model import Place

# As CDK writes a frame: `__init__ (/app/stacks/audit.py:61)`, of Node with a column, and sometimes without a name.
_FRAME = re.compile(r"(?P<head>.+?):(?P<line>[1-9]\d*)(?::\d+)?\)?$")
_SECTION = re.compile(r'\s*"Resources"\s*:')
_START = re.compile(r'(?P<margin>\s*)"(?P<id>\w+)"\s*:\s*\{')
_TOP = PurePosixPath()
_OTHERS = frozenset({"site-packages", "dist-packages", "node_modules"})
"""Folders of what others wrote."""


class _Resource(NamedTuple):
    template: str
    logical_id: str
    trace: str


class Places:
    """The files of a cloud assembly and of the repository that it was made from.

    Args:
        assembly: The folder of the assembly.
        root: The repository's folder.
    """

    def __init__(self, assembly: Path, root: Path) -> None:
        self._assembly, self._root = assembly, root.resolve()
        try:
            self._resources = dict(_resources(assembly))
        except (AttributeError, KeyError, TypeError, RecursionError):
            # A damaged manifest costs the places of what was found, and not what was found.
            self._resources = {}
        self._lines = cache(self._starts)

    def source(self, traces: Iterable[str]) -> Place | None:
        """The innermost line of the repository's own code in stack traces; None where they hold none."""
        for trace in traces:
            for frame in trace.splitlines():
                if seen := _FRAME.fullmatch(frame.strip()):
                    own = (self._own(Path(path)) for path in _paths(seen["head"]))
                    if file := next(filter(None, own), None):
                        return Place(file=file, line=int(seen["line"]))
        return None

    def resource(self, construct: str) -> tuple[str, str]:
        """The template and the logical id of a construct's resource, as the assembly's metadata says; or two blanks."""
        known = self._of(construct)
        return (known.template, known.logical_id) if known else ("", "")

    def created(self, construct: str) -> str:
        """The stack trace of a construct's making, as the assembly's metadata says; or nothing."""
        known = self._of(construct)
        return known.trace if known else ""

    def _of(self, construct: str) -> _Resource | None:
        """A construct's resource: its own, or that of the construct which it stands for."""
        path = construct.strip("/")
        return next((self._resources[each] for each in (path, *_mains(path)) if each in self._resources), None)

    def template(self, file: str, logical_id: str) -> Place | None:
        """The line at which a resource begins in its template; the first one where it is not found."""
        if not file or not (self._assembly / file).is_file():
            return None
        return Place(file=self._relative(self._assembly / file), line=self._lines(file).get(logical_id, 1))

    def _starts(self, file: str) -> dict[str, int]:
        """The line at which each resource of a template begins."""
        try:
            # Not `splitlines`, for which letters end a line that end none in an editor.
            lines = (self._assembly / file).read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError):
            return {}
        sections = [(seen.end(), number) for number, line in enumerate(lines, 1) if (seen := _SECTION.match(line))]
        # Of several the outermost: the others are somebody's own, of a mapping, say.
        _, section = min(sections, default=(0, len(lines)))
        starts = [
            (seen, number) for number, line in enumerate(lines[section:], section + 1) if (seen := _START.match(line))
        ]
        found: dict[str, int] = {}
        for seen, number in starts:
            # A property may be called as a resource is: it stands further in than the first resource does.
            if seen["margin"] == starts[0][0]["margin"]:
                found.setdefault(seen["id"], number)
        return found

    def _own(self, file: Path) -> str | None:
        """The path in the repository of a file of its own, and None for any other."""
        try:
            inside = (self._root / file).resolve().relative_to(self._root)
        except (ValueError, OSError):
            return None
        foreign = any(part in _OTHERS or part.startswith(".") for part in inside.parts)
        return None if foreign or not (self._root / inside).is_file() else inside.as_posix()

    def _relative(self, file: Path) -> str:
        try:
            return file.resolve().relative_to(self._root).as_posix()
        except ValueError:
            return file.resolve().as_posix()


def _paths(head: str) -> Iterator[str]:
    """What may be the path in a frame: all of it, or what is behind a bracket; a path may hold brackets itself."""
    yield head
    yield from (head[bracket.end() :] for bracket in re.finditer(r"\(", head))


def _mains(path: str) -> tuple[str, str]:
    """Where the construct library puts the main resource of a construct."""
    return f"{path}/Resource", f"{path}/Default"


def artifacts(assembly: Path, below: PurePosixPath = _TOP) -> Iterator[tuple[PurePosixPath, dict[str, Any]]]:
    """Each artifact of an assembly and of those in it, with the folder that it is in."""
    for artifact in (_read(assembly / below / "manifest.json").get("artifacts") or {}).values():
        yield below, artifact
        if artifact.get("type") == "cdk:cloud-assembly":
            yield from artifacts(assembly, below / artifact["properties"]["directoryName"])


def stacks(assembly: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The template of each stack of an assembly, and its metadata, which is by ``/path`` of the construct."""
    for below, artifact in artifacts(assembly):
        if artifact.get("type") == "aws:cloudformation:stack":
            metadata = dict(artifact.get("metadata") or {})
            if beside := artifact.get("additionalMetadataFile"):
                metadata |= _read(assembly / below / beside)
            yield (below / artifact["properties"]["templateFile"]).as_posix(), metadata


def _resources(assembly: Path) -> Iterator[tuple[str, _Resource]]:
    """Each resource by its construct's path, of an assembly and of those in it."""
    for template, metadata in stacks(assembly):
        for path, entries in metadata.items():
            said = {entry.get("type"): entry.get("data") for entry in entries}
            if logical_id := said.get("aws:cdk:logicalId"):
                trace = said.get("aws:cdk:creationStack") or ()
                yield path.strip("/"), _Resource(template, str(logical_id), "\n".join(map(str, trace)))


def _read(file: Path) -> Mapping[str, Any]:
    """A JSON object; an empty one where there is none, for what it says is only where things are."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
