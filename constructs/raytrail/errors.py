"""Every error that raytrail raises on purpose, in one tree.

Messages say what was wrong, the value got, what is allowed, and the likely fix: lower case, no full stop.
"""


class RaytrailError(Exception):
    """The root: catch this to catch everything that raytrail raises on purpose."""


class InvalidProps(RaytrailError, ValueError):
    """A value or a construct was asked for something that AWS, or its own meaning, does not allow."""


class InvalidSettings(RaytrailError, ValueError):
    """The settings (``context.raytrail``) hold an unknown key, a wrong type or a value out of range."""


class LocalAwsError(RaytrailError):
    """The embedded AWS could not start, or stopped in a way that it should not."""


class MissingHook(LocalAwsError):
    """The installed ministack lacks a private function that the embedded AWS needs."""


class EvidenceMissing(RaytrailError):
    """The demo looked for a piece of evidence and did not find it."""


class InvalidFilter(InvalidProps):
    """A filter expression is not one of X-Ray's language.

    Attributes:
        column: Where reading stopped, counted from 1.
        expected: What may stand there, in words; empty where nothing may.
    """

    def __init__(self, message: str, *, column: int, expected: str = "") -> None:
        super().__init__(message)
        self.column = column
        self.expected = expected
