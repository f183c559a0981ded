"""What docs/checks.md says of each check, put together from the checks themselves."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from raytrail.checks import ACKNOWLEDGMENT_INVALID, CHECKS, Check

ALL = (*CHECKS, ACKNOWLEDGMENT_INVALID)


def rows() -> Iterator[str]:
    """The lines of the table."""
    yield "| check | level | what is wrong | cdk-nag |"
    yield "| --- | --- | --- | --- |"
    for check in ALL:
        near = ", ".join(f"`{name}`" for name in check.nag) or "nothing"
        yield f"| [`{check.id}`](#{check.name.lower()}) | {check.level} | {check.title} | {near} |"


def sections() -> Iterator[str]:
    """The lines of a section for each check."""
    for check in ALL:
        yield from ("", f"### {check.name}", "", *_section(check))


def _section(check: Check) -> Iterator[str]:
    yield f"`{check.id}`, {check.level}: {check.title}."
    yield ""
    yield from _wrapped(check.why)
    yield ""
    yield from _wrapped(f"- What to do: {check.fix}.", indent="  ")
    yield from _wrapped(f"- Taken to be in order: {check.trusts[0].lower()}{check.trusts[1:]}", indent="  ")
    yield f"- Stands on: <{check.source}>"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
