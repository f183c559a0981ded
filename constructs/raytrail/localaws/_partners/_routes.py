"""Which hosts have a stand-in, and where it listens."""

from __future__ import annotations

import re
from collections.abc import Mapping

HONEYCOMB = ("api.honeycomb.io", "api.eu1.honeycomb.io")
ROLLBAR = "api.rollbar.com"
COLLECTOR = "otlp"
"""A collector of nobody in particular. No host has this name, so only who gives its address reaches it."""

HOSTS = (*HONEYCOMB, ROLLBAR, COLLECTOR)
PREFIX = "/_partners/"

_KNOWN = re.compile(rf"https://({'|'.join(map(re.escape, (*HONEYCOMB, ROLLBAR)))})(?::443)?(?![\w.:-])", re.IGNORECASE)


def reroute(variables: Mapping[str, str], endpoint: str) -> dict[str, str]:
    """The variables with each address of a known partner replaced by that of its stand-in.

    An address is replaced wherever it stands in a value, so inside JSON too; its path stays. Any other host stays.

    Args:
        variables: Environment variables of a function.
        endpoint: The URL of the emulator, without a slash at its end.
    """
    return {name: _KNOWN.sub(lambda found: _address(found[1], endpoint), value) for name, value in variables.items()}


def _address(host: str, endpoint: str) -> str:
    return f"{endpoint}{PREFIX}{host.lower()}"


def split(path: str) -> tuple[str, str] | None:
    """The host and the rest of a path below `PREFIX`; None for a path of somebody else."""
    if not path.startswith(PREFIX):
        return None
    host, slash, rest = path.removeprefix(PREFIX).partition("/")
    return host, slash + rest
