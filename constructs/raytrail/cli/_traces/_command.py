"""What ``raytrail traces`` does with its options."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

from rich.text import Text

from raytrail.cli._aws import Aws, connect
from raytrail.cli._errors import WrongUse
from raytrail.cli._output import write_json
from raytrail.cli._terminal import console, show
from raytrail.cli._traces import _read
from raytrail.cli._traces._ids import read_trace_id
from raytrail.cli._traces._list import trace_table
from raytrail.cli._traces._map import ServiceMap, map_table
from raytrail.cli._traces._tree import trace_tree
from raytrail.cli._traces._window import Window, read_window
from raytrail.errors import InvalidFilter
from raytrail.traces import Filter, parse_filter


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options as they were typed."""

    trace_id: str | None
    map: bool
    why: str | None
    since: str | None
    from_: str | None
    to: str | None
    filter: str | None
    group: str | None
    limit: int
    json: bool
    endpoint: str | None
    profile: str | None
    region: str | None


def run(asked: Asked) -> int:
    """Do what was asked, and return the status to end with.

    Raises:
        RaytrailError: It cannot be done; `WrongUse` when what was typed is to blame.
    """
    _refuse_what_does_not_go_together(asked)
    trace_id = read_trace_id(asked.trace_id) if asked.trace_id else None
    expression = _read_filter(asked.filter) if asked.filter is not None else None
    window = read_window(since=asked.since, from_=asked.from_, to=asked.to)
    if asked.why is not None:
        from raytrail.cli import _why

        return _why.run(asked.why, asked, window)
    aws = connect(endpoint=asked.endpoint, profile=asked.profile, region=asked.region)
    if asked.map:
        _show_map(aws, window, trace_id, asked)
    elif trace_id:
        _show_one(aws, trace_id, asked)
    else:
        _show_list(aws, window, expression, asked)
    return 0


def _refuse_what_does_not_go_together(asked: Asked) -> None:
    times = {"--since": asked.since, "--from": asked.from_, "--to": asked.to}
    chosen = {"--filter": asked.filter, "--group": asked.group}
    if asked.why is not None:
        _refuse("--why", {"TRACE_ID": asked.trace_id, "--map": asked.map or None, **chosen})
    if asked.trace_id is not None:
        _refuse("TRACE_ID", {**times, **chosen})
    if asked.map and asked.filter is not None:
        raise WrongUse("X-Ray draws no map of a filter; give --map a --group that has this expression")


def _refuse(word: str, others: dict[str, Any]) -> None:
    if useless := [name for name, value in others.items() if value is not None]:
        raise WrongUse(f"{word} says which traces are meant; leave out {' and '.join(useless)}")


def _read_filter(text: str) -> Filter:
    try:
        return parse_filter(text)
    except InvalidFilter as error:
        # Its message shows the expression, and the column under it.
        raise WrongUse(f"--filter: {error}") from error


def _show_list(aws: Aws, window: Window, expression: Filter | None, asked: Asked) -> None:
    if asked.group is not None:
        of_group = _read.group_filter(aws, asked.group)
        both = [each for each in (expression, of_group) if each is not None]
        expression = reduce(and_, both) if both else None
    found = _read.newest(aws, window, expression=expression, limit=asked.limit)
    if asked.json:
        write_json([each.as_json() for each in found])
    elif found:
        terminal = console()
        show(terminal, trace_table(found, terminal.width))
        if len(found) == asked.limit:
            sys.stderr.write(f"the newest {asked.limit}; --limit shows more\n")
    else:
        that = "" if expression is None else " that matches"
        sys.stderr.write(
            f"no trace{that} from {window} in {aws}; --since looks further back, and --why FUNCTION asks why there is "
            "none\n"
        )


def _show_one(aws: Aws, trace_id: str, asked: Asked) -> None:
    trace = _read.one(aws, trace_id)
    if asked.json:
        document = {"id": trace.id, "duration_seconds": trace.duration, "segments": trace.documents()}
        write_json(document)
    else:
        terminal = console()
        show(terminal, *trace_tree(trace, terminal))


def _show_map(aws: Aws, window: Window, trace_id: str | None, asked: Asked) -> None:
    if trace_id:
        found = ServiceMap.merge([_read.trace_graph(aws, trace_id)])
    else:
        if asked.group is not None:
            _read.group_filter(aws, asked.group)
        found = ServiceMap.merge(_read.service_graph(aws, window, asked.group))
    if asked.json:
        write_json(found.as_json())
    elif found.nodes:
        terminal = console()
        show(terminal, map_table(found, terminal.options.ascii_only), Text())
    else:
        sys.stderr.write(f"nothing was traced from {window} in {aws}; --since looks further back\n")
