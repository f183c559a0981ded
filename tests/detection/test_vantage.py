"""What a trail records, as the rules' reach is asked about."""

from __future__ import annotations

import pytest

from raytrail.audit import DataEvents, Insights, ManagementEvents, NetworkActivityEvents
from raytrail.detection import vantage_of


@pytest.mark.parametrize(
    ("events", "recorded"),
    [
        ([ManagementEvents()], "all"),
        ([ManagementEvents(read_only=True)], "read"),
        ([ManagementEvents(read_only=False)], "write"),
        ([ManagementEvents(read_only=True), ManagementEvents(read_only=False)], "all"),
        ([DataEvents.all_of("AWS::S3::Object")], "none"),
    ],
)
def test_management_events_are_as_selected(events, recorded):
    assert vantage_of(events).management == recorded


def test_a_source_is_left_out_where_every_selector_leaves_it_out():
    reads, writes = ManagementEvents(read_only=True, without_kms=True), ManagementEvents(read_only=False)
    assert vantage_of([reads, writes]).excluded_sources == frozenset()
    assert vantage_of([ManagementEvents(without_kms=True)]).excluded_sources == {"kms.amazonaws.com"}


def test_what_else_is_recorded_is_named():
    found = vantage_of(
        [
            ManagementEvents(),
            DataEvents.tables("arn:aws:dynamodb:us-east-1:111122223333:table/orders"),
            NetworkActivityEvents(event_source="s3.amazonaws.com"),
        ],
        insights=Insights(),
        region="eu-west-1",
        forwarded="write",
    )
    assert (found.data, found.network) == ({"AWS::DynamoDB::Table"}, {"s3.amazonaws.com"})
    assert (found.insights, found.region, found.forwarded) == (True, "eu-west-1", "write")


def test_what_is_not_recorded_is_known_not_to_be():
    found = vantage_of([ManagementEvents()])
    assert (found.data, found.network, found.insights, found.excluded_sources) == (frozenset(),) * 2 + (
        False,
        frozenset(),
    )
