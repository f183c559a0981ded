"""The statements for correlations: the events at which they begin to hold.

For each event of the correlated rules it is known whether the correlation holds in the timespan that ends with it. A
row is an event at which it holds, while at the one before it in the group it did not, or that one lies more than a
timespan back: the event that completes a sequence, and not those that go on with it. Only events up to two timespans
before the window that is asked about matter to that.

Different things (events, values, rules) are counted with a running sum: a thing is present from an event of it until a
timespan after its last, so that each such stretch adds one at its start and takes one away after its end. Trino has no
distinct count over a sliding frame, and arrays of all the values in each would grow with the square of the events. So
many correlations are counted in one scan. The order of a sequence takes a statement of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from raytrail.sigma._actor import correlated_place
from raytrail.sigma._athena_columns import TIME, quoted
from raytrail.sigma._model import CompiledRule, Correlation
from raytrail.sigma._statement_parts import Source

_GROUP = "PARTITION BY rule, group_key ORDER BY"
_STEPS = "moment, step, thing, identity"
_ORDER = "moment, place_in_order, identity"
"""A second is the smallest step of CloudTrail's time: what happens in one is taken in the order of the rules."""


class Correlated(NamedTuple):
    """A correlation, and the predicates of its rules, by name, in its order."""

    rule: CompiledRule
    parts: Mapping[str, str]

    @property
    def correlation(self) -> Correlation:
        """What it asks."""
        assert self.rule.correlation is not None
        return self.rule.correlation


class _Pair(NamedTuple):
    """A correlation and one of its rules, as the columns of a row for an event that matches the rule."""

    predicate: str
    columns: Mapping[str, str]


def counted(correlations: Sequence[Correlated], source: Source) -> str:
    """Return the statement for correlations that count: events, values, or rules."""
    return _statement(
        correlations,
        source,
        "seen AS (\n"
        "  SELECT *,\n"
        "    lag(moment) OVER (PARTITION BY rule, group_key, thing ORDER BY moment, identity) AS last_moment,\n"
        "    lead(moment) OVER (PARTITION BY rule, group_key, thing ORDER BY moment, identity) AS next_moment\n"
        "  FROM matched\n"
        ")",
        "steps AS (\n"
        f"  SELECT {_kept(source)}, moment, IF(moment - last_moment <= timespan, 0, 1) AS step\n"
        "  FROM seen\n"
        "  UNION ALL\n"
        f"  SELECT {_kept(source)}, moment + timespan + 1 AS moment, -1 AS step\n"
        "  FROM seen\n"
        "  WHERE next_moment IS NULL OR next_moment - moment > timespan\n"
        ")",
        "counted AS (\n"
        f"  SELECT *, sum(step) OVER ({_GROUP} {_STEPS} ROWS UNBOUNDED PRECEDING) AS present\n"
        "  FROM steps\n"
        ")",
        "judged AS (\n"
        "  SELECT *, present >= needed AS holds,\n"
        f"    lag(present >= needed) OVER ({_GROUP} {_STEPS}) AS held,\n"
        f"    lag(moment) OVER ({_GROUP} {_STEPS}) AS moment_before\n"
        "  FROM counted\n"
        "  WHERE step >= 0\n"
        ")",
    )


def ordered(correlated: Correlated, source: Source) -> str:
    """Return the statement for rules that match one after the other."""
    last = len(correlated.parts) - 1
    running = f"OVER ({_GROUP} {_ORDER} ROWS UNBOUNDED PRECEDING)"
    return _statement(
        [correlated],
        source,
        # When the latest sequence began of which an event is the last so far.
        "reached_0 AS (\n  SELECT *, IF(place_in_order = 0, moment) AS began_0\n  FROM matched\n)",
        *(
            f"reached_{place} AS (\n"
            f"  SELECT *, IF(place_in_order = {place}, max(began_{place - 1}) {running}) AS began_{place}\n"
            f"  FROM reached_{place - 1}\n"
            ")"
            for place in range(1, last + 1)
        ),
        "complete AS (\n"
        f"  SELECT *, moment - max(began_{last}) {running} <= timespan AS holds\n"
        f"  FROM reached_{last}\n"
        ")",
        "judged AS (\n"
        f"  SELECT *, lag(holds) OVER ({_GROUP} {_ORDER}) AS held,\n"
        f"    lag(moment) OVER ({_GROUP} {_ORDER}) AS moment_before\n"
        "  FROM complete\n"
        ")",
    )


