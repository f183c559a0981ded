"""What is wrong with a rule, and what an engine cannot say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raytrail.errors import InvalidProps


class InvalidRule(InvalidProps):
    """A rule is not Sigma's, is not about CloudTrail, matches nothing, or is more than either engine can express.

    The message names each problem that was found in all the files, one a line, as ``path:line: reason``.

    Attributes:
        path: File of the first problem.
        line: Its line, counted from 1.
        reason: What is wrong, in words.
        others: The problems after the first.
    """

    def __init__(self, path: Path, line: int, reason: str, *, others: Sequence[InvalidRule] = ()) -> None:
        self.path: Path = path
        self.line: int = line
        self.reason: str = reason
        self.others: tuple[InvalidRule, ...] = tuple(others)
        super().__init__("\n".join([f"{path}:{line}: {reason}", *(str(other) for other in others)]))


class NotExpressible(InvalidProps):
    """An engine cannot say exactly what a rule says.

    It goes into `CompiledRule.eventbridge_reason` and `CompiledRule.athena_reason`: nothing is compiled to something
    weaker instead.

    Attributes:
        reason: Why, written for the rule's author.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RuleWarning(UserWarning):
    """Something about somebody else's rule that does not keep it from being compiled."""


def raise_all(problems: Sequence[InvalidRule]) -> None:
    """Raise one error that names every problem, if there is any.

    Raises:
        InvalidRule: There are problems.
    """
    if problems:
        first, *others = problems
        raise InvalidRule(first.path, first.line, first.reason, others=others) from first.__cause__
