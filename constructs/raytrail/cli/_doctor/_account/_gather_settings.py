"""Settings of which an account and Region have one each, and the layers that functions want."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from raytrail.cli._aws import Aws
from raytrail.cli._doctor._account._look import Look
from raytrail.cli._doctor._account._plan import Plan
from raytrail.cli._refusals import code_of

SIGNALS_ROLE = "AWSServiceRoleForCloudWatchApplicationSignals"
"""The role that Application Signals makes for itself when it is switched on; no call answers whether it is on
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-service-linked-roles.html)."""
ENABLED = ("opt-in-not-required", "opted-in")


def search_of(look: Look, aws: Aws) -> tuple[str | None, float | None]:
    """Where X-Ray sends spans, and the share of them that Transaction Search indexes."""
    xray = aws.client("xray")
    to = look.at(
        "Transaction Search",
        ("xray:GetTraceSegmentDestination",),
        lambda: str(xray.get_trace_segment_destination().get("Destination", "XRay")),
    )
    if to != "CloudWatchLogs":
        return to, None

    def percent() -> float:
        rules = {rule.get("Name"): rule.get("Rule") or {} for rule in xray.get_indexing_rules()["IndexingRules"]}
        share = (rules.get("Default") or {}).get("Probabilistic") or {}
        return float(share.get("DesiredSamplingPercentage", 0))

    return to, look.at("the share of spans that is indexed", ("xray:GetIndexingRules",), percent)


def trace_key_of(look: Look, aws: Aws) -> str | None:
    """The key that X-Ray encrypts with; empty where it is X-Ray's own."""

    def ask() -> str:
        config = aws.client("xray").get_encryption_config()["EncryptionConfig"]
        return str(config.get("KeyId", "")) if config.get("Type") == "KMS" else ""

    return look.at("X-Ray's encryption", ("xray:GetEncryptionConfig",), ask)


def gateway_role_of(look: Look, aws: Aws) -> str | None:
    """The role that API Gateway writes logs with; empty where it has none."""
    return look.at(
        "the role that API Gateway writes logs with",
        ("apigateway:GET",),
        lambda: str(aws.client("apigateway").get_account().get("cloudwatchRoleArn") or ""),
    )


def signals_of(look: Look, aws: Aws) -> bool | None:
    """Whether Application Signals was ever switched on in the account."""

    def ask() -> bool:
        try:
            aws.client("iam").get_role(RoleName=SIGNALS_ROLE)
        except ClientError as error:
            if code_of(error) == "NoSuchEntity":
                return False
            raise
        return True

    return look.at("Application Signals", ("iam:GetRole",), ask)


def layers_of(look: Look, aws: Aws, plan: Plan) -> Iterator[tuple[str, bool | None]]:
    """Whether each layer is there; None where Lambda does not say.

    It refuses a version that is not shared with the account, one that never was, and a caller without the permission,
    all in the same words: denied does not mean missing.
    """
    functions = aws.client("lambda")
    for arn in plan.layers:

        def ask(arn: str = arn) -> bool:
            try:
                functions.get_layer_version_by_arn(Arn=arn)
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise
                return False
            return True

        # Lambda takes no layer of another Region, whatever is there.
        here = arn.split(":")[3] == plan.where.region
        yield arn, look.at(f"the layer {arn}", ("lambda:GetLayerVersion", "its owner's leave"), ask) if here else True


def regions_of(look: Look, aws: Aws) -> frozenset[str] | None:
    """The Regions that are enabled in the account."""

    def ask() -> frozenset[str]:
        regions = aws.client("ec2").describe_regions(AllRegions=True)["Regions"]
        return frozenset(each["RegionName"] for each in regions if each.get("OptInStatus", ENABLED[0]) in ENABLED)

    return look.at("the Regions that are enabled", ("ec2:DescribeRegions",), ask)
