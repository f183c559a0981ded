"""MITRE ATT&CK's techniques and tactics: which exist, and what they are called.

The table is a copy of the identifiers, names and tactics of ATT&CK for Enterprise, of the version that it names;
revoked and deprecated techniques are not in it. (c) The MITRE Corporation; this work is reproduced and distributed with
the permission of The MITRE Corporation: https://attack.mitre.org/resources/legal-and-branding/terms-of-use/
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

TACTICS = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)
"""Short names of the tactics, in the order of ATT&CK's matrix."""


@dataclass(frozen=True, slots=True)
class Technique:
    """One technique or sub-technique."""

    id: str
    """As ``T1562.008``."""
    name: str
    """ATT&CK's name of it, without that of its parent."""
    tactics: tuple[str, ...]
    """Short names, as ``defense-evasion``, in the order of the matrix."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One version of ATT&CK for Enterprise."""

    version: str
    """As ``18.1``."""
    tactics: dict[str, str]
    """Id, as ``TA0005``, by short name, in the order of the matrix."""
    techniques: dict[str, Technique]
    """By id."""


@cache
def attack() -> Attack:
    """The version of ATT&CK that raytrail knows."""
    table = json.loads(resources.files("raytrail.sigma").joinpath("attack.json").read_text(encoding="utf-8"))
    return Attack(
        version=table["version"],
        tactics=table["tactics"],
        techniques={id: Technique(id, name, tuple(tactics)) for id, (name, *tactics) in table["techniques"].items()},
    )
