"""Names of fields that no record of CloudTrail has, and which was meant.

What a call brings along, as below ``requestParameters``, has any names; at the top of a record AWS documents all.
"""

from __future__ import annotations

import difflib

from raytrail.sigma._actor import ACTOR
from raytrail.sigma._fields import NAMES

_TOP = frozenset(name for name in NAMES if "." not in name)
_SPELLED = {name.lower(): name for name in NAMES}


def unknown(field: str) -> str | None:
    """Why no record can have a field of this name, and which was meant. None: some may.

    Args:
        field: As a rule names it, dotted: ``userIdentity.type``. Upper and lower case differ, as they do in JSON.
    """
    if field == ACTOR:
        return f"{ACTOR} is what correlations group by: no record has such a field"
    first, _, rest = field.partition(".")
    meant = _SPELLED.get(field.lower(), field)
    if first in _TOP and meant == field:
        return None
    if first in _TOP:
        return f"CloudTrail has no field {field!r}; it is spelled {meant!r}"
    nearest = _nearest(first, rest)
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    return f"CloudTrail has no field {first!r} at the top of its records{hint}"


def _nearest(first: str, rest: str) -> str | None:
    # "detail.eventName", as EventBridge wraps a record, or "Records.eventName", as files do.
    if rest.partition(".")[0] in _TOP:
        return rest
    near = difflib.get_close_matches(first.lower(), [name.lower() for name in sorted(_TOP)], n=1)
    return _SPELLED[near[0]] if near else None
