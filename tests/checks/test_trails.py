from __future__ import annotations

import pytest
from tests.checks.twins import a, arn, found, ref, seen

from raytrail.checks import Floors

TRAIL, BUCKET, GROUP, FILTER = "CloudTrail::Trail", "S3::Bucket", "Logs::LogGroup", "Logs::MetricFilter"
WHOLE = {
    "IsLogging": True,
    "IsMultiRegionTrail": True,
    "IncludeGlobalServiceEvents": True,
    "EnableLogFileValidation": True,
    "KMSKeyId": "alias/trail",
    "S3BucketName": "central-logs",
}


def trail(**changed):
    return a(TRAIL, **{**WHOLE, **changed})


def without(name):
    return a(TRAIL, **{key: value for key, value in WHOLE.items() if key != name})


def guards(resources, **how):
    return found("TrailGuardOff", resources, **how)


def parts(resources, **how):
    return found("TrailSeesPart", resources, **how)


def unprotected(resources, **how):
    return found("TrailBucketUnprotected", resources, **how)


def test_a_trail_with_its_guards_is_in_order():
    assert guards({"Trail": trail()}) == []
    assert parts({"Trail": trail()}) == []


def test_a_trail_is_to_record():
    assert guards({"Trail": trail(IsLogging=False)}) == ["Trail"]
    assert guards({"Trail": trail(IsLogging=ref("Recording"))}) == []


def test_a_trail_is_to_sign_its_files():
    assert guards({"Trail": without("EnableLogFileValidation")}) == ["Trail"]
    assert guards({"Trail": trail(EnableLogFileValidation=False)}) == ["Trail"]
    assert guards({"Trail": trail(EnableLogFileValidation=ref("Signed"))}) == []


def by_bucket(algorithm):
    rules = [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}] if algorithm else []
    return a(BUCKET, BucketEncryption={"ServerSideEncryptionConfiguration": rules})


def test_a_trail_is_to_have_a_key_or_its_bucket_one():
    keyless = {key: value for key, value in WHOLE.items() if key != "KMSKeyId"}
    keyless = {**keyless, "S3BucketName": ref("Bucket")}
    for algorithm, found_in in ((None, ["Trail"]), ("AES256", ["Trail"]), ("aws:kms", []), (ref("Algorithm"), [])):
        assert guards({"Trail": a(TRAIL, **keyless), "Bucket": by_bucket(algorithm)}) == found_in
    assert guards({"Trail": a(TRAIL, **keyless), "Bucket": a(BUCKET)}, floors=Floors(own_key=False)) == []
    # How another app encrypts its bucket cannot be known.
    assert guards({"Trail": without("KMSKeyId")}) == []


def test_a_trail_is_to_see_every_region():
    assert parts({"Trail": without("IsMultiRegionTrail")}) == ["Trail"]
    assert parts({"Trail": trail(IsMultiRegionTrail=False)}) == ["Trail"]
    assert parts({"Trail": trail(IsMultiRegionTrail=ref("Everywhere"))}) == []


def test_a_trail_is_to_see_global_services():
    assert parts({"Trail": trail(IncludeGlobalServiceEvents=False)}) == ["Trail"]


def advanced(**fields):
    return {"FieldSelectors": [{"Field": field, "Equals": values} for field, values in fields.items()]}


@pytest.mark.parametrize(
    ("selectors", "lacking"),
    [
        ({"EventSelectors": [{"IncludeManagementEvents": False}]}, "management events"),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly"}]}, "management events that write"),
        ({"EventSelectors": [{"ReadWriteType": "WriteOnly"}]}, "management events that read"),
        ({"AdvancedEventSelectors": [advanced(eventCategory=["Data"])]}, "management events"),
        (
            {"AdvancedEventSelectors": [advanced(eventCategory=["Management"], readOnly=["false"])]},
            "management events that read",
        ),
    ],
)
def test_a_trail_is_to_see_all_management_events(selectors, lacking):
    assert seen("TrailSeesPart", {"Trail": trail(**selectors)}) == f"its selectors leave out {lacking}"


