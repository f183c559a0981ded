"""What detections would have said of records that are already there.

An engine of EventBridge's event patterns (`compile_pattern`, `PatternIndex`), an event bus with rules to which records
come as CloudTrail sends them (`EventBus`), rules as a template has them (`read_templates`), and what a replay comes to
(`Report`, `navigator_layer`). Plain Python: no AWS, no CDK.

What it is held against: another matcher (that of the embedded AWS) on generated patterns and on real records, and
whole EventBridge events of AWS accounts.
"""

from raytrail.replay._bus import EventBus
from raytrail.replay._envelope import DETAIL_TYPES, VIA_CLOUDTRAIL, detail_type_of, event_of, is_quiet, source_of
from raytrail.replay._index import PatternIndex
from raytrail.replay._model import (
    ALL_MANAGEMENT,
    DISABLED,
    ENABLED,
    Detection,
    EventRule,
    Match,
    State,
    account_of,
    actor_of,
    match_of,
    time_of,
)
from raytrail.replay._navigator import LAYER_VERSION, navigator_layer
from raytrail.replay._operators import InvalidPattern
from raytrail.replay._patterns import Pattern, compile_pattern
from raytrail.replay._report import Cell, Page, Report
from raytrail.replay._templates import InvalidTemplates, Synthesised, read_templates, rules_of_catalogue

__all__ = [
    "ALL_MANAGEMENT",
    "DETAIL_TYPES",
    "DISABLED",
    "ENABLED",
    "LAYER_VERSION",
    "VIA_CLOUDTRAIL",
    "Cell",
    "Detection",
    "EventBus",
    "EventRule",
    "InvalidPattern",
    "InvalidTemplates",
    "Match",
    "Page",
    "Pattern",
    "PatternIndex",
    "Report",
    "State",
    "Synthesised",
    "account_of",
    "actor_of",
    "compile_pattern",
    "detail_type_of",
    "event_of",
    "is_quiet",
    "match_of",
    "navigator_layer",
    "read_templates",
    "rules_of_catalogue",
    "source_of",
    "time_of",
]
