"""What a trail is asked to record, refused when it cannot be, or would be billed twice."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from raytrail.audit import DataEvents, Insights, ManagementEvents, NetworkActivityEvents
from raytrail.audit._model_events import Condition, check_events
from raytrail.errors import InvalidProps

BUCKET = "arn:aws:s3:::files"
OPERATORS = {
    "Equals": "equals",
    "StartsWith": "starts_with",
    "EndsWith": "ends_with",
    "NotEquals": "not_equals",
    "NotStartsWith": "not_starts_with",
    "NotEndsWith": "not_ends_with",
}


def as_asked(event):
    """The selector as the API takes it."""
    return {
        "Name": event.name,
        "FieldSelectors": [
            {
                "Field": each.field,
                **{key: list(values) for key, name in OPERATORS.items() if (values := getattr(each, name))},
            }
            for each in event.conditions
        ],
    }


ARNS = st.text(
    st.characters(codec="ascii", exclude_characters="*", exclude_categories=["Cc"]), min_size=1, max_size=40
).map("arn:aws:sns:us-east-1:111122223333:{}".format)
READ_ONLY = st.none() | st.booleans()
EVENTS = st.one_of(
    st.builds(ManagementEvents, read_only=READ_ONLY, without_kms=st.booleans(), without_rds_data=st.booleans()),
    st.builds(
        lambda arns, only: DataEvents.of("AWS::SNS::Topic", *arns, read_only=only),
        st.lists(ARNS, min_size=1),
        READ_ONLY,
    ),
    st.builds(lambda only: DataEvents.all_of("AWS::S3::Object", read_only=only), READ_ONLY),
    st.builds(NetworkActivityEvents, event_source=st.just("kms.amazonaws.com"), denied_only=st.booleans()),
)


def topics(count):
    return DataEvents.of("AWS::SNS::Topic", *(f"arn:aws:sns:us-east-1:111122223333:{n}" for n in range(count)))


@given(EVENTS)
def test_every_selector_is_one_that_cloudtrails_api_takes(event):
    """By botocore's model of PutEventSelectors: fields, operators, and at least one value in each."""
    model = botocore.session.get_session().get_service_model("cloudtrail").operation_model("PutEventSelectors")
    asked = {"TrailName": "trail", "AdvancedEventSelectors": [as_asked(event)]}
    assert not ParamValidator().validate(asked, model.input_shape).has_errors()
    for each in as_asked(event)["FieldSelectors"]:
        assert len(each) > 1, "a field without a value"


