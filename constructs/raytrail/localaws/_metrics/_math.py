"""Evaluates metric math over time series.

Of AWS's functions these are refused, each by name: ANOMALY_DETECTION_BAND, SEARCH, SERVICE_QUOTA,
INSIGHT_RULE_METRIC, LAMBDA and DB_PERF_INSIGHTS. Queries of Metrics Insights are no metric math: see `_select`.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from raytrail.localaws._metrics._math_grammar import Array, Call, MathError, Name, Node, Number, Text


@dataclass(frozen=True, slots=True)
class Series:
    """Values by the start of their period (seconds since the epoch)."""

    points: Mapping[float, float]
    period: int
    label: str = ""
    id: str = ""


Value = float | Series | list[Series] | str


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may refer to."""

    resolve: Callable[[str], Value]
    """The value of another metric or expression by its id; raises MathError for an unknown one."""
    metrics: Mapping[str, Series]
    """The metrics of the request, which ``METRICS()`` returns: expressions are not among them."""
    start: float
    end: float
    period: int = field(default=60)

    def grid(self) -> list[float]:
        """The start of each period in the range."""
        first = self.start // self.period * self.period
        return [first + n * self.period for n in range(math.ceil((self.end - first) / self.period))]


def evaluate(tree: Node, scope: Scope) -> Value:
    """The value of ``tree``.

    Raises:
        MathError: An unknown name or function, or arguments that the function does not take.
    """
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Text):
        return tree.value
    if isinstance(tree, Name):
        return tree.value if tree.value.isupper() else scope.resolve(tree.value)
    if isinstance(tree, Array):
        values = [evaluate(item, scope) for item in tree.items]
        return [series for value in values for series in _array(value)]
    return _call(tree, scope)


def _call(tree: Call, scope: Scope) -> Value:
    arguments = [evaluate(argument, scope) for argument in tree.arguments]
    if tree.function in _OPERATORS:
        return _combine(_OPERATORS[tree.function], arguments[0], arguments[1])
    if tree.function not in _FUNCTIONS:
        raise MathError(f"Unsupported function {tree.function}")
    try:
        return _FUNCTIONS[tree.function](arguments, scope)
    except IndexError as error:
        raise MathError(f"Too few arguments for function {tree.function}") from error


def _metrics(arguments: Sequence[Value], scope: Scope) -> Value:
    part = str(arguments[0]) if arguments else ""
    return [scope.metrics[id] for id in scope.metrics if part in id]


def _time_series(arguments: Sequence[Value], scope: Scope) -> Value:
    value = _scalar(arguments[0])
    return Series({} if math.isnan(value) else dict.fromkeys(scope.grid(), value), scope.period)


def _slice(arguments: Sequence[Value], _scope: Scope) -> Value:
    end = int(_scalar(arguments[2])) if len(arguments) > 2 else None
    return _array(arguments[0])[int(_scalar(arguments[1])) : end]


def _if(arguments: Sequence[Value], scope: Scope) -> Value:
    condition, chosen = arguments[0], arguments[1]
    other: Value | None = arguments[2] if len(arguments) > 2 else None
    if isinstance(condition, float):
        if condition:
            return chosen
        return other if other is not None else Series({}, scope.period)
    tested = _one(condition)
    points: dict[float, float] = {}
    for time, value in tested.points.items():
        if value:
            # A condition that holds where the metric has no value gives 0, as AWS's table says.
            points[time] = _value_at(chosen, time, 0.0) or 0.0
        elif other is not None and (found := _value_at(other, time, None)) is not None:
            points[time] = found
    return replace(tested, points=points)


def _value_at(value: Value, time: float, missing: float | None) -> float | None:
    return value if isinstance(value, float) else _one(value).points.get(time, missing)


def _filled(series: Series, filler: Value, scope: Scope) -> Series:
    grid, points = scope.grid(), dict(series.points)
    if filler == "REPEAT":
        last = None
        for time in grid:
            last = points.get(time, last)
            if last is not None:
                points[time] = last
    elif filler == "LINEAR":
        known = sorted(series.points)
        for before, after in itertools.pairwise(known):
            for time in (t for t in grid if before < t < after):
                share = (time - before) / (after - before)
                points[time] = series.points[before] + share * (series.points[after] - series.points[before])
    else:
        for time in grid:
            if time not in points and (value := _value_at(filler, time, None)) is not None:
                points[time] = value
    return replace(series, points=dict(sorted(points.items())))


def _sort(arguments: Sequence[Value], _scope: Scope) -> Value:
    array, function, order, limit = arguments[0], arguments[1], arguments[2], arguments[3:]
    if function not in ("AVG", "MIN", "MAX", "SUM") or order not in ("ASC", "DESC"):
        raise MathError("SORT takes AVG, MIN, MAX or SUM, and ASC or DESC")
    reducer = _REDUCERS[str(function)]
    ordered = sorted(
        _array(array),
        key=lambda series: reducer(list(series.points.values())) if series.points else -math.inf,
        reverse=order == "DESC",
    )
    return ordered[: int(_scalar(limit[0]))] if limit else ordered


