"""Properties that the emulator's handlers drop in silence, kept through the services they belong to.

Each module completes the types of one service: what it sets is what the service's own describe operation answers.
"""

from __future__ import annotations

from raytrail.localaws._cloudformation._completions import _apis, _existing, _machines, _others, _tables
from raytrail.localaws._cloudformation._completions._completed import Handler


def install(handlers: dict[str, Handler]) -> None:
    """Complete the handlers in place."""
    for module in (_apis, _tables, _others, _machines, _existing):
        module.install(handlers)
