"""Ask Athena about an organization trail whose files lie in another account: the log archive's bucket, with its key.

    cdk deploy --app "python lake_over_log_archive.py"

Deploy it in the account that asks, as that of the security team, in the Region of the bucket. S3 and KMS allow another
account only what both sides allow. This stack writes the side of who asks. The log archive's owner adds the output
BucketStatements to the bucket's policy, and KeyStatements to the key's; both name a role of this stack, so deploy
first. Nothing else there changes, and no second, paid trail is made. (In the log archive's own account no statement is
needed: see lake_over_existing_trail.py.)
"""

from datetime import date

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from raytrail.audit import AnalystRole, AuditLake, decryption_statements, reading_statements

SECURITY = Environment(account="111122223333", region="us-east-1")
ORGANIZATION = "o-exampleorgid"
MEMBERS = ["111122223333", "444455556666", "777788889999"]
ARCHIVE = "example-log-archive"
ARCHIVE_KEY = "arn:aws:kms:us-east-1:444455556666:key/0a1b2c3d-1111-2222-3333-444455556666"


class LakeStack(Stack):
    """Tables over the archive's files, a workgroup, who may ask, and what the archive's owner has to allow."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        # With the key, so that who may ask may decrypt.
        archive = s3.Bucket.from_bucket_attributes(
            self,
            "Archive",
            bucket_name=ARCHIVE,
            encryption_key=kms.Key.from_key_arn(self, "ArchiveKey", ARCHIVE_KEY),
        )
        lake = AuditLake(
            self,
            "Lake",
            name="archive",
            bucket=archive,
            organization_id=ORGANIZATION,
            accounts=MEMBERS,
            # Name each Region in use: one that is not named is not read, without an error.
            regions=["us-east-1", "eu-west-1", "eu-central-1"],
            start_date=date(2025, 1, 1),
            query_limit_gb=50,
        )
        analyst = AnalystRole(self, "Analyst", lake=lake).role

        asked = {
            "BucketStatements": reading_statements(
                bucket_arn=archive.bucket_arn, readers=[analyst.role_arn], organization_id=ORGANIZATION
            ),
            "KeyStatements": decryption_statements(readers=[analyst.role_arn]),
        }
        for output, statements in asked.items():
            CfnOutput(self, output, value=self.to_json_string([each.to_statement_json() for each in statements]))
        CfnOutput(self, "Role", value=analyst.role_arn)
        CfnOutput(self, "WorkGroup", value=lake.workgroup_name)
        CfnOutput(self, "Table", value=f"{lake.database_name}.{lake.table_name}")


if __name__ == "__main__":
    app = App()
    LakeStack(app, "log-archive-lake", env=SECURITY)
    app.synth()
