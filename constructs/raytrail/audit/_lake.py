"""The lake: what a trail delivered, as a table that Athena reads, with questions ready to ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from raytrail.audit import _model_schema as schema
from raytrail.audit._model import check_lake_name
from raytrail.audit._model_queries import SavedQuery, saved_queries
from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge

GIGABYTE = 1000**3
EVENTS_TABLE = "cloudtrail_events"


class AuditLake(Construct):
    """A Glue table over a trail's files, an Athena workgroup with a byte limit, and saved queries.

    The table's partitions are projected: nothing crawls, and a query reads only the accounts, Regions and days that
    it names. A Region that is not in ``regions`` is invisible, without an error: name all that are in use.

    Args:
        name: Begins the names of the database and the workgroup: lower case letters, digits and dashes.
        bucket: The bucket that a trail delivers to.
        prefix: The trail's key prefix, without slashes at its ends. Default: none.
        organization_id: For an organization trail, the id that stands in its keys. Default: none.
        accounts: The accounts whose files are in the bucket. Default: the stack's.
        regions: The Regions that the table shows.
        start_date: The first day that the table shows.
        encryption_key: Encrypts the results. Default: keys that S3 manages.
        access_logs: A bucket for the access logs of the results' bucket. Default: none.
        results_expire_after_days: Days until results are deleted. Default: 30.
        query_limit_gb: Gigabytes (of 1000 MB) that one query may read before Athena ends it. Default: 10.
        queries: The saved queries. Default: those of the package.

    Attributes:
        database: The Glue database's L1; `database_name` is its name.
        table: The Glue table's L1; `table_name` is its name.
        workgroup: The Athena workgroup's L1; `workgroup_name` is its name.
        results: The bucket of the results.
        queries: Each saved query's L1 by name.

    Raises:
        InvalidProps: The name, a Region, an account, the organization id or a limit is not allowed.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        bucket: s3.IBucket,
        regions: Sequence[str],
        start_date: date,
        prefix: str = "",
        organization_id: str | None = None,
        accounts: Sequence[str] = (),
        encryption_key: kms.IKey | None = None,
        access_logs: s3.IBucket | None = None,
        results_expire_after_days: int = 30,
        query_limit_gb: int = 10,
        queries: Sequence[SavedQuery] | None = None,
    ) -> None:
        super().__init__(scope, id)
        check_lake_name(name)
        limits = {"query_limit_gb": query_limit_gb, "results_expire_after_days": results_expire_after_days}
        for limit, value in limits.items():
            if value < 1:
                raise InvalidProps(f"{limit} is 1 or more, got {value}")
        accounts = tuple(accounts) or (Stack.of(self).account,)
        self.database_name = name.replace("-", "_")
        self.table_name = EVENTS_TABLE
        self.workgroup_name = name
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Stack.of(self).account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database_name, description="Who called which API: the files of CloudTrail"
            ),
        )
        self.table = self._make_table(bucket.bucket_name, prefix, organization_id, accounts, regions, start_date)
        self.results = self._make_results(encryption_key, access_logs, results_expire_after_days)
        self.workgroup = self._make_workgroup(encryption_key, query_limit_gb)
        self.queries = {
            query.name: self._save(query, accounts, regions)
            for query in (saved_queries() if queries is None else queries)
        }

    def _make_table(
        self,
        bucket: str,
        prefix: str,
        organization_id: str | None,
        accounts: Sequence[str],
        regions: Sequence[str],
        start_date: date,
    ) -> glue.CfnTable:
        column = glue.CfnTable.ColumnProperty
        table = glue.CfnTable(
            self,
            "Events",
            catalog_id=Stack.of(self).account,
            database_name=self.database_name,
            table_input=glue.CfnTable.TableInputProperty(
                name=self.table_name,
                description="Management and data events, one row for each API call",
                table_type="EXTERNAL_TABLE",
                partition_keys=[column(name=c.name, type=c.type, comment=c.comment) for c in schema.PARTITION_KEYS],
                parameters={
                    "EXTERNAL": "TRUE",
                    **schema.projection_parameters(
                        bucket=bucket,
                        prefix=prefix,
                        accounts=accounts,
                        regions=regions,
                        start_date=start_date,
                        organization_id=organization_id,
                    ),
                },
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[column(name=c.name, type=c.type, comment=c.comment) for c in schema.CLOUDTRAIL_COLUMNS],
                    location=schema.table_location(bucket=bucket, prefix=prefix, organization_id=organization_id),
                    input_format=schema.INPUT_FORMAT,
                    output_format=schema.OUTPUT_FORMAT,
                    serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=schema.SERDE),
                ),
            ),
        )
        table.add_resource_dependency(self.database)
        return table

    def _make_results(self, key: kms.IKey | None, access_logs: s3.IBucket | None, expire_after_days: int) -> s3.Bucket:
        results = s3.Bucket(
            self,
            "Results",
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix="results/" if access_logs else None,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="Expire",
                    expiration=Duration.days(expire_after_days),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN,
        )
        if access_logs is None:
            acknowledge(
                results, {"AwsSolutions-S1": "holds copies of query results for some days; no log bucket was given"}
            )
        return results

    def _make_workgroup(self, key: kms.IKey | None, limit_gb: int) -> athena.CfnWorkGroup:
        configuration = athena.CfnWorkGroup
        return athena.CfnWorkGroup(
            self,
            "WorkGroup",
            name=self.workgroup_name,
            description="Questions to the audit lake",
            recursive_delete_option=True,
            work_group_configuration=configuration.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=limit_gb * GIGABYTE,
                engine_version=configuration.EngineVersionProperty(selected_engine_version="Athena engine version 3"),
                result_configuration=configuration.ResultConfigurationProperty(
                    output_location=f"s3://{self.results.bucket_name}/",
                    encryption_configuration=configuration.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS" if key else "SSE_S3", kms_key=key.key_arn if key else None
                    ),
                ),
            ),
        )

    def _save(self, query: SavedQuery, accounts: Sequence[str], regions: Sequence[str]) -> athena.CfnNamedQuery:
        named = athena.CfnNamedQuery(
            self,
            "".join(word.title() for word in query.name.split("_")),
            name=query.title,
            description=query.description,
            database=self.database_name,
            work_group=self.workgroup_name,
            query_string=query.render(table=self.table_name, accounts=accounts, regions=regions),
        )
        named.add_resource_dependency(self.workgroup)
        return named
