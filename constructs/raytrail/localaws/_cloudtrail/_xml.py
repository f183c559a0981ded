"""XML as the JSON that CloudTrail turns it into."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

LONGEST_NUMBER = 12
"""Digits from which on a word is text: an account id."""


def document(text: bytes) -> tuple[str, dict[str, Any]] | None:
    """The name of a document's root and what is in it, its namespace as ``xmlns``; None when it is no XML.

    Args:
        text: A client's request or a server's answer, both on this machine; expat bounds the expansion of entities.
    """
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - see above
    except ElementTree.ParseError:
        return None
    name, space = split(root.tag)
    value = element(root)
    found = value if isinstance(value, dict) else {"content": value} if value != "" else {}
    return name, {"xmlns": space, **found} if space else found


def element(node: ElementTree.Element) -> Any:
    """An XML element as JSON the way CloudTrail turns it: repeated children are a list, words that look like
    numbers or truth values are such."""
    found: dict[str, Any] = {}
    for key, text in node.attrib.items():
        found[split(key)[0]] = text
    for child in node:
        name, value = split(child.tag)[0], element(child)
        if name in found:
            found[name] = [*found[name], value] if isinstance(found[name], list) else [found[name], value]
        else:
            found[name] = value
    return found or word((node.text or "").strip())


def word(text: str) -> Any:
    """A text, or the truth value or number that it looks like."""
    if text in ("true", "false"):
        return text == "true"
    if text.isdigit() and len(text) < LONGEST_NUMBER and (text == "0" or not text.startswith("0")):
        return int(text)
    return text


def split(tag: str) -> tuple[str, str]:
    """A tag's name and namespace."""
    space, brace, name = tag.rpartition("}")
    return (name, space.lstrip("{")) if brace else (tag, "")
