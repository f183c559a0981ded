"""docs/checks.md says what the checks say, and what is said of cdk-nag is so."""

from __future__ import annotations

import re
import tarfile
from importlib import resources

import pytest
from tests.checks.page_of_checks import rows, sections

from raytrail.checks import ACKNOWLEDGMENT_INVALID, CHECKS, Floors
from raytrail.errors import InvalidProps

PACK = "AwsSolutions"


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs" / "checks.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def nag_rules():
    """The names of cdk-nag's rules by their packs, as its own page lists them."""
    [archive] = resources.files("cdk_nag._jsii").glob("*.tgz")
    with tarfile.open(archive) as opened:
        rules = opened.extractfile("package/RULES.md")
        assert rules is not None
        text = rules.read().decode()
    found = {}
    for pack, name in re.findall(r"\| \[?(?:([\w.]+?)-)?(\w+)\]?(?:\([^)]*\))? +\|", text):
        found.setdefault(name, set()).add(pack)
    assert PACK in found["S1"]
    return found


def test_the_table_is_that_of_the_checks(page):
    assert "<!-- checks -->\n" + "\n".join(rows()) + "\n\n" in page


def test_each_check_has_its_section(page):
    assert "\n".join(sections()) + "\n" in page


def test_a_check_is_told_by_its_name():
    names = [check.name for check in (*CHECKS, ACKNOWLEDGMENT_INVALID)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", name) for name in names)


@pytest.mark.parametrize("check", [*CHECKS, ACKNOWLEDGMENT_INVALID], ids=lambda check: check.name)
def test_each_check_says_it_in_the_manner_of_the_house(check):
    # A finding is put together as "title: what was seen", and the fix with the page behind it.
    for part in (check.title, check.fix):
        assert part[0] == part[0].lower() or part.split()[0] in ("CloudTrail", "X-Ray")
        assert not part.endswith(".")
    assert check.why.endswith(".")
    assert check.trusts.endswith(".")
    assert check.source.startswith("https://")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_what_cdk_nag_has_near_it_is_in_other_packs_than_the_one_that_most_use(nag_rules, check):
    for name in check.nag:
        assert nag_rules[name]
        assert PACK not in nag_rules[name]


@pytest.mark.parametrize("days", [0, -1])
def test_a_floor_of_no_days_is_refused(days):
    with pytest.raises(InvalidProps, match=rf"trail_days of the floors is 1 or more, got {days}"):
        Floors(trail_days=days)
    with pytest.raises(InvalidProps, match="audit_log_days"):
        Floors(audit_log_days=days)
