"""The lake: the tables over a trail's files, the view, the workgroup with its limits, the saved queries."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from aws_cdk import Environment, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match, Template
from tests.synth import ACCOUNT, Json, bare_stack, only, plain, properties, resources, statements

from raytrail.audit import AuditLake, AuditTrail, DataEvents, ManagementEvents, Retention, saved_queries
from raytrail.errors import InvalidProps
from raytrail.queries import view_definition

REGIONS = ("us-east-1", "eu-west-1")
FOLDERS = {
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
    "cloudtrail_events": "CloudTrail",
    "cloudtrail_network_activity": "CloudTrail-NetworkActivity",
    "cloudtrail_insights": "CloudTrail-Insight",
    "cloudtrail_digests": "CloudTrail-Digest",
}


@pytest.fixture
def make(stack: Stack, template: Callable[[], Json]) -> Callable[..., Json]:
    def make(**props: Any) -> Json:
        source = {} if "trail" in props else {"bucket": s3.Bucket.from_bucket_name(stack, "Files", "trail-files")}
        given = {"name": "my-lake", "regions": REGIONS, "start_date": date(2026, 1, 2), **source}
        AuditLake(stack, "Lake", **{**given, **props})
        return template()

    return make


def tables(template: Json) -> dict[str, Json]:
    """What Glue is given for each table and view, by name."""
    return {each["TableInput"]["Name"]: each["TableInput"] for each in properties(template, "AWS::Glue::Table")}


def events(template: Json) -> Json:
    return tables(template)["cloudtrail_events"]


def configuration(template: Json) -> Json:
    found: Json = plain(only(template, "AWS::Athena::WorkGroup"))["WorkGroupConfiguration"]
    return found


def warnings(stack: Stack) -> list[str]:
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return [str(each.entry.data) for each in found]


def test_the_events_table_projects_its_partitions_over_the_trails_bucket(make):
    table = events(make())
    assert table["StorageDescriptor"]["Location"] == "s3://trail-files/AWSLogs/"
    assert table["Parameters"] == {
        "EXTERNAL": "TRUE",
        "read_restored_glacier_objects": "true",
        "projection.enabled": "true",
        "projection.account.type": "enum",
        "projection.account.values": ACCOUNT,
        "projection.region.type": "enum",
        "projection.region.values": "us-east-1,eu-west-1",
        "projection.timestamp.type": "date",
        "projection.timestamp.format": "yyyy/MM/dd",
        "projection.timestamp.range": "2026/01/02,NOW",
        "projection.timestamp.interval": "1",
        "projection.timestamp.interval.unit": "DAYS",
        "storage.location.template": "s3://trail-files/AWSLogs/${account}/CloudTrail/${region}/${timestamp}/",
    }


def test_each_folder_that_cloudtrail_writes_has_a_table_of_the_same_days_and_regions(make):
    made = tables(make(prefix="audit", organization_id="o-a1b2c3d4e5", accounts=["111122223333", "444455556666"]))
    shown = {
        name: table["Parameters"].pop("storage.location.template") for name, table in made.items() if name in FOLDERS
    }
    assert shown == {
        name: f"s3://trail-files/audit/AWSLogs/o-a1b2c3d4e5/${{account}}/{folder}/${{region}}/${{timestamp}}/"
        for name, folder in FOLDERS.items()
    }
    assert len({str(made[name]["Parameters"]) for name in FOLDERS}) == 1
    assert made["cloudtrail_events"]["Parameters"]["projection.account.values"] == "111122223333,444455556666"


def test_a_location_ends_in_a_slash_or_it_would_take_in_what_begins_alike(make):
    made = tables(make())
    for name in FOLDERS:
        table = made[name]
        assert table["StorageDescriptor"]["Location"].endswith("/")
        assert table["Parameters"]["storage.location.template"].endswith("/")


def test_each_partition_key_is_projected_and_in_the_template_of_the_location(make):
    """https://docs.aws.amazon.com/athena/latest/ug/partition-projection-setting-up.html: or queries find nothing."""
    made = tables(make())
    for name in FOLDERS:
        for key in made[name]["PartitionKeys"]:
            assert f"projection.{key['Name']}.type" in made[name]["Parameters"]
            assert f"${{{key['Name']}}}" in made[name]["Parameters"]["storage.location.template"]


