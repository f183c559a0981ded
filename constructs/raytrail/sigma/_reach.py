"""Can a rule ever fire where it is to run? Whether any event that it is about can arrive there, and what keeps it away.

A rule is held against a `Vantage`: what is known of the trail, of the Region, and of the engine. What is not known is
never held against it, and neither is what AWS says nothing or two things about (`raytrail.sigma._reach_facts`).

Looked at are the rule's calls, and what its patterns demand of ``eventCategory``, ``eventType``, ``managementEvent``,
``readOnly`` and ``errorCode`` at the top. Not looked at is everything else that a rule asks of an event.
"""

from __future__ import annotations

from collections.abc import Mapping

from raytrail.sigma._model import CompiledRule, Engine
from raytrail.sigma._reach_calls import only_data, read_only
from raytrail.sigma._reach_demands import demands_of
from raytrail.sigma._reach_obstacles import Obstacle, Vantage, obstacles_of


def unreachable(
    rule: CompiledRule,
    vantage: Vantage,
    *,
    among: Mapping[str, CompiledRule] | None = None,
    engine: Engine | None = None,
) -> tuple[Obstacle, ...]:
    """Return why no event can ever reach a rule: nothing if some can, as far as is known.

    Args:
        rule: The rule.
        vantage: Where it runs.
        among: Rules by name, of which a correlation names some. One that is not here is not known. Default: none are.
        engine: Which of its engines is asked about. Default: EventBridge if the rule has a pattern, else Athena.
    """
    if rule.correlation is not None:
        return _correlation(rule, vantage, among or {})
    stopped, passing = _sort(rule, vantage, engine)
    return () if passing else stopped


def partly(
    rule: CompiledRule,
    vantage: Vantage,
    *,
    among: Mapping[str, CompiledRule] | None = None,
    engine: Engine | None = None,
) -> tuple[Obstacle, ...]:
    """Return why some of the calls of a rule cannot reach it, though others can: nothing if all can, or none.

    Of a correlation: what its rules cannot see, while it can fire.

    Args:
        rule: The rule.
        vantage: Where it runs.
        among: Rules by name, of which a correlation names some. One that is not here is not known. Default: none are.
        engine: Which of its engines is asked about. Default: EventBridge if the rule has a pattern, else Athena.
    """
    if rule.correlation is not None:
        if _correlation(rule, vantage, among or {}):
            return ()
        parts = (among[name] for name in rule.correlation.rules if among and name in among)
        return tuple(
            obstacle
            for part in parts
            for obstacle in (*unreachable(part, vantage, engine="athena"), *partly(part, vantage, engine="athena"))
        )
    stopped, passing = _sort(rule, vantage, engine)
    return stopped if passing else ()


def reads(rule: CompiledRule) -> bool:
    """Whether ``rule`` sees, or may see, read-only management events.

    EventBridge hands those only to a rule whose state is ``ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS``
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html).
    A correlation sees none itself: Athena asks for it.

    Args:
        rule: The rule.
    """
    demands = demands_of(rule)
    if demands.read_only is False or "Management" not in demands.categories:
        return False
    return any(read_only(call) is not False and not only_data(call) for call in rule.calls)


def _sort(rule: CompiledRule, vantage: Vantage, engine: Engine | None) -> tuple[tuple[Obstacle, ...], bool]:
    """What stops calls of ``rule``, and whether any call passes."""
    engine = engine or ("eventbridge" if rule.patterns or not rule.predicate else "athena")
    if reason := _not_expressible(rule, engine):
        return (reason,), False
    demands = demands_of(rule)
    stopped: dict[str, Obstacle] = {}
    passing = not rule.calls
    for call in rule.calls:
        obstacles = list(obstacles_of(call, demands, rule.calls, vantage, engine))
        passing = passing or not obstacles
        for each in obstacles:
            calls = (*stopped[each.need].calls, call) if each.need in stopped else (call,)
            stopped[each.need] = Obstacle(need=each.need, missing=each.missing, remedy=each.remedy, calls=calls)
    return tuple(stopped.values()), passing


def _not_expressible(rule: CompiledRule, engine: Engine) -> Obstacle | None:
    if rule.patterns if engine == "eventbridge" else rule.predicate:
        return None
    reason = rule.eventbridge_reason if engine == "eventbridge" else rule.athena_reason
    other = rule.predicate if engine == "eventbridge" else rule.patterns
    return Obstacle(
        need="engine",
        missing=f"{_ENGINES[engine]} cannot express it: {reason or 'it has nothing for that engine'}",
        remedy=f"{_ENGINES['athena' if engine == 'eventbridge' else 'eventbridge']} can"
        if other
        else "write the rule otherwise",
    )


_ENGINES: Mapping[Engine, str] = {"eventbridge": "EventBridge", "athena": "Athena"}


def _correlation(rule: CompiledRule, vantage: Vantage, among: Mapping[str, CompiledRule]) -> tuple[Obstacle, ...]:
    """Athena asks for a correlation: in time it needs all of its rules, to count it needs one."""
    if rule.correlation is None:
        return ()
    if rule.athena_reason:
        missing = f"Athena cannot express it: {rule.athena_reason}"
        return (Obstacle(need="engine", missing=missing, remedy="write the correlation otherwise"),)
    dead = [
        unreachable(among[name], vantage, among=among, engine="athena") if name in among else ()
        for name in rule.correlation.rules
    ]
    needs_all = rule.correlation.type.startswith("temporal")
    if not (any(dead) if needs_all else all(dead)):
        return ()
    return tuple({str(obstacle): obstacle for part in dead for obstacle in part}.values())
