"""YAML whose lines are remembered: pySigma reads plain values, which no longer know where they were written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from raytrail.sigma._errors import InvalidRule


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file."""

    path: Path
    """The file."""
    value: Any
    """What pySigma reads."""
    node: yaml.Node
    """Its nodes, which know their lines."""

    def line_of(self, *keys: str | int) -> int:
        """The line, counted from 1, of what some keys lead to, or of the last of them that there is.

        Args:
            keys: Keys, and places in lists.
        """
        node, line = self.node, self.node.start_mark.line + 1
        for key in keys:
            found = _child(node, key)
            if found is None:
                break
            node, line = found
        return line


def documents(path: Path) -> Iterator[Document]:
    """The documents of a file that are not empty.

    Raises:
        InvalidRule: The file cannot be read, is not YAML, or has a key twice.
    """
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidRule(path, 1, f"the file cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidRule(path, 1, f"the file is not UTF-8 text: {error}") from error
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # there is one
            _refuse_twice(path, node, set())
            value = loader.construct_document(node)
            if value is not None:
                yield Document(path, value, node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        said = error.problem if isinstance(error, yaml.constructor.ConstructorError) else f"not YAML: {error.problem}"
        raise InvalidRule(path, line, str(said)) from error
    except yaml.YAMLError as error:  # of characters that YAML does not allow, which have no mark
        raise InvalidRule(path, 1, f"not YAML: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()


class _Loader(yaml.CSafeLoader):
    """Knows where a date stands that is in no calendar."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """The date or moment that is written."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(
                problem=f"{node.value!r} is no date: {error}; put it into quotes if it is to be text",
                problem_mark=node.start_mark,
            ) from error


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


def _child(node: yaml.Node, key: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return value, name.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key].start_mark.line + 1
    return None


def _refuse_twice(path: Path, node: yaml.Node, seen: set[int]) -> None:
    """YAML lets the last of two equal keys win, which drops a condition in silence."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys: set[Any] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    line = key.start_mark.line + 1
                    raise InvalidRule(path, line, f"key {key.value!r} is there twice; write its values as one list")
                keys.add(key.value)
            _refuse_twice(path, value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twice(path, item, seen)
