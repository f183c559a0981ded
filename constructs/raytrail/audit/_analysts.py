"""What somebody needs who asks the lake, and a role that has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from raytrail._shown import shown_arn
from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge

if TYPE_CHECKING:
    from raytrail.audit._lake import AuditLake

# https://docs.aws.amazon.com/athena/latest/ug/example-policies-workgroup.html, "running queries in a specified
# workgroup", without the actions that make or delete saved queries and prepared statements.
WORKGROUP_ACTIONS = (
    *("athena:GetWorkGroup", "athena:StartQueryExecution", "athena:StopQueryExecution"),
    *("athena:GetQueryExecution", "athena:BatchGetQueryExecution", "athena:ListQueryExecutions"),
    *("athena:GetQueryResults", "athena:GetQueryResultsStream"),
    *("athena:GetNamedQuery", "athena:BatchGetNamedQuery", "athena:ListNamedQueries"),
    *("athena:GetPreparedStatement", "athena:ListPreparedStatements"),
)
# The same page: what Athena's console lists. These three know no resource.
LIST_ACTIONS = ("athena:ListDataCatalogs", "athena:ListEngineVersions", "athena:ListWorkGroups")
CATALOG_ACTIONS = ("athena:GetDatabase", "athena:GetTableMetadata", "athena:ListDatabases", "athena:ListTableMetadata")
# https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html, what reads; each on the
# table and on all above it.
GLUE_ACTIONS = ("glue:GetDatabase", "glue:GetDatabases", "glue:GetPartitions", "glue:GetTable", "glue:GetTables")
# https://docs.aws.amazon.com/athena/latest/ug/managed-policies.html, AmazonAthenaFullAccess on the results' bucket,
# without what makes buckets.
RESULTS_ACTIONS = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
RESULT_ACTIONS = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject")
# https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
FILES_ACTIONS = ("s3:GetBucketLocation", "s3:ListBucket")
FILE_ACTIONS = ("s3:GetObject",)
# https://docs.aws.amazon.com/athena/latest/ug/encryption.html
READ_KEY_ACTIONS = ("kms:Decrypt",)
WRITE_KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")


def grant_all(grantee: iam.IGrantable, statements: Sequence[tuple[Sequence[str], Sequence[str]]]) -> iam.Grant:
    """Allow a grantee several sets of actions, each on its resources."""
    grants = [
        iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=list(resources))
        for actions, resources in statements
    ]
    whole = grants[0]
    for grant in grants[1:]:
        whole = whole.combine(grant)
    return whole


class AnalystRole(Construct):
    """A role that may ask one lake, and nothing else.

    Args:
        lake: The lake.
        assumed_by: Who may take the role on. Default: whom the account's policies allow.
        require_mfa: Whether the session that takes it on must have a second factor. Leave it out for identities that
            come by SAML, OpenID or IAM Identity Center: their provider asks for it, and AWS does not see it. Default:
            yes.
        max_session_hours: The longest session, 1 to 12 hours
            (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage-assume.html). Default: one hour.

    Attributes:
        role: The role.

    Raises:
        InvalidProps: The hours are not 1 to 12.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        lake: AuditLake,
        assumed_by: iam.IPrincipal | None = None,
        require_mfa: bool = True,
        max_session_hours: int = 1,
    ) -> None:
        super().__init__(scope, id)
        if not 1 <= max_session_hours <= 12:
            raise InvalidProps(f"max_session_hours is 1 to 12, got {max_session_hours}")
        principal: iam.IPrincipal = assumed_by or iam.AccountRootPrincipal()
        if require_mfa:
            principal = iam.PrincipalWithConditions(principal, {"Bool": {"aws:MultiFactorAuthPresent": "true"}})
        self.role: iam.Role = iam.Role(
            self,
            "Resource",
            assumed_by=principal,
            description=f"Asks the audit lake {lake.workgroup_name}",
            max_session_duration=Duration.hours(max_session_hours),
        )
        lake.grant_query(self.role)
        accept_findings(self.role, lake)


def accept_findings(scope: IConstruct, lake: AuditLake) -> None:
    """Accept what is found in the rights to ask a lake: each pattern of resources has its reason."""
    findings = {
        "AwsSolutions-IAM5[Resource::*]": "Athena's lists of workgroups, catalogs and engine versions know no resource"
    }
    reasons = {
        **dict.fromkeys(lake.file_arns, "every file of the trail can be asked about"),
        **dict.fromkeys(lake.result_arns, "each query writes its result under an id of its own"),
    }
    for arn, reason in reasons.items():
        findings[f"AwsSolutions-IAM5[Resource::{shown_arn(scope, arn)}]"] = reason
    acknowledge(scope, findings)
