"""Asks for one fact after the other, and notes those that could not be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from raytrail.cli._doctor._model import NotLookedAt
from raytrail.cli._refusals import CREDENTIAL_CODES, DENIED, code_of
from raytrail.cli._terminal import listed, shortened
from raytrail.errors import RaytrailError

OF_A_SERVICE = frozenset({"OptInRequired", "SubscriptionRequiredException"})
"""Codes by which one service refuses an account that another serves: no reason to give up."""
LONGEST_REASON = 300

Fact = TypeVar("Fact")


@dataclass
class Look:
    """A doctor's look at one Region of an account.

    Attributes:
        region: Where it looks, for what is noted.
        missed: What could not be had.
    """

    region: str
    missed: list[NotLookedAt] = field(default_factory=list)

    def at(self, what: str, needs: tuple[str, ...], ask: Callable[[], Fact]) -> Fact | None:
        """What ``ask`` answers; None when it may not be asked, or does not work.

        Args:
            what: The fact, in words.
            needs: The actions that it takes.
            ask: Asks for it.

        Raises:
            ClientError: AWS does not take the credentials, which no other call would escape.
        """
        try:
            return ask()
        except ClientError as error:
            if is_fatal(error):
                raise
            code = code_of(error)
            reason = f"needs {listed(needs)}" if code in DENIED else f"{error.operation_name} failed: {code}"
        except (BotoCoreError, RaytrailError) as error:
            reason = shortened(error, LONGEST_REASON)
        except (ResponseParserError, ValueError, KeyError) as error:
            # A page of a proxy's, or another program than AWS behind an endpoint.
            reason = f"what answers does not answer as AWS does ({type(error).__name__})"
        self.miss(what, reason)
        return None

    def miss(self, what: str, reason: str) -> None:
        """Note what could not be looked at, once."""
        noted = NotLookedAt(what=f"{what} ({self.region})", reason=reason)
        if noted not in self.missed:
            self.missed.append(noted)


def is_fatal(error: ClientError) -> bool:
    """Whether AWS does not take the credentials, which no other call would escape."""
    return code_of(error) in CREDENTIAL_CODES - OF_A_SERVICE
