"""Settings of which an account and Region have one each, layers, and the Regions of the lake."""

from __future__ import annotations

from collections.abc import Iterator

from raytrail.cli._doctor._account._seen import Seen
from raytrail.cli._doctor._model import Finding
from raytrail.cli._terminal import listed


def transaction_search(seen: Seen) -> Finding | None:
    """Spans go to CloudWatch Logs already: the app's groups see a share of them, or the app would set that share."""
    if seen.spans_to != "CloudWatchLogs" or seen.owned("AWS::XRay::TransactionSearchConfig"):
        return None
    share = "a share of spans" if seen.indexed_percent is None else f"{seen.indexed_percent:g} % of spans"
    planned = seen.plan.of("AWS::XRay::TransactionSearchConfig")
    if planned:
        wanted = seen.plan.where.text(planned[0].properties.get("IndexingPercentage")) or "another share"
        return Finding(
            name="transaction-search-replaced",
            severity="warning",
            title="Transaction Search is on already, and the app would set it",
            seen=f"X-Ray indexes {share}; the app's templates say {wanted}",
            means="it is one setting of the account and Region: CloudFormation refuses to make it again, or takes it "
            "over for everybody who traces there",
            todo="leave tracing.transaction_search_percent out, or settle with whoever switched it on",
        )
    return Finding(
        name="transaction-search-on",
        severity="note",
        title="Transaction Search is on in this Region",
        seen=f"X-Ray sends spans to CloudWatch Logs and indexes {share}",
        means="X-Ray's groups, summaries and the traces that `raytrail traces` lists have the indexed share alone; all "
        "spans are in the log group aws/spans, and sampling rules save nothing of what Lambda writes there",
        todo="raise the share if groups are to see more, or search aws/spans",
        command=(
            "aws xray update-indexing-rule --name Default --rule "
            f"'Probabilistic={{DesiredSamplingPercentage=100}}' --region {seen.plan.where.region}",
        ),
    )


def trace_key(seen: Seen) -> Finding | None:
    """X-Ray has a key of somebody's, and the app would set another."""
    planned = seen.plan.of("Custom::XRayEncryption")
    if not planned or not seen.trace_key or seen.owned("Custom::XRayEncryption"):
        return None
    wanted, adopts = seen.plan.where.text(planned[0].properties.get("KeyArn")), planned[0].properties.get("Adopt")
    if wanted == seen.trace_key:
        return None
    taken = adopts == "true"
    return Finding(
        name="trace-key-set",
        severity="warning" if taken else "error",
        title="X-Ray encrypts with somebody's key already",
        seen=f"the key is {seen.trace_key}; the app's is " + (wanted or "one that it makes"),
        means="the app takes the setting over, for all traces of the Region from then on"
        if taken
        else "the app changes no setting that somebody else made, so its deployment fails",
        todo="see whose key that is, and leave tracing.encryption_key_arn out if it is to stay; TraceEncryption takes "
        "it over with adopt=True",
    )


def gateway_role(seen: Seen) -> Finding | None:
    """API Gateway writes logs with one role for the whole Region, and the app would set its own."""
    if not seen.gateway_role or seen.owned("AWS::ApiGateway::Account"):
        return None
    return Finding(
        name="api-gateway-role-replaced",
        severity="warning",
        title="the app would replace the role that API Gateway writes logs with",
        seen=f"the account's setting in this Region is {seen.gateway_role}",
        means="every API of the Region writes its logs with the app's role from then on; the setting is not put back "
        "when the app is destroyed",
        todo="note the ARN, to put it back, or switch the sample off",
        command=(
            "aws apigateway update-account --patch-operations "
            f"op=replace,path=/cloudwatchRoleArn,value={seen.gateway_role} --region {seen.plan.where.region}",
        ),
    )


def application_signals(seen: Seen) -> Finding | None:
    """Application Signals was switched on before."""
    if not seen.signals or seen.owned("AWS::ApplicationSignals::Discovery"):
        return None
    return Finding(
        name="application-signals-on",
        severity="note",
        title="Application Signals was switched on in this account before",
        seen="its service-linked role exists",
        means="it is one setting of the account and Region; CloudFormation may say that it exists already",
        todo="leave the app's out if the deployment says so: nothing is lost",
        decided="by its role, which tells no Region: no call of AWS answers whether it is on",
    )


def layers(seen: Seen) -> Iterator[Finding]:
    """Layers that a function names and cannot get."""
    for arn, there in seen.layers.items():
        region = arn.split(":")[3]
        if region != seen.plan.where.region:
            yield Finding(
                name="layer-of-another-region",
                severity="error",
                title="a layer is of another Region than its function",
                seen=f"{arn} is of {region}, and the stack of {seen.plan.where.region}",
                means="Lambda takes layers of the function's own Region alone",
                todo=f"name the layer's version of {seen.plan.where.region} (sample.layer_arn)",
            )
        elif there is False:
            yield Finding(
                name="layer-missing",
                severity="error",
                title="a layer does not exist",
                seen=f"Lambda knows no {arn}",
                means="the function cannot be made",
                todo="name a version that exists (sample.layer_arn, sample.powertools_layer_arn)",
                decided="by ResourceNotFoundException: what is not shared with the account is refused in other words",
            )


def lake_regions(seen: Seen) -> Iterator[Finding]:
    """Regions that are enabled and not in the lake, and the other way round."""
    shown, enabled = set(seen.plan.lake_regions), seen.regions
    if enabled is None or not shown:
        return
    if unseen := sorted(enabled - shown):
        yield Finding(
            name="region-not-in-lake",
            severity="note",
            title="calls in some enabled Regions are not in the lake",
            seen=f"{listed(unseen)}: enabled in the account, and not in audit.regions",
            means="the trail records them, and the lake's tables do not show them",
            todo="add them to audit.regions, or disable the Regions that nobody uses",
        )
    if unused := sorted(shown - enabled):
        yield Finding(
            name="lake-region-off",
            severity="note",
            title="the lake shows Regions that are not enabled",
            seen=f"{listed(unused)}: in audit.regions, and not enabled in the account",
            means="nothing is recorded there; each question looks for files in vain",
            todo="leave them out of audit.regions, unless another account whose files are there uses them",
        )
