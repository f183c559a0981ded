"""Patterns with two wildcards, as IAM's actions and X-Ray's sampling rules have them."""

from __future__ import annotations

import re


def fits(pattern: str, text: str, *, ignore_case: bool) -> bool:
    """Whether the whole text fits a pattern, in which ``*`` is any letters and ``?`` is one."""
    parts = (".*" if letter == "*" else "." if letter == "?" else re.escape(letter) for letter in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None
