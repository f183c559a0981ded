"""What the settings of the audit stack change in its templates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App
from tests.synth import Json, Synth, bare_stack, only, plain, properties, resources, statements

from raytrail.audit import Insights, ManagementEvents, NetworkActivityEvents
from raytrail.errors import InvalidSettings
from raytrail.settings import read_settings
from stacks.audit import AuditStack

ORGANIZATION = "o-exampleorgid"


def selectors(template: Json) -> list[Json]:
    """Each selector's conditions by the field's name."""
    return [
        {field.pop("Field"): field for field in each["FieldSelectors"]}
        for each in plain(only(template, "AWS::CloudTrail::Trail"))["AdvancedEventSelectors"]
    ]


def audit(synth: Synth, **settings: Any) -> Json:
    return synth(audit=settings, sample={"enabled": False})["raytrail-audit"]


def test_an_organization_trail_and_its_prefix_come_from_the_settings(synth):
    template = audit(synth, organization_id=ORGANIZATION, prefix="all", accounts=["111122223333", "444455556666"])
    trail = only(template, "AWS::CloudTrail::Trail")
    assert (trail["IsOrganizationTrail"], trail["S3KeyPrefix"]) == (True, "all")
    written = [
        text
        for policy in resources(template, "AWS::S3::BucketPolicy").values()
        for text in [json.dumps(plain(policy["Properties"]["PolicyDocument"]))]
        if f"/all/AWSLogs/{ORGANIZATION}/*" in text
    ]
    assert len(written) == 1
    locations = {
        plain(each["Properties"]["TableInput"]["Parameters"]).get("storage.location.template", "")
        for each in resources(template, "AWS::Glue::Table").values()
    }
    assert all(f"/all/AWSLogs/{ORGANIZATION}/" in each for each in locations - {""})


def test_a_delegated_administrators_trail_is_that_of_the_management_account(synth):
    template = audit(synth, organization_id=ORGANIZATION, management_account="999988887777")
    assert "999988887777:trail/raytrail" in json.dumps(plain(resources(template, "AWS::KMS::Key")))


def test_data_events_and_network_activity_come_from_the_settings(synth):
    made = audit(
        synth,
        data_events=[
            {
                "resource_type": "AWS::S3::Object",
                "arn_prefixes": ["arn:aws:s3:::orders/"],
                "without_arn_prefixes": ["arn:aws:s3:::orders/tmp/"],
                "event_names": ["DeleteObject"],
            },
            {"resource_type": "AWS::Lambda::Function", "all_of_type": True, "read_only": False},
        ],
        network_activity=[
            {
                "event_source": "s3.amazonaws.com",
                "denied_only": True,
                "vpc_endpoint_ids": ["vpce-0123456789abcdef0"],
            }
        ],
    )
    management, objects, functions, network = selectors(made)
    own = {f"<{id}.Arn>/" for id in resources(made, "AWS::S3::Bucket") if "AccessLogs" not in id}
    assert len(own) == 2
    left_out = set(objects["resources.ARN"].pop("NotStartsWith"))
    assert left_out == {"arn:aws:s3:::orders/tmp/", *own}
    assert management == {"eventCategory": {"Equals": ["Management"]}}
    assert objects == {
        "eventCategory": {"Equals": ["Data"]},
        "resources.type": {"Equals": ["AWS::S3::Object"]},
        "eventName": {"Equals": ["DeleteObject"]},
        "resources.ARN": {"StartsWith": ["arn:aws:s3:::orders/"]},
    }
    assert functions == {
        "eventCategory": {"Equals": ["Data"]},
        "resources.type": {"Equals": ["AWS::Lambda::Function"]},
        "readOnly": {"Equals": ["false"]},
    }
    assert network == {
        "eventCategory": {"Equals": ["NetworkActivity"]},
        "eventSource": {"Equals": ["s3.amazonaws.com"]},
        "errorCode": {"Equals": ["VpceAccessDenied"]},
        "vpcEndpointId": {"Equals": ["vpce-0123456789abcdef0"]},
    }


def test_data_events_of_all_objects_never_take_the_trails_own_bucket_and_the_results(synth):
    template = audit(synth, data_events=[{"resource_type": "AWS::S3::Object", "all_of_type": True}])
    _, objects = selectors(template)
    buckets = {id for id in resources(template, "AWS::S3::Bucket") if "AccessLogs" not in id}
    assert set(objects["resources.ARN"]["NotStartsWith"]) == {f"<{id}.Arn>/" for id in buckets}
    assert len(buckets) == 2


def test_files_move_to_the_archive_only_where_the_settings_say_so(synth):
    def classes(**settings: Any) -> list[str]:
        return [
            move["StorageClass"]
            for bucket in resources(audit(synth, **settings), "AWS::S3::Bucket").values()
            for rule in bucket["Properties"].get("LifecycleConfiguration", {"Rules": []})["Rules"]
            for move in rule.get("Transitions", [])
        ]

    assert classes() == []
    assert classes(archive_after_days=365) == ["GLACIER"]


@pytest.mark.parametrize(
    ("asked", "types"),
    [({}, ["ApiCallRateInsight", "ApiErrorRateInsight"]), ({"call_rate": False}, ["ApiErrorRateInsight"])],
    ids=["the defaults", "errors alone"],
)
def test_insights_come_from_the_settings(synth, asked, types):
    made = only(audit(synth, insights=asked), "AWS::CloudTrail::Trail")["InsightSelectors"]
    assert made == [{"InsightType": type, "EventCategories": ["Management"]} for type in types]


def audit_stack(**settings: Any) -> AuditStack:
    app = bare_stack({}).node.root
    assert isinstance(app, App)
    return AuditStack(app, settings=read_settings({"audit": settings}), tables=[])


def test_what_the_settings_ask_for_and_no_trail_can_do_is_said_as_one_of_the_settings():
    with pytest.raises(InvalidSettings, match="audit: insights into data events need the trail to record some"):
        audit_stack(insights={"on": ["Data"]})


def test_a_value_too_many_with_the_results_of_the_lake_is_said_as_one_of_the_settings():
    # Those of the other selector, the category, the type, and the trail's own bucket are four.
    objects = [f"arn:aws:s3:::files-{number}/" for number in range(496)]
    with pytest.raises(InvalidSettings, match=r"^audit: the selectors of a trail have at most 500 values .* got 501;"):
        audit_stack(data_events=[{"resource_type": "AWS::S3::Object", "arn_prefixes": objects}])


def test_the_stack_tells_the_others_what_its_trail_records():
    made = audit_stack(network_activity=[{"event_source": "s3.amazonaws.com"}], insights={"error_rate": False})
    assert made.events == (ManagementEvents(), NetworkActivityEvents(event_source="s3.amazonaws.com"))
    assert made.insights == Insights(error_rate=False)
    assert made.log_group is not None
    taken = audit_stack(existing_trail={"bucket_name": "logs"})
    assert (taken.events, taken.insights, taken.log_group) == (None, None, None)


def test_a_type_without_data_events_is_refused_with_cloudtrails_word_for_it(synth):
    with pytest.raises(InvalidSettings, match="audit: resource type 'AWS::S3::Bucket' has no data events"):
        audit(synth, data_events=[{"resource_type": "AWS::S3::Bucket", "all_of_type": True}])


def test_who_asks_the_lake_may_decrypt_the_files_of_a_trail_that_has_a_key(synth):
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    trail = {"bucket_name": "central-logs", "files_key_arn": key}
    said = [
        each
        for policy in properties(audit(synth, existing_trail=trail), "AWS::IAM::Policy")
        for each in statements(policy["PolicyDocument"])
        if each["Resource"] == key
    ]
    assert said == [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}]
