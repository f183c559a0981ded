"""The lake: what a trail delivered, as tables that Athena reads, with questions ready to ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from aws_cdk import Annotations, Duration, RemovalPolicy, Stack, Token
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from raytrail.audit import _analysts as analysts
from raytrail.audit._model import check_lake_name, organization_folder
from raytrail.audit._model_queries import SavedQuery, saved_queries
from raytrail.audit._model_schema import DIGESTS, EVENTS, INSIGHTS, NETWORK_ACTIVITY
from raytrail.audit._tables import make_table, make_view
from raytrail.audit._trail import AuditTrail
from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge
from raytrail.queries import EVENTS_VIEW, view_definition

GIGABYTE = 1000**3
GLOBAL_SERVICES_REGION = "us-east-1"

_TABLES = {"Events": EVENTS, "NetworkActivity": NETWORK_ACTIVITY, "Insights": INSIGHTS, "Digests": DIGESTS}


class AuditLake(Construct):
    """Glue tables over a trail's files, a view, an Athena workgroup with a byte limit, and saved queries.

    There is a table for each folder that CloudTrail writes: ``cloudtrail_events`` (management and data events),
    ``cloudtrail_network_activity``, ``cloudtrail_insights`` and ``cloudtrail_digests``; one whose folder is empty costs
    nothing. The view ``events`` has what people always need of the events, under one name each, and each event once.

    Partitions are projected: nothing crawls, and a query reads only the accounts, Regions and days that it names. What
    the projection does not name is invisible, without an error: synth warns where the stack's Region, that of global
    services, or an organization's accounts are not named.

    Args:
        name: Begins the names of the database and the workgroup: lower case letters, digits and dashes.
        regions: The Regions that the tables show.
        start_date: The first day that the tables show.
        trail: The trail: its bucket, prefix, organization and key are used, and it is told never to record the
            results of queries. Default: none; give ``bucket``.
        bucket: The bucket that a trail of elsewhere delivers to. Default: the trail's.
        prefix: That trail's key prefix, without slashes at its ends. Default: none.
        organization_id: For that trail of an organization, the id that stands in its keys. Default: none.
        accounts: The accounts whose files are in the bucket. Default: the stack's.
        encryption_key: Encrypts the results. Default: the trail's key, or keys that S3 manages.
        access_logs: A bucket for the access logs of the results' bucket. Default: that of the trail that is given and
            has made one, or none.
        results_expire_after_days: Days until results are deleted. Default: 30.
        query_limit_gb: Gigabytes (of 1000 MB) that one query may read before Athena ends it. Default: 10.
        queries: The saved queries. Default: those of the package.

    Attributes:
        bucket: The bucket of the files.
        database: The Glue database's L1; `database_name` is its name.
        tables: Each table's L1 by name.
        table: That of the events; `table_name` is its name.
        view: The view's L1; `view_name` is its name.
        workgroup: The Athena workgroup's L1; `workgroup_name` is its name.
        results: The bucket of the results.
        queries: Each saved query's L1 by name.

    Raises:
        InvalidProps: Both a trail and what is taken from it are given, or neither; or the name, a Region, an account,
            the organization id or a limit is not allowed; or the trail records the results by name.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        regions: Sequence[str],
        start_date: date,
        trail: AuditTrail | None = None,
        bucket: s3.IBucket | None = None,
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
        if trail is not None:
            if bucket is not None or prefix or organization_id is not None:
                raise InvalidProps("bucket, prefix and organization_id are the trail's; give them, or the trail")
            bucket, prefix, organization_id = trail.bucket, trail.prefix, trail.organization_id
            encryption_key = encryption_key or trail.key
            access_logs = access_logs or (trail.store.access_logs if trail.store else None)
        if bucket is None:
            raise InvalidProps("a lake reads the files of a trail; give the trail, or the bucket that it delivers to")
        self._warn_of_the_invisible(regions, accounts, organization_id)
        accounts = tuple(accounts) or (Stack.of(self).account,)
        self.database_name = name.replace("-", "_")
        self.table_name, self.view_name, self.workgroup_name = EVENTS.name, EVENTS_VIEW, name
        self.bucket, self._files_key, self._results_key = bucket, trail.key if trail else None, encryption_key
        self._folder = organization_folder(prefix, organization_id)
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Stack.of(self).account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database_name, description="Who called which API: the files of CloudTrail"
            ),
        )
        self.tables = {
            table.name: make_table(
                self,
                id,
                table,
                database=self.database,
                database_name=self.database_name,
                bucket=bucket.bucket_name,
                prefix=prefix,
                organization_id=organization_id,
                accounts=accounts,
                regions=regions,
                start_date=start_date,
            )
            for id, table in _TABLES.items()
        }
        self.table = self.tables[self.table_name]
        self.view = make_view(
            self,
            "EventsView",
            self.view_name,
            view_definition(database=self.database_name, table=self.table_name),
            database=self.database,
            table=self.table,
        )
        self.results = self._make_results(encryption_key, access_logs, results_expire_after_days)
        if trail is not None:
            trail.never_record(self.results)
        self.workgroup = self._make_workgroup(encryption_key, query_limit_gb)
        self.queries = {
            query.name: self._save(query, accounts, regions)
            for query in (saved_queries() if queries is None else queries)
        }

    @property
    def file_arns(self) -> tuple[str, ...]:
        """The trail's files as a pattern of ARNs."""
        return (self.bucket.arn_for_objects(f"{self._folder}/*"),)

    def grant_query(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody ask the lake: run queries in its workgroup, and read its tables, files and results.

        It grants what AWS documents for each of them, to the grantee's own policies. Where the trail's bucket or key is
        another account's, or not of this app, their policies are their owner's to write.
        """
        stack = Stack.of(self)
        catalog = [
            stack.format_arn(service="glue", resource="catalog"),
            stack.format_arn(service="glue", resource="database", resource_name=self.database_name),
            *(
                stack.format_arn(service="glue", resource="table", resource_name=f"{self.database_name}/{name}")
                for name in (*self.tables, self.view_name)
            ),
        ]
        workgroup = stack.format_arn(service="athena", resource="workgroup", resource_name=self.workgroup_name)
        data_catalog = stack.format_arn(service="athena", resource="datacatalog", resource_name="AwsDataCatalog")
        statements: list[tuple[Sequence[str], Sequence[str]]] = [
            (analysts.WORKGROUP_ACTIONS, [workgroup]),
            (analysts.CATALOG_ACTIONS, [data_catalog]),
            (analysts.LIST_ACTIONS, ["*"]),
            (analysts.GLUE_ACTIONS, catalog),
            (analysts.FILES_ACTIONS, [self.bucket.bucket_arn]),
            (analysts.FILE_ACTIONS, self.file_arns),
            (analysts.RESULTS_ACTIONS, [self.results.bucket_arn]),
            (analysts.RESULT_ACTIONS, [self.results.arn_for_objects("*")]),
        ]
        grant = analysts.grant_all(grantee, statements)
        if self._results_key is not None:
            grant = grant.combine(self._results_key.grant(grantee, *analysts.WRITE_KEY_ACTIONS))
        files_key = self._files_key or self.bucket.encryption_key
        if files_key is not None and files_key is not self._results_key:
            grant = grant.combine(files_key.grant(grantee, *analysts.READ_KEY_ACTIONS))
        return grant

    def _warn_of_the_invisible(
        self, regions: Sequence[str], accounts: Sequence[str], organization_id: str | None
    ) -> None:
        home = Stack.of(self).region
        if not Token.is_unresolved(home) and home not in regions:
            self._warn("region", f"regions leave out {home}, the stack's own: its events are not in the tables")
        if GLOBAL_SERVICES_REGION not in regions and home != GLOBAL_SERVICES_REGION:
            self._warn(
                "global-services",
                f"regions leave out {GLOBAL_SERVICES_REGION}: the events of global services, as IAM and CloudFront, "
                "are not in the tables",
            )
        if organization_id is not None and not accounts:
            self._warn(
                "accounts",
                "the trail is an organization's and accounts names none: only those of the stack's account are in the "
                "tables",
            )

    def _warn(self, what: str, message: str) -> None:
        Annotations.of(self).add_warning_v2(f"raytrail:invisible-{what}", message)

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