def _statement(correlations: Sequence[Correlated], source: Source, *steps: str) -> str:
    window = "\n  AND eventtime >= ? AND eventtime < ?" if source.window else ""
    return (
        "WITH\n" + ",\n".join([_matched(correlations, source), *steps]) + f"\nSELECT rule, {source.names}\n"
        "FROM judged\n"
        f"WHERE holds AND NOT coalesce(held AND moment - moment_before <= timespan, false){window}"
    )


def _matched(correlations: Sequence[Correlated], source: Source) -> str:
    """The events of the rules: a row for each event, correlation, rule of it that the event matches, and thing."""
    pairs = [pair for each in correlations for pair in _pairs(each)]
    hits = ",\n        ".join(f"IF({pair.predicate}, {number})" for number, pair in enumerate(pairs))
    any_rule = " OR ".join(dict.fromkeys(f"({pair.predicate})" for pair in pairs))
    columns = ",\n    ".join(
        f"{_by_pair([pair.columns[name] for pair in pairs])} AS {name}" for name in pairs[0].columns
    )
    return (
        "matched AS (\n"
        "  SELECT * FROM (\n"
        f"  SELECT {source.expressions}, identity, moment,\n"
        f"    {columns}\n"
        "  FROM (\n"
        "    SELECT *,\n"
        # Copies of an event have one id; events without an id are all different.
        "      coalesce(eventid, concat('row ', CAST(row_number() OVER () AS varchar))) AS identity,\n"
        f"      CAST(to_unixtime({TIME}) AS bigint) AS moment,\n"
        f"      ARRAY[\n        {hits}\n      ] AS hits\n"
        f"    FROM {source.table}\n"
        f"    {source.conditions(f'({any_rule})')}\n"
        "  ) AS events\n"
        "  CROSS JOIN UNNEST(hits) AS numbers (pair)\n"
        "  WHERE pair IS NOT NULL\n"
        "  ) AS found\n"
        "  CROSS JOIN UNNEST(things) AS one_by_one (thing)\n"
        "  WHERE moment IS NOT NULL AND group_key IS NOT NULL AND thing IS NOT NULL\n"
        ")"
    )


def _pairs(correlated: Correlated) -> list[_Pair]:
    correlation = correlated.correlation
    fields = [correlated_place(field).scalar for field in correlation.group_by]
    # A length before each but the last: no two lists of values become the same text.
    prefixed = [f"CAST(length({field}) AS varchar) || ' ' || {field}" for field in fields[:-1]]
    things = {
        "event_count": "ARRAY[identity]",
        "value_count": correlated_place(correlation.value_field or "eventID").values,
    }
    return [
        _Pair(
            predicate,
            {
                "rule": quoted(correlated.rule.name),
                "group_key": " || ".join([*prefixed, *fields[-1:]]) or "''",
                "things": things.get(correlation.type, f"ARRAY[{quoted(str(place_in_order))}]"),
                "place_in_order": str(place_in_order),
                "timespan": str(correlation.timespan_seconds),
                "needed": str(correlation.count + (correlation.operator == "gt")),
            },
        )
        for place_in_order, predicate in enumerate(correlated.parts.values())
    ]


def _by_pair(values: Sequence[str]) -> str:
    """The value that a row has by its pair."""
    if len(set(values)) == 1:
        return values[0]
    cases: dict[str, list[str]] = {}
    for number, value in enumerate(values):
        cases.setdefault(value, []).append(str(number))
    whens = [f"WHEN pair IN ({', '.join(numbers)}) THEN {value}" for value, numbers in cases.items()]
    return f"CASE {' '.join(whens)} END"


def _kept(source: Source) -> str:
    return f"{source.names}, identity, rule, group_key, thing, place_in_order, timespan, needed"
