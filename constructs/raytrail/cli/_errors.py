"""Errors of the command that end with a status of their own."""

from __future__ import annotations

from raytrail.errors import RaytrailError

UNANSWERED = 2
"""The status when what was asked could not be asked: a wrong word, or for ``--why`` an AWS that did not answer."""


class Unanswered(RaytrailError):
    """The question could not be asked; the command ends with status 2, so that a script can tell it from a no."""


class WrongUse(Unanswered):
    """An option, an id or a time that the command does not understand."""
