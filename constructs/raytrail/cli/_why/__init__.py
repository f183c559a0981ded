"""``raytrail traces --why FUNCTION``: the answer to everybody's first question, why there is no trace.

One module gathers facts by read-only calls (`_gather`); checks are small functions over these facts, in order
(`_diagnosis`). Functions of Lambda are what is known here; other kinds of compute would bring facts and checks of their
own beside these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raytrail.cli._aws import connect
from raytrail.cli._errors import Unanswered
from raytrail.cli._output import write_json
from raytrail.cli._refusals import Refused
from raytrail.cli._terminal import console, show
from raytrail.cli._why._diagnosis import diagnose
from raytrail.cli._why._elsewhere import find_function
from raytrail.cli._why._gather import gather
from raytrail.cli._why._show import lines

if TYPE_CHECKING:
    from raytrail.cli._traces._command import Asked
    from raytrail.cli._traces._window import Window

__all__ = ["run"]


def run(function: str, asked: Asked, window: Window) -> int:
    """Diagnose a function, say what was found, and return the status: 0 when traces arrive, otherwise 1.

    Raises:
        Unanswered: There is no such function, or AWS did not answer at all.
    """
    try:
        aws, config = find_function(
            function,
            lambda region: connect(endpoint=asked.endpoint, profile=asked.profile, region=region),
            asked.region,
        )
        diagnosis = diagnose(gather(aws, config, window))
    except Refused as error:
        raise Unanswered(str(error)) from error
    if asked.json:
        write_json(diagnosis.as_json())
    else:
        show(console(), *lines(diagnosis))
    return diagnosis.status
