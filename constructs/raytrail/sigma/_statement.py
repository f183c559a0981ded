"""Whole Athena statements for compiled rules: what was detected, one row for each rule and event.

The window of time that is asked about is given as execution parameters, so that a statement is the same at any hour:

    for each in statements(rules, table="cloudtrail_events", accounts=["111122223333"], regions=["eu-west-1"]):
        athena.start_query_execution(QueryString=each.sql, ExecutionParameters=each.bind(start, end), ...)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from raytrail.errors import InvalidProps
from raytrail.sigma import _statement_correlation, _statement_events
from raytrail.sigma._model import CompiledRule
from raytrail.sigma._statement_correlation import Correlated
from raytrail.sigma._statement_parts import COLUMNS, Source
from raytrail.sigma.window import parameters

# https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html (QueryString, in bytes)
MAX_STATEMENT_BYTES = 262_144
# An array in Trino is made of 254 values at most; a plan of a hundred conditions is large enough.
_MAX_RULES = 100

_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement of Athena's SQL and what it takes."""

    sql: str
    """The statement, with a question mark for each parameter."""
    rules: tuple[str, ...]
    """Names of the rules that its rows may be of."""
    columns: tuple[str, ...]
    """Columns of its rows, in order."""
    windowed: bool = True
    """Whether it is asked about a window of time, and takes parameters. Default: yes."""
    before_seconds: int = 0
    """How long before the window events matter: to a sequence that ends inside. Default: not at all."""

    def bind(self, start: datetime, end: datetime) -> list[str]:
        """Return the execution parameters for a window: events from ``start`` on, and before ``end``.

        Both are rounded down to the second, as CloudTrail's times are. A literal for each question mark, in order;
        none for a statement without a window, and then StartQueryExecution takes no ``ExecutionParameters``.

        Args:
            start: When the window begins, with an offset from UTC.
            end: When it ends, with an offset from UTC.

        Raises:
            InvalidProps: A moment has no offset from UTC, or the end is not after the start.
        """
        for word, moment in (("start", start), ("end", end)):
            if moment.tzinfo is None:
                raise InvalidProps(f"{word} of a window has an offset from UTC, got {moment.isoformat()}")
        if end <= start:
            raise InvalidProps(f"a window ends after it starts, got {start.isoformat()} to {end.isoformat()}")
        if not self.windowed:
            return []
        return parameters(start, end, before_seconds=self.before_seconds)


def statements(
    rules: Sequence[CompiledRule],
    *,
    table: str,
    accounts: Sequence[str] | None,
    regions: Sequence[str] | None,
    window: bool = True,
    carry: Sequence[str] | Mapping[str, str] = (),
    among: Iterable[CompiledRule] = (),
) -> tuple[Statement, ...]:
    """Return the statements that ask the lake for what rules detect.

    They are few: one reads the table for up to a hundred rules about single events, one for all the correlations that
    count, and one for each that wants an order.

    Rules that Athena cannot express, and rules that are only part of a correlation, have no rows of their own.

    Args:
        rules: What is asked for. The rules of a correlation may be among them.
        table: Name of the table of events, quoted if it needs to be.
        accounts: Accounts to read. None: no condition on them.
        regions: Regions to read. None: no condition on them.
        window: Ask about a window of time, given when the statement runs. False: about all that there is. Default: a
            window.
        carry: Further columns of the table that each row has, such as ``"$path"`` with its quotes; or expressions over
            its columns, by the names that they get. Default: none.
        among: Where else the rules of a correlation are looked for. Default: nowhere.

    Raises:
        InvalidProps: A correlation's rule is missing or has no predicate; or a statement is longer than the 262,144
            bytes that Athena takes.
    """
    known = {rule.name: rule for rule in (*among, *rules)}
    further = dict(carry) if isinstance(carry, Mapping) else {name: name for name in carry}
    source = Source(table, _listed(accounts), _listed(regions), window, further)

    def made(sql: str, of: Sequence[CompiledRule]) -> Statement:
        return Statement(
            sql=sql,
            rules=tuple(rule.name for rule in of),
            columns=(*COLUMNS, *further),
            windowed=window,
            before_seconds=max(2 * rule.correlation.timespan_seconds if rule.correlation else 0 for rule in of),
        )

    single = [rule for rule in rules if rule.predicate is not None and rule.correlation is None and rule.own]
    found = [made(_statement_events.sql(batch, source), batch) for batch in _batches(single, _length)]
    correlations = [Correlated(rule, _parts(rule, known)) for rule in rules if rule.correlation is not None]
    counting = [each for each in correlations if each.correlation.type != "temporal_ordered"]
    for group in _batches(counting, lambda each: sum(map(_bytes, each.parts.values())) + 1000):
        found.append(made(_statement_correlation.counted(group, source), [each.rule for each in group]))
    for each in correlations:
        if each.correlation.type == "temporal_ordered":
            found.append(made(_statement_correlation.ordered(each, source), [each.rule]))
    for statement in found:
        if _bytes(statement.sql) > MAX_STATEMENT_BYTES:
            raise InvalidProps(
                f"the statement for {', '.join(statement.rules)} is {_bytes(statement.sql)} bytes long; Athena takes "
                f"{MAX_STATEMENT_BYTES}: write the rule shorter"
            )
    return tuple(found)


def _parts(rule: CompiledRule, known: Mapping[str, CompiledRule]) -> dict[str, str]:
    """The predicates of a correlation's rules, by name, in its order."""
    assert rule.correlation is not None
    found: dict[str, str] = {}
    for name in rule.correlation.rules:
        part = known.get(name)
        if part is None or part.predicate is None:
            why = "is not among the rules" if part is None else f"has no predicate: {part.athena_reason}"
            raise InvalidProps(f"the correlation {rule.name!r} needs the rule {name!r}, which {why}")
        found[name] = part.predicate
    return found


def _batches(items: Iterable[_Item], length: Callable[[_Item], int]) -> Iterator[list[_Item]]:
    """As many as fit into a statement, again and again."""
    batch: list[_Item] = []
    size = 0
    for item in items:
        # A predicate may be there twice.
        more = 2 * length(item)
        if batch and (len(batch) == _MAX_RULES or size + more > MAX_STATEMENT_BYTES * 3 // 4):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += more
    if batch:
        yield batch


def _length(rule: CompiledRule) -> int:
    return _bytes(rule.predicate or "") + 100


def _bytes(text: str) -> int:
    return len(text.encode())


def _listed(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