def _combine(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            raise MathError("Arrays of different lengths cannot be combined")
        return [_two(function, a, b) for a, b in zip(left, right, strict=True)]
    if isinstance(left, list):
        return [_two(function, series, right) for series in left]
    if isinstance(right, list):
        return [_two(function, left, series) for series in right]
    if isinstance(left, float) and isinstance(right, float):
        return function(left, right)
    return _two(function, left, right)


def _two(function: Callable[[float, float], float], left: Value, right: Value) -> Series:
    """A pair with at least one time series: what misses counts as 0, and no value (x / 0) drops the point."""
    lead = _one(left if isinstance(left, Series) else right)
    times: set[float] = set()
    for side in (left, right):
        times |= set(side.points) if isinstance(side, Series) else set()
    points = {time: function(_value_at(left, time, 0.0) or 0.0, _value_at(right, time, 0.0) or 0.0) for time in times}
    return replace(lead, points={t: points[t] for t in sorted(points) if not math.isnan(points[t])})


def _reduce(function: Callable[[list[float]], float], value: Value) -> Value:
    if isinstance(value, Series):
        return function(list(value.points.values())) if value.points else math.nan
    array = _array(value)
    if not array:
        return []
    times = sorted({time for series in array for time in series.points})
    # AVG counts what misses as 0; the others take what is there.
    fill = function is _REDUCERS["AVG"]
    gathered = {
        time: [series.points.get(time, 0.0) for series in array if fill or time in series.points] for time in times
    }
    return Series({time: function(values) for time, values in gathered.items()}, array[0].period)


def _map(value: Value, function: Callable[[float], float]) -> Value:
    if isinstance(value, float):
        return function(value)

    def apply(series: Series) -> Series:
        points = {time: function(number) for time, number in series.points.items()}
        return replace(series, points={time: number for time, number in points.items() if not math.isnan(number)})

    return _each(value, apply)


def _each(value: Value, function: Callable[[Series], Series]) -> Value:
    return [function(series) for series in value] if isinstance(value, list) else function(_one(value))


def _one(value: Value) -> Series:
    if not isinstance(value, Series):
        raise MathError("Expected a time series")
    return value


def _array(value: Value) -> list[Series]:
    return value if isinstance(value, list) else [_one(value)]


def _scalar(value: Value) -> float:
    if not isinstance(value, float):
        raise MathError("Expected a number")
    return value


def _steps(function: Callable[[float, float], float]) -> Callable[[Series], Series]:
    """A function of each value and its difference in time (seconds) from the value before."""

    def apply(series: Series) -> Series:
        known = sorted(series.points.items())
        pairs = itertools.pairwise(known)
        return replace(series, points={t2: function(v2 - v1, t2 - t1) for (t1, v1), (t2, v2) in pairs})

    return apply


def _running_sum(series: Series) -> Series:
    total, points = 0.0, {}
    for time, value in sorted(series.points.items()):
        total += value
        points[time] = total
    return replace(series, points=points)


def _power(base: float, exponent: float) -> float:
    try:
        result = base**exponent
    except (ZeroDivisionError, OverflowError):
        return math.nan
    return result if isinstance(result, float) else math.nan


_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else math.nan,
    "^": _power,
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "AND": lambda a, b: float(bool(a) and bool(b)),
    "OR": lambda a, b: float(bool(a) or bool(b)),
}

Function = Callable[[Sequence[Value], Scope], Value]


def _pointwise(function: Callable[[float], float]) -> Function:
    return lambda arguments, _scope: _map(arguments[0], function)


def _reducer(name: str) -> Function:
    return lambda arguments, _scope: _reduce(_REDUCERS[name], arguments[0])


def _over_series(function: Callable[[Series], Series]) -> Function:
    return lambda arguments, _scope: _each(arguments[0], function)


def _clock(function: Callable[[datetime], float]) -> Function:
    def apply(arguments: Sequence[Value], scope: Scope) -> Value:
        points = {time: function(datetime.fromtimestamp(time, UTC)) for time in scope.grid()}
        return _each(arguments[0], lambda series: replace(series, points=points))

    return apply


_REDUCERS: dict[str, Callable[[list[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values),
    "MAX": max,
    "MIN": min,
    "SUM": lambda values: float(sum(values)),
    "STDDEV": statistics.pstdev,
    "DATAPOINT_COUNT": lambda values: float(len(values)),
}
_FUNCTIONS: dict[str, Function] = {
    **{name: _reducer(name) for name in _REDUCERS},
    "negate": _pointwise(lambda a: -a),
    "ABS": _pointwise(abs),
    "CEIL": _pointwise(lambda a: float(math.ceil(a))),
    "FLOOR": _pointwise(lambda a: float(math.floor(a))),
    "LOG": _pointwise(lambda a: math.log(a) if a > 0 else math.nan),
    "LOG10": _pointwise(lambda a: math.log10(a) if a > 0 else math.nan),
    "DIFF": _over_series(_steps(lambda difference, _seconds: difference)),
    "DIFF_TIME": _over_series(_steps(lambda _difference, seconds: seconds)),
    "RATE": _over_series(_steps(lambda difference, seconds: difference / seconds)),
    "RUNNING_SUM": _over_series(_running_sum),
    "MINUTE": _clock(lambda t: float(t.minute)),
    "HOUR": _clock(lambda t: float(t.hour)),
    "DAY": _clock(lambda t: float(t.isoweekday())),
    "DATE": _clock(lambda t: float(t.day)),
    "MONTH": _clock(lambda t: float(t.month)),
    "YEAR": _clock(lambda t: float(t.year)),
    "EPOCH": _clock(lambda t: t.timestamp()),
    "IF": _if,
    "METRICS": _metrics,
    "TIME_SERIES": _time_series,
    "FILL": lambda arguments, scope: _each(arguments[0], lambda series: _filled(series, arguments[1], scope)),
    "PERIOD": lambda arguments, _scope: float(_one(arguments[0]).period),
    "METRIC_COUNT": lambda arguments, _scope: float(len(_array(arguments[0]))),
    "FIRST": lambda arguments, _scope: _array(arguments[0])[0],
    "LAST": lambda arguments, _scope: _array(arguments[0])[-1],
    "REMOVE_EMPTY": lambda arguments, _scope: [series for series in _array(arguments[0]) if series.points],
    "SLICE": _slice,
    "SORT": _sort,
}
