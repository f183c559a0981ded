"""The lake: what a trail delivered, as tables that Athena reads, with questions ready to ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

from aws_cdk import Annotations, Stack, Token
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.interfaces.aws_athena import IWorkGroupRef
from aws_cdk.interfaces.aws_glue import IDatabaseRef
from constructs import Construct, IConstruct

from raytrail.audit import _analysts as analysts
from raytrail.audit._model import Retention, check_lake_name, organization_folder
from raytrail.audit._model_events import DataEvents
from raytrail.audit._model_queries import SavedQuery, saved_queries
from raytrail.audit._model_schema import DIGESTS, EVENTS, INSIGHTS, NETWORK_ACTIVITY
from raytrail.audit._results import make_results, make_workgroup
from raytrail.audit._tables import make_table, make_view
from raytrail.audit._trail import AuditTrail, known_name
from raytrail.errors import InvalidProps
from raytrail.queries import EVENTS_VIEW, view_definition

GLOBAL_SERVICES_REGION = "us-east-1"

_TABLES = {"Events": EVENTS, "NetworkActivity": NETWORK_ACTIVITY, "Insights": INSIGHTS, "Digests": DIGESTS}


class AuditLake(Construct):
    """Glue tables over a trail's files, a view, an Athena workgroup with a byte limit, and saved queries.

    There is a table for each folder that CloudTrail writes: ``cloudtrail_events`` (management and data events),
    ``cloudtrail_network_activity``, ``cloudtrail_insights`` and ``cloudtrail_digests``; one whose folder is empty costs
    nothing. The view ``events`` has what people always need of the events, under one name each, and each event once.

    Partitions are projected: nothing crawls, and a query reads only the accounts, Regions and days that it names. What
    the projection does not name is invisible, without an error: synth warns where the stack's Region, that of global
    services, or an organization's accounts are not named, and where the trail moves its files to an archive, in which
    Athena passes them over. Files that were restored from there are read.

    Args:
        name: Begins the names of the database and the workgroup: lower case letters, digits and dashes.
        regions: The Regions that the tables show.
        start_date: The first day that the tables show.
        trail: The trail: its bucket, prefix, organization and key are used, and it is told never to record the
            results of queries. Default: none; give ``bucket``.
        bucket: The bucket that a trail of elsewhere delivers to. If its files have a key, import it with
            ``Bucket.from_bucket_attributes(…, encryption_key=…)``, so that who may ask may decrypt. One of another
            account has to let those roles in: see `reading_statements` and `decryption_statements`. Default: the
            trail's.
        prefix: That trail's key prefix, without slashes at its ends. Default: none.
        organization_id: For that trail of an organization, the id that stands in its keys. Default: none.
        accounts: The accounts whose files are in the bucket. Default: the stack's.
        encryption_key: Encrypts the results. Default: the key of the results' bucket that is given, the trail's key,
            or keys that S3 manages.
        results: A bucket for the results, of the stack's Region. It is left as it is; how long it keeps them is its
            own to say. Default: one is made, and kept.
        results_prefix: Begins the keys of the results in a bucket that is given, without slashes at its ends. Default:
            none.
        access_logs: A bucket for the access logs of the results' bucket that is made. Default: that of the trail that
            is given and has made one, or none.
        results_expire_after_days: Days until results are deleted in the bucket that is made. Default: 30.
        database: A Glue database of the account to put the tables into, which has none of their names, as
            ``CfnDatabase.from_database_name(…)`` returns it. Default: one is made.
        workgroup: A workgroup of Athena's third engine to ask in, as ``CfnWorkGroup.from_work_group_name(…)`` returns
            it; its own limit and encryption hold, and ``results`` says where its results go. Default: one is made.
        query_limit_gb: Gigabytes (of 1000 MB) that one query may read before Athena ends it, in the workgroup that is
            made. Default: 10.
        queries: The saved queries. Default: those of the package.

    Attributes:
        bucket: The bucket of the files.
        database: The L1 of the Glue database that was made, or None.
        tables: Each table's L1 by name.
        table: That of the events; `table_name` is its name.
        view: The view's L1; `view_name` is its name.
        workgroup: The L1 of the Athena workgroup that was made, or None.
        results: The bucket of the results.
        queries: Each saved query's L1 by name.
        database_name: The database's name.
        workgroup_name: The workgroup's name.
        table_name: The name of the table of the events.
        view_name: The view's name.

    Raises:
        InvalidProps: Both a trail and what is taken from it are given, or neither; or the name, a Region, an account,
            the organization id or a limit is not allowed; or the trail records the results by name; or it is of another
            stack and may record objects of buckets that its selectors do not name, and the results' bucket has no name;
            or a workgroup is given and not where its results go.
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
        results: s3.IBucket | None = None,
        results_prefix: str = "",
        access_logs: s3.IBucket | None = None,
        results_expire_after_days: int = 30,
        database: IDatabaseRef | None = None,
        workgroup: IWorkGroupRef | None = None,
        query_limit_gb: int = 10,
        queries: Sequence[SavedQuery] | None = None,
    ) -> None:
        super().__init__(scope, id)
        check_lake_name(name)
        limits = {"query_limit_gb": query_limit_gb, "results_expire_after_days": results_expire_after_days}
        for limit, value in limits.items():
            if value < 1:
                raise InvalidProps(f"{limit} is 1 or more, got {value}")
        _check_given(results, results_prefix, access_logs, workgroup)
        if results is not None:
            encryption_key = encryption_key or results.encryption_key
        if trail is not None:
            if bucket is not None or prefix or organization_id is not None:
                raise InvalidProps("bucket, prefix and organization_id are the trail's; give them, or the trail")
            bucket, prefix, organization_id = trail.bucket, trail.prefix, trail.organization_id
            encryption_key = encryption_key or trail.key
            access_logs = access_logs or (trail.store.access_logs if trail.store else None)
        if bucket is None:
            raise InvalidProps("a lake reads the files of a trail; give the trail, or the bucket that it delivers to")
        self._warn_of_the_invisible(regions, accounts, organization_id)
        if trail is not None and trail.store is not None:
            self._warn_of_the_archive(trail.store.retention)
        accounts = tuple(accounts) or (Stack.of(self).account,)
        self.database_name: str = database.database_ref.database_name if database else name.replace("-", "_")
        self.workgroup_name: str = workgroup.work_group_ref.work_group_name if workgroup else name
        self.table_name: str = EVENTS.name
        self.view_name: str = EVENTS_VIEW
        self.bucket: s3.IBucket = bucket
        self._files_key, self._results_key = trail.key if trail else None, encryption_key
        self._folder = organization_folder(prefix, organization_id)
        # Both stand in texts that are made at synth: of the view, and of the saved queries' names.
        if Token.is_unresolved(self.database_name):
            raise InvalidProps("the name of a database that is given is to be known at synth; give it by its name")
        self.database: glue.CfnDatabase | None = None if database else self._make_database()
        self.tables: dict[str, glue.CfnTable] = {
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
        self.table: glue.CfnTable = self.tables[self.table_name]
        self.view: glue.CfnTable = make_view(
            self,
            "EventsView",
            self.view_name,
            view_definition(database=self.database_name, table=self.table_name),
            database=self.database,
            table=self.table,
        )
        self.results: s3.IBucket = results or make_results(
            self, "Results", key=encryption_key, access_logs=access_logs, expire_after_days=results_expire_after_days
        )
        self._results_prefix = f"{results_prefix}/" if results_prefix else ""
        if trail is not None:
            _check_stacks(self, trail, self.results)
            trail.never_record(self.results)
        self.workgroup: athena.CfnWorkGroup | None = None
        if workgroup is None:
            location = f"s3://{self.results.bucket_name}/{self._results_prefix}"
            self.workgroup = make_workgroup(
                self, "WorkGroup", name=name, location=location, key=encryption_key, limit_gb=query_limit_gb
            )
        self.queries: dict[str, athena.CfnNamedQuery] = {
            query.name: self._save(query, accounts, regions)
            for query in (saved_queries() if queries is None else queries)
        }

    @property
    def file_arns(self) -> tuple[str, ...]:
        """The trail's files as a pattern of ARNs."""
        return (self.bucket.arn_for_objects(f"{self._folder}/*"),)

    @property
    def result_arns(self) -> tuple[str, ...]:
        """The results of queries as a pattern of ARNs."""
        return (self.results.arn_for_objects(f"{self._results_prefix}*"),)

    def grant_query(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody ask the lake, and return the grant: run queries, read its tables, files and results.

        It grants what AWS documents for each of them, to the grantee's own policies. Where the trail's bucket or key is
        another account's, their owner has to let the grantee in too: `reading_statements` and `decryption_statements`
        are what their policies are to say.

        cdk-nag's findings about these rights are acknowledged on a role that the app does not make, where it was
        imported into the lake's stack: its policy there holds little else, though a ``*`` among other rights that the
        stack gives it is acknowledged with them. In another stack the ids of the findings are not known until CDK has
        made the references between the two: there, and on a role or a user of the app, they are the app's to accept,
        as `AnalystRole` does in the lake's stack.

        Args:
            grantee: Who is to ask.
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
            (analysts.RESULT_ACTIONS, self.result_arns),
        ]
        grant = analysts.grant_all(grantee, statements)
        if self._results_key is not None:
            grant = grant.combine(self._results_key.grant(grantee, *analysts.WRITE_KEY_ACTIONS))
        files_key = self._files_key or self.bucket.encryption_key
        if files_key is not None and files_key is not self._results_key:
            grant = grant.combine(files_key.grant(grantee, *analysts.READ_KEY_ACTIONS))
        principal = grantee.grant_principal
        if Construct.is_construct(principal) and not isinstance(principal, (iam.Role, iam.User, iam.Group)):
            # For jsii what it imports is a construct; its Python class does not say so.
            imported = cast("IConstruct", principal)
            if Stack.of(imported) is stack:
                analysts.accept_findings(imported, self)
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

    def _warn_of_the_archive(self, retention: Retention) -> None:
        days = retention.archive_after_days
        if days is not None:
            self._warn(
                "archive",
                f"files move to Glacier Flexible Retrieval after {days} days (archive_after_days), and from that day "
                "on queries do not see them until somebody restores them; leave it out, or take infrequent_after_days, "
                "to keep them readable",
            )

    def _warn(self, what: str, message: str) -> None:
        Annotations.of(self).add_warning_v2(f"raytrail:invisible-{what}", message)

    def _make_database(self) -> glue.CfnDatabase:
        return glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Stack.of(self).account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database_name, description="Who called which API: the files of CloudTrail"
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
        if self.workgroup is not None:
            named.add_resource_dependency(self.workgroup)
        return named


def _check_given(
    results: s3.IBucket | None,
    results_prefix: str,
    access_logs: s3.IBucket | None,
    workgroup: IWorkGroupRef | None,
) -> None:
    if results is None and workgroup is not None:
        raise InvalidProps("workgroup has its results somewhere: give that bucket as results=, and results_prefix=")
    if results is None and results_prefix:
        raise InvalidProps(f"results_prefix {results_prefix!r} is for a bucket of yours; give that as results=")
    if results_prefix.startswith("/") or results_prefix.endswith("/"):
        raise InvalidProps(f"results_prefix {results_prefix!r} has no slash at either end")
    if results is not None and access_logs is not None:
        raise InvalidProps("access_logs is for the results' bucket that is made; how yours is logged is its own to say")


def _check_stacks(lake: Construct, trail: AuditTrail, results: s3.IBucket) -> None:
    """Refuse what CDK would call a cycle: the lake reads the trail's bucket, and the trail leaves out the lake's."""
    guarded = any(isinstance(each, DataEvents) and each.reaches_unnamed_buckets for each in trail.events)
    apart = Stack.of(results) is Stack.of(lake) is not Stack.of(trail)
    made = isinstance(results.node.default_child, s3.CfnBucket)
    if guarded and apart and made and known_name(results) is None:
        raise InvalidProps(
            "the trail may record objects of any bucket of S3 but the results of queries, whose bucket "
            f"{results.node.path} is of another stack and has no name yet; put the lake into the trail's stack, give "
            "results= a bucket that is made with bucket_name, or name the buckets to record in full, as "
            "arn:aws:s3:::orders/"
        )
