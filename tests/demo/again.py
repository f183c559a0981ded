"""Rows of the demo as they are looked for where the kit is deployed once and exercised several times."""

from __future__ import annotations

from raytrail.demo import LOCAL_ROWS


def alarm_again(scene):
    """The alarm's row, when the alarm may be in ALARM already since an earlier test.

    Its cause is set back to OK; the faults of this test make it go off again when it is next evaluated.
    """
    scene.target.client("cloudwatch").set_alarm_state(
        AlarmName=scene.target.output("FaultsAlarm"), StateValue="OK", StateReason="so that it can go off again"
    )
    return LOCAL_ROWS["alarm"](scene)
