"""What one of raytrail's own checks is about, for who has the wheel and not the documentation."""

from __future__ import annotations

from difflib import get_close_matches

from rich.text import Text

from raytrail.checks import ACKNOWLEDGMENT_INVALID, CHECKS, Check
from raytrail.cli._errors import WrongUse
from raytrail.cli._terminal import console, show


def explain(id: str) -> None:
    """Print what a check is about: why it matters, what to do, what it trusts, and how it is acknowledged.

    Raises:
        WrongUse: There is no such check.
    """
    check = _check(id)
    show(
        console(),
        Text(f"{check.id}, {check.level}: {check.title}", style="bold"),
        Text(f"Why: {check.why}"),
        Text(f"What to do: {check.fix}."),
        Text(f"Taken to be in order: {check.trusts}"),
        Text(f"To accept it, on the smallest construct: acknowledge(construct, {{{check.id!r}: 'the reason'}}),"),
        Text("with `from raytrail.findings import acknowledge`"),
        Text(f"Stands on: {check.source}"),
    )


def _check(id: str) -> Check:
    known = {each.name: each for each in (*CHECKS, ACKNOWLEDGMENT_INVALID)}
    name = id.rpartition("::")[2]
    if name not in known:
        near = get_close_matches(name, known, n=1)
        meant = f"did you mean {known[near[0]].id}?" if near else f"its own are {', '.join(known)}"
        raise WrongUse(f"--explain: {id} is no check of raytrail; {meant}")
    return known[name]