def test_the_events_table_reads_the_files_as_athena_documents(make):
    """https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-partition-projection.html."""
    storage = events(make())["StorageDescriptor"]
    assert storage["SerdeInfo"] == {"SerializationLibrary": "org.apache.hive.hcatalog.data.JsonSerDe"}
    assert storage["InputFormat"] == "com.amazon.emr.cloudtrail.CloudTrailInputFormat"
    assert storage["OutputFormat"] == "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


def test_network_activity_is_read_as_events_are(make):
    """https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table.html: only the folder is another."""
    made = tables(make())
    assert made["cloudtrail_network_activity"]["StorageDescriptor"] == made["cloudtrail_events"]["StorageDescriptor"]


def test_a_digest_is_read_as_a_line_of_json(make):
    storage = tables(make())["cloudtrail_digests"]["StorageDescriptor"]
    assert storage["SerdeInfo"] == {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}
    assert storage["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"


def test_the_view_is_athenas_beside_its_table_and_waits_for_it(make):
    template = make()
    ids = {each["Properties"]["TableInput"]["Name"]: id for id, each in resources(template, "AWS::Glue::Table").items()}
    view = resources(template, "AWS::Glue::Table")[ids["events"]]
    definition = view_definition(database="my_lake", table="cloudtrail_events")
    given = view["Properties"]["TableInput"]
    assert given["TableType"] == "VIRTUAL_VIEW"
    assert given["ViewOriginalText"] == definition.original_text
    assert given["Parameters"]["presto_view"] == "true"
    assert [each["Name"] for each in given["StorageDescriptor"]["Columns"]] == [c.name for c in definition.columns]
    assert ids["cloudtrail_events"] in view["DependsOn"]


def test_the_database_and_the_workgroup_are_named_after_the_lake(make):
    template = make()
    assert only(template, "AWS::Glue::Database")["DatabaseInput"]["Name"] == "my_lake"
    assert {each["DatabaseName"] for each in properties(template, "AWS::Glue::Table")} == {"my_lake"}
    assert only(template, "AWS::Athena::WorkGroup")["Name"] == "my-lake"


def test_every_table_waits_for_its_database(make):
    template = make()
    (database,) = resources(template, "AWS::Glue::Database")
    assert all(database in each["DependsOn"] for each in resources(template, "AWS::Glue::Table").values())


class TestOverATrail:
    @pytest.fixture
    def trail(self, stack: Stack) -> AuditTrail:
        return AuditTrail(
            stack,
            "Trail",
            name="raytrail",
            prefix="audit",
            organization_id="o-a1b2c3d4e5",
            events=[ManagementEvents(), DataEvents.all_of("AWS::S3::Object")],
        )

    def test_bucket_prefix_organization_and_key_are_the_trails(self, make, trail):
        template = make(trail=trail)
        bucket = plain(only(template, "AWS::CloudTrail::Trail"))["S3BucketName"]
        assert plain(events(template))["StorageDescriptor"]["Location"] == f"s3://{bucket}/audit/AWSLogs/o-a1b2c3d4e5/"
        (key,) = resources(template, "AWS::KMS::Key")
        found = configuration(template)["ResultConfiguration"]["EncryptionConfiguration"]
        assert found == {"EncryptionOption": "SSE_KMS", "KmsKey": f"<{key}.Arn>"}

    def test_the_trail_never_records_the_results_of_queries(self, make, trail):
        template = make(trail=trail)
        results = configuration(template)["ResultConfiguration"]["OutputLocation"].removeprefix("s3://<")[:-2]
        [objects] = [
            field["NotStartsWith"]
            for selector in plain(only(template, "AWS::CloudTrail::Trail"))["AdvancedEventSelectors"]
            for field in selector["FieldSelectors"]
            if field["Field"] == "resources.ARN"
        ]
        assert f"<{results}.Arn>/" in objects

    def test_reading_the_results_is_logged_where_reading_the_trail_is(self, make, trail):
        template = make(trail=trail)
        logged = [each.get("LoggingConfiguration") for each in plain(properties(template, "AWS::S3::Bucket"))]
        targets = {each["LogFilePrefix"]: each["DestinationBucketName"] for each in logged if each}
        assert targets.keys() == {"trail/", "results/"}
        assert targets["trail/"] == targets["results/"]

    @pytest.mark.parametrize("twice", [{"prefix": "p"}, {"organization_id": "o-a1b2c3d4e5"}, {"bucket": None}])
    def test_what_is_the_trails_is_not_given_beside_it(self, make, trail, twice):
        if "bucket" in twice:
            twice = {"bucket": trail.bucket}
        with pytest.raises(InvalidProps, match="are the trail's; give them, or the trail"):
            make(trail=trail, **twice)


def test_a_lake_without_a_trail_or_a_bucket_reads_nothing_and_is_refused(make):
    with pytest.raises(InvalidProps, match="give the trail, or the bucket that it delivers to"):
        make(bucket=None)


class TestATrailOfAnotherStack:
    @pytest.fixture
    def trail(self, stack):
        return self.trail_beside(stack, DataEvents.of("AWS::S3::Object", arn_prefixes=["arn:aws:s3:::files-"]))

    @staticmethod
    def trail_beside(stack: Stack, events: DataEvents) -> AuditTrail:
        other = Stack(stack.node.root, "other", env=Environment(account=ACCOUNT, region="us-east-1"))
        return AuditTrail(other, "Trail", name="raytrail", events=[events])

    def test_need_not_know_the_results_if_it_records_the_buckets_that_it_names(self, make, stack):
        trail = self.trail_beside(stack, DataEvents.s3("arn:aws:s3:::files"))
        make(trail=trail)
        template = Template.from_stack(Stack.of(trail)).to_json()
        (selector,) = plain(only(template, "AWS::CloudTrail::Trail"))["AdvancedEventSelectors"]
        (arns,) = [each for each in selector["FieldSelectors"] if each["Field"] == "resources.ARN"]
        assert arns["StartsWith"] == ["arn:aws:s3:::files/"]
        # The trail's own bucket, and not that of the results.
        assert len(arns["NotStartsWith"]) == 1

    def test_leaves_out_results_whose_name_is_known(self, make, stack, trail):
        make(trail=trail, results=s3.Bucket(stack, "Given", bucket_name="results"))
        found = plain(only(Template.from_stack(Stack.of(trail)).to_json(), "AWS::CloudTrail::Trail"))
        (selector,) = found["AdvancedEventSelectors"]
        (arns,) = [each for each in selector["FieldSelectors"] if each["Field"] == "resources.ARN"]
        assert "arn:aws:s3:::results/" in arns["NotStartsWith"]

    @pytest.mark.parametrize("given", [True, False])
    def test_cannot_wait_for_the_name_of_the_results_that_wait_for_it(self, make, stack, trail, given):
        results = s3.Bucket(stack, "Given") if given else None
        with pytest.raises(InvalidProps, match="is of another stack and has no name yet; put the lake into"):
            make(trail=trail, results=results)


class TestWhatWouldBeInvisible:
    def test_files_move_to_an_archive_that_athena_passes_over(self, make, stack):
        retention = Retention(archive_after_days=400, expire_after_days=900)
        make(trail=AuditTrail(stack, "Trail", name="raytrail", retention=retention))
        said = [each for each in warnings(stack) if "raytrail:invisible-archive" in each]
        assert len(said) == 1
        assert "after 400 days (archive_after_days), and from that day on queries do not see them" in said[0]

    @pytest.mark.parametrize("retention", [None, Retention(infrequent_after_days=30)])
    def test_nothing_is_said_of_files_that_athena_reads(self, make, stack, retention):
        make(trail=AuditTrail(stack, "Trail", name="raytrail", retention=retention))
        assert not [each for each in warnings(stack) if "invisible-archive" in each]

    def test_the_stacks_own_region_is_missed(self, make, stack):
        make(regions=["eu-west-1"])
        assert any("regions leave out us-east-1, the stack's own" in each for each in warnings(stack))

    def test_the_region_of_global_services_is_missed(self, context):
        stack = bare_stack(context, region="eu-west-1")
        bucket = s3.Bucket.from_bucket_name(stack, "Files", "trail-files")
        AuditLake(stack, "Lake", name="l", bucket=bucket, regions=["eu-west-1"], start_date=date(2026, 1, 2))
        (warning,) = warnings(stack)
        assert warning.startswith("regions leave out us-east-1: the events of global services")

    def test_an_organizations_accounts_are_missed(self, make, stack):
        make(organization_id="o-a1b2c3d4e5")
        (warning,) = warnings(stack)
        assert warning.startswith("the trail is an organization's and accounts names none")

    def test_where_all_are_named_there_is_nothing_to_warn_of(self, make, stack):
        make(organization_id="o-a1b2c3d4e5", accounts=["111122223333"])
        assert warnings(stack) == []

    def test_a_region_that_is_not_known_at_synth_is_not_guessed_at(self, context):
        stack = bare_stack(context, account=None, region=None)
        bucket = s3.Bucket.from_bucket_name(stack, "Files", "trail-files")
        AuditLake(stack, "Lake", name="l", bucket=bucket, regions=REGIONS, start_date=date(2026, 1, 2))
        assert warnings(stack) == []


def test_nobody_can_read_more_than_the_limit_or_set_another(make):
    found = configuration(make(query_limit_gb=3))
    assert found["BytesScannedCutoffPerQuery"] == 3_000_000_000
    assert found["EnforceWorkGroupConfiguration"] is True


def test_results_are_encrypted_by_s3_unless_a_key_is_given(make):
    found = configuration(make())["ResultConfiguration"]
    assert found["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}


def test_results_are_encrypted_with_the_key_that_is_given(make, stack):
    template = make(encryption_key=kms.Key(stack, "Key"))
    (key,) = resources(template, "AWS::KMS::Key")
    found = configuration(template)["ResultConfiguration"]
    assert found["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": f"<{key}.Arn>"}
    (rule,) = plain(only(template, "AWS::S3::Bucket"))["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": f"<{key}.Arn>"}


def test_results_go_to_a_bucket_of_their_own_and_expire(make):
    template = make(results_expire_after_days=7)
    (bucket,) = resources(template, "AWS::S3::Bucket")
    assert configuration(template)["ResultConfiguration"]["OutputLocation"] == f"s3://<{bucket}>/"
    (rule,) = only(template, "AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    assert (rule["ExpirationInDays"], rule["Status"]) == (7, "Enabled")
    assert "Prefix" not in rule


def test_results_are_private_and_travel_by_tls(make):
    template = make()
    assert set(only(template, "AWS::S3::Bucket")["PublicAccessBlockConfiguration"].values()) == {True}
    policy = plain(statements(only(template, "AWS::S3::BucketPolicy")["PolicyDocument"]))
    assert {"Bool": {"aws:SecureTransport": "false"}} in [each.get("Condition") for each in policy]
    assert {each["Effect"] for each in policy} == {"Deny"}


def test_results_outlive_the_stack_until_they_expire(make):
    template = make()
    for kind in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"):
        (kept,) = resources(template, kind).values()
        assert kept["DeletionPolicy"] == "Retain"


def test_there_are_at_least_eight_saved_queries_within_athenas_limits(make):
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateNamedQuery.html."""
    saved = properties(make(), "AWS::Athena::NamedQuery")
    assert len(saved) == len(saved_queries()) >= 8
    assert len({each["Name"] for each in saved}) == len(saved)
    for query in saved:
        assert 1 <= len(query["Name"]) <= 128
        assert len(query["Description"]) <= 1024
        assert len(query["QueryString"].encode()) <= 262_144
        assert (query["Database"], query["WorkGroup"]) == ("my_lake", "my-lake")


def test_each_saved_query_asks_the_lakes_table_for_its_accounts_and_regions(make):
    accounts = ["111122223333", "444455556666"]
    saved = {
        each["Name"]: each["QueryString"] for each in properties(make(accounts=accounts), "AWS::Athena::NamedQuery")
    }
    for query in saved_queries():
        text = saved[query.title]
        assert text == query.render(table="cloudtrail_events", accounts=accounts, regions=REGIONS)
        assert not re.search(r"\$\{", text)


def test_queries_wait_for_their_workgroup(make):
    template = make()
    (workgroup,) = resources(template, "AWS::Athena::WorkGroup")
    for query in resources(template, "AWS::Athena::NamedQuery").values():
        assert workgroup in query["DependsOn"]


def test_queries_of_ones_own_take_the_place_of_the_packages(make):
    (mine,) = [query for query in saved_queries() if query.name == "root_use"]
    assert [each["Name"] for each in properties(make(queries=[mine]), "AWS::Athena::NamedQuery")] == [mine.title]


@pytest.mark.parametrize(
    ("props", "said"),
    [
        ({"query_limit_gb": 0}, "query_limit_gb is 1 or more, got 0"),
        ({"results_expire_after_days": 0}, "results_expire_after_days is 1 or more, got 0"),
        ({"regions": []}, "regions must name at least one Region"),
        ({"organization_id": "mine"}, "organization_id is o- and 10 to 32"),
        ({"name": "My Lake"}, "name of a lake 'My Lake' begins with a lower-case letter"),
    ],
)
def test_what_athena_would_refuse_or_hide_is_refused(make, props, said):
    with pytest.raises(InvalidProps, match=re.escape(said)):
        make(**props)
