"""Everything that the checks are about, gathered once by calls that only read."""

from __future__ import annotations

from raytrail.cli._aws import Aws
from raytrail.cli._doctor._account._gather_lists import listed_in
from raytrail.cli._doctor._account._gather_names import taken_names
from raytrail.cli._doctor._account._gather_permissions import permissions_of
from raytrail.cli._doctor._account._gather_quotas import quotas_of
from raytrail.cli._doctor._account._gather_settings import (
    gateway_role_of,
    layers_of,
    regions_of,
    search_of,
    signals_of,
    trace_key_of,
)
from raytrail.cli._doctor._account._gather_stacks import bootstrap_of, stacks_of
from raytrail.cli._doctor._account._gather_trails import organization_of, trails_elsewhere
from raytrail.cli._doctor._account._look import Look
from raytrail.cli._doctor._account._plan import Plan
from raytrail.cli._doctor._account._seen import Seen
from raytrail.cli._doctor._model import Identity


def gather(look: Look, aws: Aws, identity: Identity, plan: Plan) -> Seen:
    """Look at one Region, as far as the plan touches it; without stacks, at what costs or is scarce in any account.

    Raises:
        ClientError: AWS does not take the credentials.
    """
    stacks = stacks_of(look, aws, plan)
    bootstraps = {each.parameter: bootstrap_of(look, aws, plan, each) for each in plan.bootstraps}
    listed = listed_in(look, aws, plan)
    traces = not plan.stacks or any(type.startswith(("AWS::XRay::", "Custom::XRay")) for type in plan.types)
    spans_to, indexed = search_of(look, aws) if traces else (None, None)
    shared = any(trail.organization for trail in listed.trails or ())
    return Seen(
        plan=plan,
        stacks=stacks,
        bootstraps={parameter: seen for parameter, seen in bootstraps.items() if seen},
        permissions=permissions_of(
            look,
            aws,
            identity,
            plan,
            bootstrapped=all(seen and seen.version is not None for seen in bootstraps.values()),
        ),
        trails=listed.trails,
        trails_elsewhere=trails_elsewhere(look, aws, listed.trails or ()) if plan.trails_everywhere else (),
        organization_id=organization_of(look, aws) if shared else None,
        rules=listed.rules,
        spans_to=spans_to,
        indexed_percent=indexed,
        trace_key=trace_key_of(look, aws) if plan.of("Custom::XRayEncryption") else None,
        gateway_role=gateway_role_of(look, aws) if plan.of("AWS::ApiGateway::Account") else None,
        signals=signals_of(look, aws) if plan.of("AWS::ApplicationSignals::Discovery") else None,
        layers=dict(layers_of(look, aws, plan)),
        regions=regions_of(look, aws) if plan.lake_regions else None,
        dashboards=listed.dashboards,
        quotas=tuple(quotas_of(look, aws, plan, stacks, listed)),
        taken=tuple(taken_names(look, aws, plan, stacks, listed)),
    )
