"""What a trail of `raytrail.audit` records, in the words of `raytrail.sigma`: plain values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from raytrail.audit import DataEvents, Insights, ManagementEvents, NetworkActivityEvents
from raytrail.sigma import Vantage


def vantage_of(
    events: Iterable[ManagementEvents | DataEvents | NetworkActivityEvents],
    *,
    insights: Insights | None = None,
    region: str | None = None,
    forwarded: Literal["all", "write", "none"] | None = None,
) -> Vantage:
    """Return what rules can see where one trail is all that the account has.

    Args:
        events: What the trail records: what was given to `AuditTrail`.
        insights: What it looks at for unusual rates. Default: nothing.
        region: The Region of the rules. Default: not known; `ApiCallAlerts` takes that of its stack.
        forwarded: What `GlobalEventForwarder` brings there: ``write``, or ``all`` with ``read_only=True``. Default:
            not known.
    """
    events = list(events)
    management = [each for each in events if isinstance(each, ManagementEvents)]
    left_out = [frozenset(_left_out(each)) for each in management]
    return Vantage(
        region=region,
        forwarded=forwarded,
        management=_recorded({each.read_only for each in management}),
        excluded_sources=frozenset.intersection(*left_out) if left_out else frozenset(),
        data=frozenset(each.resource_type for each in events if isinstance(each, DataEvents)),
        network=frozenset(each.event_source for each in events if isinstance(each, NetworkActivityEvents)),
        insights=insights is not None,
    )


def _recorded(read_only: set[bool | None]) -> Literal["all", "write", "read", "none"]:
    if not read_only:
        return "none"
    if None in read_only or len(read_only) == 2:
        return "all"
    return "read" if True in read_only else "write"


def _left_out(events: ManagementEvents) -> Iterable[str]:
    return (
        value for condition in events.conditions if condition.field == "eventSource" for value in condition.not_equals
    )
