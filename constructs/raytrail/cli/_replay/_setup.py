"""From rules to what the workers of a replay need."""

from __future__ import annotations

from raytrail.cli._errors import Unanswered
from raytrail.cli._replay._correlate import TABLE
from raytrail.cli._replay._rules import Rules
from raytrail.cli._replay._work import Setup
from raytrail.errors import RaytrailError
from raytrail.replay import Detection


def setup_of(rules: Rules, *, athena: bool) -> Setup:
    """What the workers need to replay rules.

    Args:
        rules: The rules.
        athena: Whether Athena's engine runs on this machine.

    Raises:
        Unanswered: The extra ``local`` is missing.
        RaytrailError: Athena would refuse a rule.
    """
    if not athena:
        return Setup(event_rules=rules.event_rules)
    try:
        from raytrail.localaws.athena import check_conditions
    except ModuleNotFoundError as error:
        raise Unanswered(
            f"the Athena engine needs the package {error.name}; install raytrail[cli,local], or give --engine "
            "eventbridge"
        ) from error
    of_athena = rules.for_athena
    correlated: dict[str, list[str]] = {}
    for rule in rules.correlations:
        assert rule.correlation is not None
        for name in rule.correlation.rules:
            correlated.setdefault(name, []).append(rule.name)
    wanted = {name: rule for name, rule in of_athena.items() if rule.own or name in correlated}
    try:
        conditions = check_conditions({name: str(rule.predicate) for name, rule in wanted.items()}, table=TABLE)
    except RaytrailError as error:
        raise RaytrailError(f"Athena would refuse a rule: {error}") from error
    return Setup(
        event_rules=rules.event_rules,
        conditions=conditions,
        told={name: Detection.of(rule) for name, rule in wanted.items() if rule.own},
        correlated=correlated,
        correlations={rule.name: rule.correlation for rule in rules.correlations if rule.correlation is not None},
    )
