"""What a docstring says, as Markdown: names become links, and URLs the names of their pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tools._reference_rooms import PACKAGE, Room

WORDS = "constants-types-and-words"
"""The anchor of the table of those names of a room that have no heading of their own."""

_MARKS = re.compile(r"``(?P<code>.+?)``|`(?P<name>[^`]+)`|(?P<url>https://[^\s)<>`]*[^\s)<>`.,;:])", re.DOTALL)
_DEFAULT = re.compile(r"(?:^|(?<=[.;,:)] ))[Dd]efault: (?P<words>.+?)(?:\.(?=\s|$)|$)")


class Links:
    """Where each public name is described."""

    def __init__(self, rooms: Sequence[Room]) -> None:
        self._rooms = [room.name for room in rooms]
        self._places = {room.name: (file_of(room.name), "") for room in rooms}
        for room in rooms:
            self._add(room)
        for room in rooms:
            for public in room.again:
                self._places[f"{room.name}.{public.name}"] = self._places[public.path]

    def _add(self, room: Room) -> None:
        file, taken = file_of(room.name), set[str]()
        for public in (*room.names, *room.types):
            anchor = WORDS if public.kind == "name" else public.name.lower()
            # `Edge` and `edge` would be one anchor: the second leads to the page.
            place = (file, "" if anchor in taken - {WORDS} else anchor)
            taken.add(anchor)
            self._places.setdefault(public.path, place)
            for item in (*public.attributes, *public.arguments):
                self._places.setdefault(f"{public.path}.{item.name}", place)
            for method in public.methods:
                self._places[method.path] = (file, f"{public.name}{method.name}".lower())

    def to(self, said: str, room: str) -> str:
        """A name as a docstring of a room says it: a link, if it is public."""
        for path in (said, *(f"{where}.{said}" for where in (room, PACKAGE, *self._rooms))):
            if place := self._places.get(path):
                file, anchor = place
                return f"[`{said}`]({'' if file == file_of(room) and anchor else file}{f'#{anchor}' if anchor else ''})"
        return f"`{said}`"

    def inline(self, text: str, room: str) -> str:
        """A text with its marks made Markdown's."""

        def marked(found: re.Match[str]) -> str:
            if url := found["url"]:
                return f"[{_page_of(url)}]({url})"
            return f"`{found['code']}`" if found["code"] else self.to(found["name"], room)

        return _MARKS.sub(marked, text)

    def cell(self, text: str, room: str) -> str:
        """A text as it stands in a cell of a table."""
        return self.inline(" ".join(text.split()), room).replace("|", "\\|")

    def prose(self, text: str, room: str) -> str:
        """Paragraphs as they are; what is indented between them is code."""
        blocks = re.split(r"(?m)^((?: {4}.*(?:\n|\Z)|\n(?= {4}))+)", text)
        parts = [
            fenced(re.sub(r"(?m)^ {4}", "", block).strip("\n")) if number % 2 else self.inline(block.strip(), room)
            for number, block in enumerate(blocks)
        ]
        return joined(*parts)


def file_of(room: str) -> str:
    """The file of a room's page."""
    return f"{room.removeprefix(f'{PACKAGE}.').replace('.', '-')}.md"


def split_default(doc: str) -> tuple[str, str]:
    """What a description says of the default, and the rest of it."""
    doc = " ".join(doc.split())
    found = _DEFAULT.search(doc)
    if not found:
        return "", doc
    before, after = doc[: found.start()].rstrip(), doc[found.end() :].strip()
    before = f"{before[:-1]}." if before.endswith((";", ",", ":")) else before
    return found["words"], " ".join(filter(None, (before, after)))


def fenced(code: str) -> str:
    """A block of code, as Python where it is."""
    try:
        compile(code, "docstring", "exec")
    except SyntaxError:
        return f"```text\n{code}\n```"
    return f"```python\n{code}\n```"


def code(text: str) -> str:
    """Code as it stands in a cell of a table."""
    return f"`{text}`".replace("|", "\\|") if text else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def joined(*parts: str) -> str:
    """Blocks, with a line between them."""
    return "\n\n".join(part for part in parts if part)


def _page_of(url: str) -> str:
    """The last of a URL that says something: ``limits`` of ``https://docs.aws.amazon.com/xray/limits.html#groups``."""
    path = re.split(r"[#?]", url)[0].rstrip("/")
    return re.sub(r"\.html?$", "", path.rpartition("/")[2]) or path
