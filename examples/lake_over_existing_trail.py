"""Ask Athena about the files of an organization trail that exists, without a second, paid trail.

    cdk deploy --app "python lake_over_existing_trail.py"

Deploy it in the account and the Region of the trail's bucket. Whoever asks takes the role, with a second factor. If the
files have a key, that key's policy is to let the role decrypt: only its owner can say so.
"""

from datetime import date

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from raytrail.audit import AnalystRole, AuditLake

LOG_ARCHIVE = Environment(account="111122223333", region="eu-west-1")
MEMBERS = ["111122223333", "444455556666", "777788889999"]
BUCKET = "example-organization-trail"


class LakeStack(Stack):
    """A table over the trail's files, the kit's saved queries in a workgroup with a byte limit, and who may ask."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        lake = AuditLake(
            self,
            "Lake",
            name="org-audit",
            bucket=s3.Bucket.from_bucket_name(self, "TrailBucket", BUCKET),
            organization_id="o-exampleorgid",
            accounts=MEMBERS,
            # Name each Region in use: one that is not named is not read, without an error.
            regions=["us-east-1", "eu-west-1", "eu-central-1"],
            start_date=date(2025, 1, 1),
            query_limit_gb=50,
        )
        analyst = AnalystRole(self, "Analyst", lake=lake)
        CfnOutput(self, "Role", value=analyst.role.role_arn)
        CfnOutput(self, "WorkGroup", value=lake.workgroup_name)
        CfnOutput(self, "Table", value=f"{lake.database_name}.{lake.table_name}")


if __name__ == "__main__":
    app = App()
    LakeStack(app, "org-audit-lake", env=LOG_ARCHIVE)
    app.synth()
