"""Detections as Sigma rules: the catalogue, and what each becomes for EventBridge and for Athena.

Plain values: nothing here needs the CDK, and reading the catalogue does not need pySigma. `raytrail.sigma.compiler`
compiles rules, with pySigma (extra ``sigma``).
"""

from raytrail.sigma._actor import ACTOR
from raytrail.sigma._attack import TACTICS, Attack, Technique, attack
from raytrail.sigma._model import ALERTING, LEVELS, Call, CompiledRule, Correlation, Engine, Level
from raytrail.sigma._reach import partly, reads, unreachable
from raytrail.sigma._reach_availability import Availability, availability
from raytrail.sigma._reach_facts import GLOBAL_SOURCES, SIGN_IN_REGIONS, SIGN_IN_SOURCE
from raytrail.sigma._reach_obstacles import GLOBAL_REGION, Obstacle, Vantage
from raytrail.sigma._statement import Statement, statements
from raytrail.sigma._store import catalog, catalog_rule

__all__ = [
    "ACTOR",
    "ALERTING",
    "GLOBAL_REGION",
    "GLOBAL_SOURCES",
    "LEVELS",
    "SIGN_IN_REGIONS",
    "SIGN_IN_SOURCE",
    "TACTICS",
    "Attack",
    "Availability",
    "Call",
    "CompiledRule",
    "Correlation",
    "Engine",
    "Level",
    "Obstacle",
    "Statement",
    "Technique",
    "Vantage",
    "attack",
    "availability",
    "catalog",
    "catalog_rule",
    "partly",
    "reads",
    "statements",
    "unreachable",
]
