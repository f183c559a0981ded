"""The reference: its pages are those of the docstrings, and the docstrings say what the house asks of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import griffe
import pytest
from tests.docstring_rules import Raising, complaints
from tools._reference_page import pages
from tools._reference_rooms import NOT_FOR_IMPORTERS, ORDER, Room, read_rooms, rooms
from tools._reference_text import split_default
from tools.api import FOLDER

ROOT_OF_ERRORS = "raytrail.errors.RaytrailError"


@pytest.mark.parametrize("name", ORDER)
def test_the_docstrings_of_a_room_say_what_the_house_asks(name):
    (room,) = (room for room in rooms() if room.name == f"raytrail.{name}")
    assert complaints(room, raising_of(rooms(), ROOT_OF_ERRORS)) == []


def test_each_room_has_its_place_in_the_order():
    assert [room.name for room in rooms()] == [f"raytrail.{name}" for name in ORDER]


def test_the_pages_are_those_of_the_docstrings():
    written = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}
    expected = pages(rooms())
    assert sorted(written) == sorted(expected)
    assert [name for name in expected if written[name] != expected[name]] == [], "run `make api`"


def test_each_module_that_an_importer_may_have_is_a_room(root):
    package = root / "constructs" / "raytrail"
    modules = {each.stem for each in package.iterdir() if each.suffix == ".py" or (each / "__init__.py").exists()}
    public = {name for name in modules if not name.startswith("_")} - NOT_FOR_IMPORTERS
    assert {room.name.split(".")[1] for room in rooms()} == public


def test_each_name_of_a_room_is_on_its_page_or_on_that_of_the_room_it_is_from():
    written = pages(rooms())
    for room in rooms():
        page = written[f"{room.name.removeprefix('raytrail.').replace('.', '-')}.md"]
        for public in room.names:
            assert re.search(rf"^### {public.name}$|^\| `{public.name}` \|", page, re.MULTILINE), public.path
        for public in room.again:
            assert f"`{public.name}`" in page, public.path


# A room whose docstrings say everything. Each case below takes one thing away.
ROOM = '''
"""A room."""

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["LIMIT", "Box", "Row", "Wrong", "open_box"]

LIMIT = 7
"""How many there may be (https://docs.aws.amazon.com/box)."""


class Wrong(Exception):
    """Something is wrong."""


class Worse(Wrong):
    """Something is very wrong."""


class Row(NamedTuple):
    """A row."""

    number: int
    """Counted from 1."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box with at most 7 things (https://docs.aws.amazon.com/box).

    Args:
        size: How large. Default: one.

    Raises:
        Wrong: It is too small.
    """

    size: int = 1

    def __post_init__(self) -> None:
        self._check()

    def _check(self) -> None:
        if self.size < 1:
            raise Worse("too small")

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return True

    def put(self, thing: str, *, twice: bool = False) -> int:
        """Put a thing in, and return how many there are.

        Args:
            thing: What to put in.
            twice: Whether to put in two. Default: one.

        Raises:
            Wrong: It is full.
        """
        try:
            _fill(thing)
        except OSError:
            pass
        return 1


def _fill(thing: str) -> None:
    raise Wrong(thing)


def open_box(size: int) -> Box:
    """The box of a size.

    Args:
        size: How large.
    """
    try:
        _fill("it")
    except Wrong:
        return Box(size=size)
    return Box()
'''


def test_a_room_that_says_everything_has_no_complaint():
    assert said_of(ROOM) == []


@pytest.mark.parametrize(
    ("said", "instead", "complaint"),
    [
        ('"""A room."""\n', "\n", " has no docstring"),
        ('"""Something is wrong."""', "pass", ".Wrong has no docstring"),
        ('"""How many there may be (https://docs.aws.amazon.com/box)."""', "", ".LIMIT has no docstring"),
        ('"""Whether nothing is in it."""', "", ".Box does not say what its attribute 'empty' is"),
        ('    """Counted from 1."""\n', "", ".Row does not say what 'number' is"),
        ("        size: How large. Default: one.\n", "", ".Box does not say what 'size' is"),
        ("How large. Default: one.", "How large.", ".Box does not say the default of 'size' in words: 'Default: …'"),
        ("            thing: What to put in.\n", "", ".Box.put does not say what 'thing' is"),
        ("            thing: What", "            think: What", ".Box.put does not say what 'thing' is"),
        ("Put a thing in, and return how many", "Put a thing in: how many", ".Box.put does not say what it returns"),
        ("    Raises:\n        Wrong: It is too small.\n", "", ".Box does not say that it raises Worse"),
        ("        Wrong: It is too small.", "        Wrung: It is too", ".Box does not say that it raises Worse"),
        ("        except OSError:", "        except Wrong:", None),
        (
            "            Wrong: It is full.",
            "            OSError: It is full.",
            ".Box.put does not say that it raises Wrong",
        ),
        ("    except Wrong:", "    except OSError:", ".open_box does not say that it raises Wrong"),
        (
            "with at most 7 things (https://docs.aws.amazon.com/box)",
            "with at most 7 things",
            ".Box says a limit (at most 7) and no page that it comes from",
        ),
        (
            "    Raises:\n        Wrong: It is too small.",
            "    Attributes:\n        weight: In grams.\n\n    Raises:\n        Wrong: It is too small.",
            ".Box describes an attribute 'weight' that it does not have",
        ),
    ],
)
def test_what_a_docstring_leaves_out_is_named(said, instead, complaint):
    assert ROOM.count(said) == 1
    found = said_of(ROOM.replace(said, instead))
    assert found[:1] == ([] if complaint is None else [f"sample.room{complaint}"])


def test_an_argument_that_is_not_there_is_named():
    found = said_of(ROOM.replace("            thing: What", "            think: What"))
    assert "sample.room.Box.put describes an argument 'think' that it does not take" in found


def test_an_error_that_is_none_is_named():
    found = said_of(ROOM.replace("        Wrong: It is too small.", "        Wrung: It is too small."))
    assert "sample.room.Box says that it raises Wrung, which is no error" in found


@pytest.mark.parametrize(
    ("doc", "default", "rest"),
    [
        ("How large. Default: one.", "one", "How large."),
        ("How large; default: one.", "one", "How large."),
        ("How large. Default: the box's, 1.5 times.\nIn grams.", "the box's, 1.5 times", "How large. In grams."),
        ("How large.", "", "How large."),
        ("What the default: of it is.", "", "What the default: of it is."),
    ],
)
def test_the_default_is_told_from_the_rest(doc, default, rest):
    assert split_default(doc) == (default, rest)


def said_of(code: str) -> list[str]:
    """What is complained of in a package with one room."""
    return [complaint for room, raising in sample(code) for complaint in complaints(room, raising)]


def sample(code: str) -> Iterator[tuple[Room, Raising]]:
    files = {"__init__.py": "", "room/__init__.py": code}
    with griffe.temporary_visited_package("sample", files, docstring_parser="google") as package:
        found = read_rooms(package)
        for room in found:
            yield room, raising_of(found, "sample.room.Wrong")


def raising_of(found: tuple[Room, ...], root: str) -> Raising:
    public = frozenset(public.source.path for room in found for public in room.names)
    return Raising(found[0].source.package, root, public)
