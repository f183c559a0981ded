"""One trace as a tree, with a bar for the time of each span."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raytrail.cli._terminal import clean, shortened
from raytrail.cli._traces._list import STYLES
from raytrail.traces import Span, Trace

BAR = 30
"""Letters that the whole trace takes in the column of bars."""
LONGEST_DETAIL = 300
WIDE = 90
"""Columns of a terminal from which there is room for the bars."""
NARROWEST = 16
"""Columns that the names have, however narrow the terminal is."""

_RESOURCES = (
    "table_name",
    "queue_url",
    "topic_arn",
    "bucket_name",
    "function_name",
    "state_machine_arn",
    "stream_name",
)


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A line of the table: what is said of a span, and the cells beside it."""

    first: str
    """What stands before its name."""
    further: str
    """What stands before each line under it."""
    said: tuple[Text, ...]
    cells: tuple[Text, ...]


def trace_tree(trace: Trace, terminal: Console) -> Iterator[Text | Table]:
    """The heading and the tree."""
    status = _status(trace.root)
    when = "in progress" if trace.partial else f"{trace.duration * 1000:.1f} ms"
    count = sum(1 for _ in trace.spans())
    yield Text.assemble(
        (f"trace {trace.id}", "bold"), f"  {when}, {count} span{'s' if count > 1 else ''}, ", (status, STYLES[status])
    )
    wide, plain = terminal.width >= WIDE, terminal.options.ascii_only
    rows = [_row(trace, span, *guide, wide=wide, plain=plain) for span, guide in _guides(trace, plain)]
    headings = ("AT MS", "MS", "", "STATUS") if wide else ("MS", "STATUS")
    widths = [max(map(len, column)) for column in zip(headings, *(row.cells for row in rows), strict=True)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("SPAN", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right" if heading.endswith("MS") else "left", no_wrap=True)
    room = max(terminal.width - sum(widths) - 2 * len(widths), NARROWEST)
    for row in rows:
        table.add_row(_hang(row, room, terminal), *row.cells)
    yield table


def _row(trace: Trace, span: Span, first: str, further: str, *, wide: bool, plain: bool) -> _Row:
    status = _status(span)
    code = f" {span.status}" if span.status is not None else ""
    name = Text(shortened(span.service, 120), style="bold")
    if kind := _kind(span):
        name.append(f" {kind}", style="not bold cyan")
    start = Text(f"{(span.start - trace.start) * 1000:.1f}")
    length = Text("..." if span.in_progress else f"{span.duration * 1000:.1f}")
    bar = Text(f"{_bar(trace, span, plain):<{BAR}}", style=STYLES[status])
    end = Text(f"{status}{code}", style=STYLES[status])
    return _Row(
        first=first,
        further=further,
        said=(name, *(Text(detail, style=style) for style, detail in _details(span))),
        cells=(start, length, bar, end) if wide else (length, end),
    )


def _hang(row: _Row, room: int, terminal: Console) -> Text:
    """What is said of a span, folded so that the lines of the tree go on before each line."""
    # Of a tree that is deeper than the terminal is wide, the branch alone is drawn.
    deepest = room // 6 * len("│  ")
    first, further = row.first[-deepest:], row.further[-deepest:]
    lines: list[Text] = []
    for said in row.said:
        for line in said.wrap(terminal, room - len(further)):
            line.rstrip()
            lines.append(Text.assemble((further if lines else first, "dim"), line))
    return Text("\n").join(lines)


def _guides(trace: Trace, plain: bool) -> Iterator[tuple[Span, tuple[str, str]]]:
    """Each span, parents first, with what stands before its name, and before the lines under it."""
    tee, corner, down = ("|- ", "`- ", "|  ") if plain else ("├─ ", "└─ ", "│  ")
    waiting = [("", "", root) for root in reversed(trace.roots)]
    while waiting:
        first, further, span = waiting.pop()
        yield span, (first, further + (down if span.children else "   "))
        last = span.children[-1:]
        waiting += [
            (further + (corner if (child,) == last else tee), further + ("   " if (child,) == last else down), child)
            for child in reversed(span.children)
        ]


def _status(span: Span) -> str:
    for status, flag in (("FAULT", span.fault), ("THROTTLE", span.throttle), ("ERROR", span.error)):
        if flag:
            return status
    return "OK"


def _bar(trace: Trace, span: Span, plain: bool) -> str:
    """Where the span's time lies in that of the trace; never empty, so that a short span is seen."""
    whole = trace.duration
    if whole <= 0:
        return ""
    left = min(int((span.start - trace.start) / whole * BAR), BAR - 1)
    length = max(1, round(span.duration / whole * BAR))
    return (" " * left + ("=" if plain else "━") * length)[:BAR]


def _kind(span: Span) -> str:
    """What did the work: the type of resource, or that it is a call, and who says so."""
    words = [span.type or {"aws": "AWS call", "remote": "call"}.get(span.namespace, "")]
    if span.inferred:
        words.append("as its caller saw it")
    if "raytrail" in span.metadata:
        words.append("made by the emulator")
    return f"({', '.join(clean(word) for word in words if word)})" if any(words) else ""


def _details(span: Span) -> Iterator[tuple[str, str]]:
    """What the span did: each a style and a line."""
    if span.inferred:
        # Its caller, which is above it, said all that is known.
        return
    request = span.http["request"]
    if request.get("method") or request.get("url"):
        yield "", shortened(f"{request.get('method', '')} {request.get('url', '')}".strip(), LONGEST_DETAIL)
    if operation := span.aws.get("operation"):
        resource = next((span.aws[key] for key in _RESOURCES if span.aws.get(key)), "")
        yield "", shortened(f"{operation} {resource}".strip(), LONGEST_DETAIL)
    if query := span.sql.get("sanitized_query"):
        kind = span.sql.get("database_type")
        yield "green", shortened(f"{query}" + (f"  [{kind}]" if kind else ""), LONGEST_DETAIL)
    for exception in span.exceptions:
        type_, message = exception.get("type") or "exception", exception.get("message") or ""
        yield "red", shortened(f"{type_}: {message}".rstrip(": "), LONGEST_DETAIL)
    own = [f"{key}={value}" for key, value in span.annotations.items() if not key.startswith("aws:")]
    if own:
        yield "dim", shortened(" ".join(own), LONGEST_DETAIL)