@pytest.mark.parametrize(
    "selectors",
    [
        {"EventSelectors": [{"ReadWriteType": "ReadOnly"}, {"ReadWriteType": "WriteOnly"}]},
        {"EventSelectors": [{"ReadWriteType": "All", "ExcludeManagementEventSources": ["kms.amazonaws.com"]}]},
        {"EventSelectors": []},
        {"EventSelectors": ref("Selectors")},
        {"AdvancedEventSelectors": [advanced(eventCategory=["Data"]), advanced(eventCategory=["Management"])]},
        {
            "AdvancedEventSelectors": [
                advanced(eventCategory=["Management"], readOnly=["true"]),
                advanced(eventCategory=["Management"], readOnly=["false"]),
            ]
        },
        {"AdvancedEventSelectors": [advanced(eventCategory=[ref("Category")])]},
    ],
)
def test_selectors_that_take_all_or_may_do_so_are_in_order(selectors):
    assert parts({"Trail": trail(**selectors)}) == []


def test_a_trail_of_data_events_may_stand_beside_a_whole_one():
    data = trail(AdvancedEventSelectors=[advanced(eventCategory=["Data"])])
    assert parts({"Data": data}) == ["Data"]
    assert parts({"Data": data, "Management": trail()}) == []


WAITING = a(FILTER, LogGroupName=ref("Group"), FilterPattern='{ $.eventName = "StopLogging" }')


def test_metric_filters_that_wait_for_a_trails_events_are_not_to_wait_in_vain():
    resources = {"Trail": trail(), "Group": a(GROUP), "Filter": WAITING}
    assert "template/Filter waits for its events" in seen("TrailSeesPart", resources)
    assert parts({**resources, "Trail": trail(CloudWatchLogsLogGroupArn=arn("Group"))}) == []
    of_an_app = a(FILTER, LogGroupName=ref("Group"), FilterPattern="ERROR")
    assert parts({**resources, "Filter": of_an_app}) == []
    somebody_elses = a(FILTER, LogGroupName="central", FilterPattern='{ $.eventName = "StopLogging" }')
    assert parts({**resources, "Filter": somebody_elses}) == []


SAFE = {
    **a(BUCKET, VersioningConfiguration={"Status": "Enabled"}),
    "DeletionPolicy": "Retain",
    "UpdateReplacePolicy": "Retain",
}
INTO = trail(S3BucketName=ref("Bucket"))


def test_the_bucket_of_a_trail_outlives_its_stack():
    assert unprotected({"Trail": INTO, "Bucket": SAFE}) == []
    assert unprotected({"Trail": INTO, "Bucket": {**SAFE, "DeletionPolicy": "RetainExceptOnCreate"}}) == []
    assert unprotected({"Trail": INTO, "Bucket": {**SAFE, "DeletionPolicy": "Delete"}}) == ["Bucket"]
    assert unprotected({"Trail": INTO, "Bucket": {**SAFE, "DeletionPolicy": ref("Kept")}}) == []
    left = {key: value for key, value in SAFE.items() if key != "DeletionPolicy"}
    assert unprotected({"Trail": INTO, "Bucket": left}) == ["Bucket"]


def test_nothing_empties_the_bucket_of_a_trail():
    emptier = {"Type": "Custom::S3AutoDeleteObjects", "Properties": {"BucketName": ref("Bucket")}}
    assert unprotected({"Trail": INTO, "Bucket": SAFE, "Emptier": emptier}) == ["Bucket"]
    another = {"Type": "Custom::S3AutoDeleteObjects", "Properties": {"BucketName": ref("Other")}}
    resources = {"Trail": INTO, "Bucket": SAFE, "Emptier": another, "Other": a(BUCKET)}
    assert unprotected(resources) == []


def test_the_bucket_of_a_trail_keeps_what_is_overwritten():
    kept = {"DeletionPolicy": "Retain"}
    assert unprotected({"Trail": INTO, "Bucket": {**a(BUCKET), **kept}}) == ["Bucket"]
    assert unprotected({"Trail": INTO, "Bucket": {**a(BUCKET), **kept}}, floors=Floors(versioned=False)) == []
    assert unprotected({"Trail": INTO, "Bucket": {**a(BUCKET, ObjectLockEnabled=True), **kept}}) == []
    suspended = a(BUCKET, VersioningConfiguration={"Status": "Suspended"})
    assert unprotected({"Trail": INTO, "Bucket": {**suspended, **kept}}) == ["Bucket"]


def test_other_buckets_may_go():
    assert unprotected({"Trail": trail(), "Bucket": a(BUCKET)}) == []