def test_a_selector_reads_as_the_page_prints_it():
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html, the first example."""
    event = DataEvents(
        resource_type="AWS::S3::Object",
        event_names=("PutObject", "DeleteObject"),
        arns=Condition(field="resources.ARN", not_starts_with=("arn:aws:s3:::amzn-s3-demo-bucket/",)),
        everything=True,
    )
    assert as_asked(event)["FieldSelectors"] == [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "eventName", "Equals": ["PutObject", "DeleteObject"]},
        {"Field": "resources.ARN", "NotStartsWith": ["arn:aws:s3:::amzn-s3-demo-bucket/"]},
    ]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: DataEvents.of("AWS::S3::Object", without_arn_prefixes=[f"{BUCKET}/tmp/"]),
            "ask for all in so many words with DataEvents.all_of",
        ),
        (
            lambda: DataEvents.of("AWS::S3::Object", arn_prefixes=[f"{BUCKET}/*"]),
            "has a \\*, which selectors of CloudTrail do not know",
        ),
        (lambda: DataEvents.of("AWS::S3::Object"), "ask for all in so many words with DataEvents.all_of"),
        (DataEvents.s3, "ask for all in so many words"),
        (lambda: DataEvents.of("AWS::S3::Bucket", BUCKET), "CloudTrail's word is AWS::S3::Object"),
        (lambda: DataEvents.of("AWS::KMS::Key", "arn"), "calls to KMS are management events"),
        (lambda: DataEvents.of("S3", BUCKET), "written as AWS::S3::Object, got 'S3'"),
        (lambda: DataEvents.s3(BUCKET, key_prefixes=["*.csv"]), "has a \\*, which selectors of CloudTrail do not know"),
        (lambda: DataEvents.of("AWS::SNS::Topic", "a" * 2049), "has 1 to 2048 characters"),
        (lambda: DataEvents.of("AWS::SNS::Topic", ""), "has 1 to 2048 characters"),
        (lambda: DataEvents.s3("orders"), "named by ARN, .* and 'orders/' is none, so that it matches nothing"),
        (lambda: DataEvents.tables("orders"), "'orders' is none"),
        (lambda: DataEvents.of("AWS::S3::Object", arn_prefixes=["arn"]), "'arn' is none"),
        (lambda: DataEvents.all_of("AWS::S3::Object", without_arn_prefixes=["orders/"]), "'orders/' is none"),
        (lambda: DataEvents.of("AWS::S3::Object", BUCKET), "is a bucket's ARN and no object's, .* 'arn:.*files/'"),
        *(
            (
                lambda prefix=prefix: DataEvents.of("AWS::S3::Object", arn_prefixes=[prefix]),
                f"prefix '{prefix}' means every AWS::S3::Object",
            )
            for prefix in ("arn:", "arn:aws", "arn:aws:s3", "arn:aws:s3:", "arn:aws:s3:::")
        ),
        (
            lambda: DataEvents.of("AWS::Lambda::Function", arn_prefixes=["arn:aws:lambda"]),
            "let it go on to a Region, an account or a resource, or ask for all",
        ),
        (lambda: NetworkActivityEvents(event_source="s3"), "a service such as s3.amazonaws.com, got 's3'"),
        (
            lambda: NetworkActivityEvents(event_source="s3.amazonaws.com", vpc_endpoint_ids=("vpc-1",)),
            "written as vpce-0123456789abcdef0, got 'vpc-1'",
        ),
        (lambda: Insights(call_rate=False, error_rate=False), "insights look at call_rate, error_rate or both"),
        (lambda: Insights(on=()), "on 'Management', 'Data' or both"),
        (lambda: Insights(on=("Network",)), "on 'Management', 'Data' or both"),
    ],
)
def test_what_cannot_be_selected_is_refused_when_it_is_made(make, said):
    with pytest.raises(InvalidProps, match=said):
        make()


@pytest.mark.parametrize(
    ("events", "insights", "said"),
    [
        ([], None, "at least one kind"),
        ([ManagementEvents(), ManagementEvents(without_kms=True)], None, "recorded and billed twice"),
        ([ManagementEvents(), ManagementEvents(read_only=True)], None, "recorded and billed twice"),
        ([ManagementEvents(read_only=False)] * 2, None, "recorded and billed twice"),
        (
            [ManagementEvents(read_only=True), ManagementEvents(read_only=False), ManagementEvents(read_only=False)],
            None,
            "recorded and billed twice",
        ),
        ([NetworkActivityEvents(event_source="s3.amazonaws.com")] * 2, None, "s3.amazonaws.com is selected twice"),
        (
            [topics(499)],
            None,
            "at most 500 values together, .* got 501",
        ),
        ([DataEvents.s3(BUCKET), DataEvents.s3(BUCKET)], None, "Data events of AWS::S3::Object are selected twice"),
        ([DataEvents.all_of("AWS::S3::Object")], Insights(), "need the trail to record write management events"),
        ([ManagementEvents(read_only=True)], Insights(error_rate=False), "write management events"),
        ([ManagementEvents()], Insights(on=("Data",)), "need the trail to record some"),
    ],
)
def test_what_a_trail_cannot_record_is_refused(events, insights, said):
    with pytest.raises(InvalidProps, match=said):
        check_events(events, insights)


@pytest.mark.parametrize(
    ("events", "insights"),
    [
        ([ManagementEvents(read_only=True), ManagementEvents(read_only=False, without_kms=True)], Insights()),
        ([topics(498)], None),
        ([DataEvents.s3(BUCKET, read_only=True), DataEvents.s3(BUCKET, read_only=False)], None),
        ([ManagementEvents(), DataEvents.all_of("AWS::SNS::Topic")], Insights(on=("Data", "Management"))),
        ([ManagementEvents(read_only=True)], Insights(call_rate=False)),
    ],
)
def test_what_a_trail_can_record_is_not_refused(events, insights):
    check_events(events, insights)


@pytest.mark.parametrize(
    "prefix", ["arn:aws:lambda:us-east-1:", "arn:aws:s3:::logs-", "arn:${Token[AWS.Partition.3]}:s3:::l"]
)
def test_a_prefix_that_narrows_is_taken(prefix):
    assert DataEvents.of("AWS::S3::Object", arn_prefixes=[prefix]).arns.starts_with == (prefix,)


def test_a_buckets_arn_may_have_its_slash():
    assert DataEvents.s3(f"{BUCKET}/") == DataEvents.s3(BUCKET)


def objects(**arns):
    return DataEvents(resource_type="AWS::S3::Object", arns=Condition(field="resources.ARN", **arns))


PARTITION = "arn:${Token[AWS.Partition.3]}"


@pytest.mark.parametrize(
    "events",
    [
        DataEvents.all_of("AWS::S3::Object"),
        objects(starts_with=("arn:aws:s3:::logs-",)),
        objects(starts_with=("arn:aws:s3:::logs-trail",)),
        objects(starts_with=(f"{PARTITION}:s3:::logs-trail",)),
        # One of several is enough.
        objects(starts_with=(f"{BUCKET}/", BUCKET)),
        objects(ends_with=(".gz",)),
        objects(starts_with=(f"{BUCKET}/",), ends_with=(".gz",)),
        # Each of these may be any bucket's, whatever its key looks like.
        DataEvents.s3("${Token[TOKEN.8]}"),
        DataEvents.s3("${Token[TOKEN.8]}", key_prefixes=["a:s3:::b/"]),
        DataEvents.of("AWS::S3::Object", "${Token[TOKEN.8]}"),
        DataEvents.s3("arn:aws:s3:::${Token[TOKEN.8]}"),
        DataEvents.s3("arn:aws:s3:::logs-${Token[TOKEN.8]}"),
    ],
)
def test_a_selector_that_may_reach_the_guarded_buckets_leaves_them_out_once(events):
    assert events.reaches_unnamed_buckets
    roots = ["arn:aws:s3:::logs-trail", "arn:aws:s3:::results", "arn:aws:s3:::logs-trail"]
    guarded = events.without_buckets(roots).arns
    assert guarded.not_starts_with == ("arn:aws:s3:::logs-trail/", "arn:aws:s3:::results/")
    assert guarded.values[: -len(guarded.not_starts_with)] == events.arns.values


@pytest.mark.parametrize(
    "events",
    [
        DataEvents.s3(BUCKET, f"{PARTITION}:s3:::carts", key_prefixes=["in/", "${Token[TOKEN.8]}"]),
        DataEvents.of("AWS::S3::Object", f"{BUCKET}/key", arn_prefixes=[f"{BUCKET}/in/"]),
        DataEvents.all_of("AWS::Lambda::Function"),
    ],
)
def test_a_selector_that_is_confined_to_other_buckets_stays_as_it_is(events):
    assert not events.reaches_unnamed_buckets
    assert events.without_buckets(["arn:aws:s3:::logs-trail", "${Token[TOKEN.7]}"], ["logs-trail"]) == events


@pytest.mark.parametrize(
    ("asked", "root", "names"),
    [
        ("arn:aws:s3:::logs-trail", "arn:aws:s3:::logs-trail", []),
        ("arn:aws:s3:::logs-trail", "arn:${Token[AWS.Partition.3]}:s3:::logs-trail", ["logs-trail"]),
        ("arn:${Token[AWS.Partition.3]}:s3:::logs-trail", "arn:aws:s3:::logs-trail", ["logs-trail"]),
        ("arn:aws-cn:s3:::logs-trail", "${Token[TOKEN.7]}", ["logs-trail"]),
        ("${Token[TOKEN.7]}", "${Token[TOKEN.7]}", []),
    ],
)
def test_objects_of_a_guarded_bucket_are_refused_however_its_arn_is_written(asked, root, names):
    with pytest.raises(InvalidProps, match="leave that bucket out"):
        DataEvents.s3(asked, key_prefixes=["AWSLogs/"]).without_buckets([root], names)
    DataEvents.s3("arn:aws:s3:::logs-trail-2").without_buckets([root], names)
