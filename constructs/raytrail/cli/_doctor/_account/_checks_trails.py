"""Trails that are there already: a second copy is paid for, and rules of EventBridge see nothing without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from raytrail.cli._doctor._account._seen import Seen, TrailSeen
from raytrail.cli._doctor._model import Finding
from raytrail.cli._terminal import listed

COPY_DOLLARS = 2
"""For each 100,000 management events that are delivered a second time (https://aws.amazon.com/cloudtrail/pricing)."""


def useless(seen: Seen, trail: TrailSeen) -> str:
    """Why a trail cannot take the place of one that the app makes; empty where it can."""
    if trail.logging is False:
        return "it is switched off"
    if trail.writes is False:
        return "it does not record management calls that write"
    lacks = []
    if not trail.all_regions:
        lacks.append(f"it records {trail.home or seen.plan.where.region} alone")
    if trail.failing:
        lacks.append(f"its files do not arrive ({trail.failing})")
    if lacks:
        return " and ".join(lacks)
    if trail.logging is None or trail.writes is None:
        return "what it records could not be looked at"
    return ""


def second_trails(seen: Seen) -> Iterator[Finding]:
    """The app makes a trail where there is one."""
    if not seen.plan.trails:
        return
    for trail in _others(seen):
        # Of one Region, with files that do not arrive, or with settings that nobody may read: it makes a copy.
        if trail.logging is not False and trail.writes is not False:
            yield _second(seen, trail)
        elif reason := useless(seen, trail):
            yield Finding(
                name="trail-of-no-use",
                severity="note",
                title=f"the trail {trail.name} is no replacement for the app's",
                seen=f"{trail.arn}: {reason}",
                means="the app's own trail is the first copy of management events, which is free",
                todo="nothing, or switch it on to adopt it (audit.existing_trail)",
            )
    for trail in seen.trails_elsewhere:
        if trail.logging is not False and trail.writes is not False:
            yield replace(
                _second(seen, trail),
                title=f"the app's trail would be a second copy of {trail.home} beside the trail {trail.name}",
                decided="by ListTrails, and by DescribeTrails in that Region; the app's trail records every Region",
            )


def _others(seen: Seen) -> list[TrailSeen]:
    return [trail for trail in seen.trails or () if not seen.owns("AWS::CloudTrail::Trail", trail.name)]


def _second(seen: Seen, trail: TrailSeen) -> Finding:
    kind = "organization's trail" if trail.organization else "trail"
    reason = useless(seen, trail)
    key = "; the policy of files_key_arn is to let those decrypt who ask the lake" if trail.kms_key else ""
    adopted = adopting(seen, trail)
    return Finding(
        name="second-trail",
        severity="warning",
        title=f"the app's trail would be a second copy beside the {kind} {trail.name}",
        seen=f"{trail.arn} delivers management events to {trail.bucket}" + (f"; {reason}" if reason else ""),
        means=f"one copy of management events is free; a further one costs {COPY_DOLLARS:.2f} USD per 100,000 of them",
        todo=(
            f"as {reason}, see to that first or keep both; to adopt it then"
            if reason
            else "adopt it instead: no trail is made, and the lake is laid over its files;"
        )
        + f" put into context.raytrail of cdk.json: {adopted}{key}"
        + _organization(seen, trail),
        command=(f"{seen.plan.cdk} deploy --all -c raytrail='{adopted}'",) if seen.plan.settings and not reason else (),
        decided="by DescribeTrails, with the shadows of trails of other Regions and of the organization",
    )


def adopting(seen: Seen, trail: TrailSeen) -> str:
    """The settings that adopt a trail, as JSON; the key of Athena's results is left to the reader's choice."""
    # AWS answers with the key's ARN, whatever the trail was told; the setting takes nothing else.
    existing: dict[str, Any] = {"bucket_name": trail.bucket}
    if trail.prefix:
        existing["prefix"] = trail.prefix
    if trail.organization:
        existing["organization_id"] = seen.organization_id or "o-exampleorgid"
    if trail.log_group:
        existing["log_group_name"] = trail.log_group
    if trail.kms_key:
        existing["files_key_arn"] = trail.kms_key
    return json.dumps({"audit": {"existing_trail": existing}})


def _organization(seen: Seen, trail: TrailSeen) -> str:
    if not trail.organization:
        return ""
    where = "; its bucket is the organization's, and must let this account read and list it"
    return where if seen.organization_id else f"{where}; o-exampleorgid stands for the organization's id"


def no_trail(seen: Seen) -> Finding | None:
    """Rules that wait for API calls, and no trail that brings them."""
    if seen.trails is None or not seen.plan.listens or seen.plan.trails or seen.plan.trail_elsewhere:
        return None
    if any(trail.logging is not False and trail.writes is not False for trail in seen.trails):
        return None
    there = [f"{trail.name}: {useless(seen, trail)}" for trail in seen.trails]
    return Finding(
        name="no-trail",
        severity="warning",
        title="no trail brings API calls to the app's rules",
        seen=f"no trail records {seen.plan.where.region}" + (f" ({'; '.join(there)})" if there else ""),
        means="EventBridge gets API calls only where a trail logs them: no detection would ever match",
        todo="let the app make a trail (audit, without existing_trail), or switch one on",
    )


def lake_without_trail(seen: Seen) -> Finding | None:
    """Tables over a bucket to which no trail of the account delivers."""
    if seen.trails is None or seen.plan.trails:
        return None
    delivered = {trail.bucket for trail in seen.trails}
    lost = [bucket for bucket in seen.plan.lake_buckets if bucket not in delivered]
    if not lost:
        return None
    return Finding(
        name="lake-without-trail",
        severity="note",
        title="no trail of this account delivers to the bucket that the lake reads",
        seen=f"the lake reads {listed(lost)}; trails deliver to {listed(sorted(delivered))}",
        means="the lake shows what other accounts deliver there, and nothing of this one",
        todo="nothing if that is meant, as over a log archive; otherwise see audit.existing_trail.bucket_name",
    )
