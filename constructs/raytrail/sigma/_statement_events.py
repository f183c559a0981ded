"""The statement for rules about single events: one scan for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from raytrail.sigma._athena_columns import quoted
from raytrail.sigma._fields import as_written
from raytrail.sigma._model import CompiledRule
from raytrail.sigma._statement_parts import Source


def sql(rules: Sequence[CompiledRule], source: Source) -> str:
    """Return a statement whose rows are the rules and the events that match them.

    An event that CloudTrail delivered more than once counts once; events without an id, as before version 1.01, all
    count. The window function between the conditions and the array keeps Trino from merging them into one expression,
    which its compiler would refuse as too large.
    """
    conditions = "".join(
        f"      IF({rule.predicate}, {quoted(rule.name)}) AS rule_{number},\n" for number, rule in enumerate(rules)
    )
    names = ", ".join(f"rule_{number}" for number in range(len(rules)))
    return (
        f"SELECT rule, {source.names}\n"
        f"FROM (\n"
        f"  SELECT *, row_number() OVER (PARTITION BY eventid ORDER BY eventtime) AS copy\n"
        f"  FROM (\n"
        f"    SELECT\n{conditions}"
        f"      {source.expressions}\n"
        f"    FROM {source.table}\n"
        f"    {source.conditions(_may_match(rules))}\n"
        f"  ) AS events\n"
        f") AS copies\n"
        f"CROSS JOIN UNNEST(ARRAY[{names}]) AS hits (rule)\n"
        f"WHERE rule IS NOT NULL AND (copy = 1 OR eventid IS NULL)"
    )


def _may_match(rules: Sequence[CompiledRule]) -> str:
    """A cheap condition that holds wherever a rule's does: most events are no call that a rule is about."""
    names: dict[str, None] = {}
    others = []
    for rule in rules:
        called = [call.name for call in rule.calls]
        # A name that AWS does not write so is compared without regard to case, which a list is not.
        if called and all(as_written("eventName", name) for name in called):
            names.update(dict.fromkeys(called))
        else:
            others.append(f"({rule.predicate})")
    listed = [f"eventname IN ({', '.join(map(quoted, sorted(names)))})"] if names else []
    return f"({' OR '.join([*listed, *others])})"
