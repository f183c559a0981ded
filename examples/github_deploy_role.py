"""The role by which a workflow on GitHub deploys, with no key to keep: for one environment of one repository.

    cdk deploy --app "python github_deploy_role.py"

An administrator deploys this once, after `cdk bootstrap`. What the role may do is to assume the roles of the bootstrap,
and those do the rest. Put its ARN, the output, into the repository's variable AWS_DEPLOY_ROLE_ARN, and let only the
branch main deploy to the environment: whoever may start a job in that environment may deploy.
"""

import re
from collections.abc import Sequence

from aws_cdk import App, CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from raytrail.errors import InvalidProps

# As it stands in the subject of GitHub's tokens. Repositories made, renamed or moved after 15 July 2026, and those that
# asked for it, have the ids in it; older ones are `octo-org/octo-repo` alone. The ids are printed by
#   gh api repos/octo-org/octo-repo --jq '[.owner.id, .id]'
# https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims
REPOSITORY = "octo-org@123456/octo-repo@456789"

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
BOOTSTRAP_ROLES = ("deploy", "file-publishing", "image-publishing", "lookup")
NAME = r"[\w.-]+(@\d+)?"


class DeployRoleStack(Stack):
    """GitHub as an identity provider, and the role that one environment of one repository may assume.

    Args:
        repository: The repository, as `REPOSITORY` is written.
        environment: The environment of the workflow's job.
        provider_arn: GitHub's provider, of which an account can have one only. Default: it is made.
        regions: Where is deployed. Default: the stack's Region.
        qualifier: The bootstrap's qualifier.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        env: Environment,
        repository: str = REPOSITORY,
        environment: str = "production",
        provider_arn: str | None = None,
        regions: Sequence[str] = (),
        qualifier: str = "hnb659fds",
    ) -> None:
        super().__init__(scope, id, env=env)
        # A wildcard, or a name cut short, would let others in.
        if not re.fullmatch(f"{NAME}/{NAME}", repository, re.ASCII):
            raise InvalidProps(f"repository is OWNER/NAME or OWNER@ID/NAME@ID, got {repository!r}")
        if provider_arn is None:
            provider_arn = iam.OidcProviderNative(
                self, "GitHub", url=f"https://{ISSUER}", client_ids=[AUDIENCE]
            ).oidc_provider_arn
        subject = f"repo:{repository}:environment:{environment.replace(':', '%3A')}"
        role = iam.Role(
            self,
            "Role",
            description=f"Deploys from the environment {environment} of {repository} on GitHub",
            assumed_by=iam.WebIdentityPrincipal(
                provider_arn,
                {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subject}},
            ),
            max_session_duration=Duration.hours(1),
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["sts:AssumeRole"],
                resources=[
                    f"arn:{self.partition}:iam::{self.account}:role/cdk-{qualifier}-{name}-role-{self.account}-{region}"
                    for region in regions or [self.region]
                    for name in BOOTSTRAP_ROLES
                ],
            )
        )
        CfnOutput(self, "RoleArn", value=role.role_arn)


if __name__ == "__main__":
    app = App()
    DeployRoleStack(app, "github-deploy-role", env=Environment(region="us-east-1"))
    app.synth()
