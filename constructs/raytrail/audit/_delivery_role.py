"""The role by which CloudTrail writes to a log group."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from raytrail.audit._policies import CLOUDTRAIL
from raytrail.findings import acknowledge, place_of


def delivery_role(
    scope: Construct, id: str, *, log_group: logs.ILogGroup, organization_id: str | None, role: iam.IRole | None
) -> tuple[iam.IRole, IConstruct]:
    """Return a role that may write a trail's streams, the one that is given or a new one, and what holds its rights.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
    """
    if role is None:
        role = iam.Role(scope, id, assumed_by=iam.ServicePrincipal(CLOUDTRAIL))
    stack = Stack.of(scope)
    names = [f"{stack.account}_CloudTrail_{stack.region}*"]
    if organization_id:
        names.append(f"{organization_id}_*")
    streams = [
        stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{log_group.log_group_name}:log-stream:{name}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        for name in names
    ]
    write = iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=streams)
    rights: IConstruct = role
    if isinstance(role, iam.Role) and Stack.of(role) is not stack:
        # Of another stack of the app: in the role's own policy that stack would need this one's log group.
        rights = iam.Policy(scope, "DeliveryRights", roles=[role], statements=[write])
    else:
        role.add_to_principal_policy(write)
    own, place = log_group.node.default_child, place_of(scope)
    group = f"<{stack.resolve(own.logical_id)}>" if isinstance(own, logs.CfnLogGroup) else log_group.log_group_name
    where = f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{group}:log-stream"
    shown = [f"{place.account}_CloudTrail_{place.region}*", *names[1:]]
    acknowledge(
        rights,
        {
            f"AwsSolutions-IAM5[Resource::{where}:{name}]": (
                "CloudTrail may append to the name of its stream; AWS documents this pattern"
            )
            for name in shown
        },
    )
    return role, rights
