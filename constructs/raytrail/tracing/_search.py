"""Transaction Search: every span as an event of CloudWatch Logs, a share of them indexed as traces."""

from __future__ import annotations

from aws_cdk import Annotations, RemovalPolicy, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_xray as xray
from constructs import Construct

from raytrail.errors import InvalidProps
from raytrail.tracing._owner import claim

# The type is in the CloudFormation schemas of all other Regions, as of 20 October 2026.
_REGIONS_WITHOUT = ("ap-east-2", "ap-southeast-6", "cn-north-1", "cn-northwest-1", "mx-central-1")


class TransactionSearch(Construct):
    """Sends all spans of an account and Region to the log group ``aws/spans``, and indexes a share of them as traces.

    It changes how the whole account and Region is traced and billed, so it is made only where somebody asks for it:
    spans are billed by the gigabyte, and trace groups, insights and filter expressions see the indexed share alone.
    Removing the stack turns it off again, by what CloudFormation's schema says that its handler may call.

    AWS asks that it is off before CloudFormation turns it on
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search-Cloudformation.html).
    Where it is on already, leave this out; or give ``adopt=True`` and run ``cdk import``, which takes over what is
    there: the switch has the account's number as its identifier, the policy its name.

    Args:
        indexing_percentage: How many of a hundred spans are indexed, from 0 to 100. Default: one, which is free.
        adopt: Whether this takes over what is on already. The stack then leaves it on when it goes. Default: no.
        log_policy: Whether to make the resource policy of CloudWatch Logs by which X-Ray writes the spans. An account
            has ten in a Region, and AWS raises that for nobody: let one of them say what `span_log_statements`
            returns, and leave it out. Default: yes.

    Attributes:
        resource: The switch's L1.
        policy: The policy of CloudWatch Logs that lets X-Ray write, or None.
        span_log_group: Where the spans go, for metric filters, subscriptions and queries.

    Raises:
        InvalidProps: The percentage is out of range, the Region has no Transaction Search in CloudFormation, or the
            app turns it on for the same account and Region elsewhere.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        indexing_percentage: float = 1,
        adopt: bool = False,
        log_policy: bool = True,
    ) -> None:
        super().__init__(scope, id)
        if not 0 <= indexing_percentage <= 100:
            raise InvalidProps(f"indexing_percentage is from 0 to 100, got {indexing_percentage}")
        region = Stack.of(self).region
        if not Token.is_unresolved(region) and region in _REGIONS_WITHOUT:
            raise InvalidProps(
                f"CloudFormation has no Transaction Search (AWS::XRay::TransactionSearchConfig) in {region!r}, "
                f"nor in {', '.join(each for each in _REGIONS_WITHOUT if each != region)}; leave it out there"
            )
        claim(self, "Transaction Search")
        self.policy: logs.CfnResourcePolicy | None = self._let_x_ray_log() if log_policy else None
        self.resource: xray.CfnTransactionSearchConfig = xray.CfnTransactionSearchConfig(
            self, "Resource", indexing_percentage=indexing_percentage
        )
        if self.policy is not None:
            self.resource.add_resource_dependency(self.policy)
        if adopt:
            for resource in (self.policy, self.resource):
                if resource is not None:
                    resource.apply_removal_policy(RemovalPolicy.RETAIN)
        self.span_log_group: logs.ILogGroup = logs.LogGroup.from_log_group_name(self, "Spans", "aws/spans")
        if indexing_percentage < 100:
            Annotations.of(self).add_warning_v2(
                "raytrail:transactionSearchIndex",
                f"with Transaction Search, trace groups, insights and filter expressions see {indexing_percentage:g} % "
                "of the spans, those that are indexed; the others are found in the log group aws/spans alone",
            )

    def _let_x_ray_log(self) -> logs.CfnResourcePolicy:
        stack = Stack.of(self)
        said = span_log_statements(account=stack.account, region=stack.region, partition=stack.partition)
        return logs.CfnResourcePolicy(
            self,
            "LogPolicy",
            # The name on AWS's page: a second owner in the account meets this one by it.
            policy_name="TransactionSearchAccess",
            policy_document=stack.to_json_string(iam.PolicyDocument(statements=said)),
        )


def span_log_statements(*, account: str, region: str, partition: str = "aws") -> list[iam.PolicyStatement]:
    """Return what a resource policy of CloudWatch Logs has to say so that X-Ray can write spans.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Enable-TransactionSearch.html

    Args:
        account: The account.
        region: The Region.
        partition: Their partition. Default: aws.
    """
    log_groups = f"arn:{partition}:logs:{region}:{account}:log-group"
    return [
        iam.PolicyStatement(
            sid="TransactionSearchXRayAccess",
            principals=[iam.ServicePrincipal("xray.amazonaws.com")],
            actions=["logs:PutLogEvents"],
            resources=[f"{log_groups}:aws/spans:*", f"{log_groups}:/aws/application-signals/data:*"],
            conditions={
                "ArnLike": {"aws:SourceArn": f"arn:{partition}:xray:{region}:{account}:*"},
                "StringEquals": {"aws:SourceAccount": account},
            },
        )
    ]
