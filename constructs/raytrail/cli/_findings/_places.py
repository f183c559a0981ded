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
_FRAME = re.compile(r"(?:^|\()(?P<file>[^()\n]+?):(?P<line>[1-9]\d*)(?::\d+)?\)?$")
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
            self._resources = dict(_resources(assembly, PurePosixPath()))
        except (AttributeError, KeyError, TypeError, RecursionError):
            # A damaged manifest costs the places of what was found, and not what was found.
            self._resources = {}
        self._lines = cache(self._text)

    def source(self, traces: Iterable[str]) -> Place | None:
        """The innermost line of the repository's own code in stack traces; None where they hold none."""
        for trace in traces:
            for frame in trace.splitlines():
                if (seen := _FRAME.search(frame.strip())) and (file := self._own(Path(seen["file"]))):
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
        start = re.compile(rf'\s*"{re.escape(logical_id)}"\s*:\s*\{{')
        lines = self._lines(file)
        section = next((number for number, line in enumerate(lines) if '"Resources"' in line), 0)
        found = next((number for number in range(section, len(lines)) if start.match(lines[number])), 0)
        return Place(file=self._relative(self._assembly / file), line=found + 1)

    def _text(self, file: str) -> list[str]:
        return (self._assembly / file).read_text(encoding="utf-8").splitlines()

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


def _mains(path: str) -> tuple[str, str]:
    """Where the construct library puts the main resource of a construct."""
    return f"{path}/Resource", f"{path}/Default"


def _resources(assembly: Path, below: PurePosixPath) -> Iterator[tuple[str, _Resource]]:
    """Each resource by its construct's path, of an assembly and of those in it."""
    for artifact in (_read(assembly / below / "manifest.json").get("artifacts") or {}).values():
        properties = artifact.get("properties") or {}
        if artifact.get("type") == "cdk:cloud-assembly":
            yield from _resources(assembly, below / properties["directoryName"])
        elif artifact.get("type") == "aws:cloudformation:stack":
            template = (below / properties["templateFile"]).as_posix()
            metadata = dict(artifact.get("metadata") or {})
            if beside := artifact.get("additionalMetadataFile"):
                metadata |= _read(assembly / below / beside)
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
