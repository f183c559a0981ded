"""The policy of an organization trail's bucket beside the one that AWS documents, as docs/audit.md shows them."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from tests.synth import Json, bare_stack, plain, resources, template_of

from raytrail.audit import AuditTrail

ACCOUNT, REGION, PREFIX = "111111111111", "us-east-1", "logs"
BUCKET = "arn:aws:s3:::BUCKET"
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"


def write(sid: str, folder: str) -> tuple[str, Json]:
    conditions = {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": TRAIL}
    return sid, {"s3:PutObject": f"{BUCKET}/{PREFIX}/AWSLogs/{folder}/*", "StringEquals": conditions}


# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html, the part on
# organizations, read in November 2026; with this bucket, this trail, and "optionalPrefix" given.
DOCUMENTED: dict[str, Json] = dict(
    [
        ("AWSCloudTrailAclCheck20150319", {"s3:GetBucketAcl": BUCKET, "StringEquals": {"aws:SourceArn": TRAIL}}),
        write("AWSCloudTrailWrite20150319", ACCOUNT),
        write("AWSCloudTrailOrganizationWrite20150319", "o-exampleorgid"),
    ]
)


@pytest.fixture(scope="module")
def said(context) -> dict[str, Json]:
    """What the bucket's policy lets CloudTrail do, by the statement's id."""
    stack: Stack = bare_stack(context, account=ACCOUNT, region=REGION)
    AuditTrail(stack, "Trail", name="audit", organization_id="o-exampleorgid", prefix=PREFIX)
    template = template_of(stack)
    (own,) = [id for id in resources(template, "AWS::S3::Bucket") if "AccessLogs" not in id]
    return {
        statement["Sid"]: {
            statement["Action"]: statement["Resource"].replace(f"<{own}.Arn>", BUCKET),
            **statement["Condition"],
        }
        for policy in resources(template, "AWS::S3::BucketPolicy").values()
        for statement in plain(policy["Properties"]["PolicyDocument"])["Statement"]
        if (statement["Effect"], statement["Principal"]) == ("Allow", {"Service": "cloudtrail.amazonaws.com"})
    }


def test_the_policy_lets_cloudtrail_do_what_aws_documents_and_nothing_else(said):
    assert {f"{sid}20150319": each for sid, each in said.items()} == DOCUMENTED


def test_the_page_shows_both_side_by_side(root, said):
    page = (root / "docs" / "audit.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- organization policy -->\n")[2].partition("\n\n")[0]
    assert shown.splitlines() == table(said)


def table(said: dict[str, Json]) -> list[str]:
    rows = zip(DOCUMENTED.items(), said.items(), strict=True)
    cells = [["what CloudTrail may", "AWS documents", "the template has"], ["---"] * 3]
    for (documented, asked), (sid, given) in rows:
        [(action, _)] = [(key, value) for key, value in asked.items() if key != "StringEquals"]
        cells.append([f"`{action}`", shown(documented, asked), shown(sid, given)])
    return ["| " + " | ".join(row) + " |" for row in cells]


def shown(sid: str, statement: Json) -> str:
    resource: Any
    (resource,) = [value for key, value in statement.items() if key != "StringEquals"]
    named = {key: "TRAIL" if value == TRAIL else value for key, value in statement["StringEquals"].items()}
    conditions = ", ".join(f"`{key}` = `{value}`" for key, value in sorted(named.items()))
    return f"`{sid}`: `{resource}`, if {conditions}"
