"""AWS::Athena::NamedQuery, and that the types beside it keep what a template says."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.local


def deploy(aws: Any, resources: dict[str, Any], *, update: str | None = None) -> str:
    client = aws.client("cloudformation")
    body = json.dumps({"Resources": resources, "Outputs": {"Id": {"Value": {"Ref": "Query"}}}})
    name = update or f"athena-{uuid.uuid4().hex[:8]}"
    (client.update_stack if update else client.create_stack)(StackName=name, TemplateBody=body)
    client.get_waiter("stack_update_complete" if update else "stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    return name


def output(aws: Any, stack: str) -> str:
    value: str = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"][0]["OutputValue"]
    return value


def test_a_stack_makes_replaces_and_deletes_a_named_query_in_its_workgroup(local_aws: Any) -> None:
    athena, glue = local_aws.client("athena"), local_aws.client("glue")
    name = f"group-{uuid.uuid4().hex[:8]}"
    configuration = {
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": 20_000_000,
        "PublishCloudWatchMetricsEnabled": True,
        "ResultConfiguration": {
            "OutputLocation": "s3://some-results/",
            "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
        },
    }
    query = {
        "Name": "one",
        "Description": "the number one",
        "Database": "default",
        "QueryString": "SELECT 1",
        "WorkGroup": {"Ref": "Group"},
    }
    table = {
        "Name": "events",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"projection.enabled": "true", "projection.day.type": "injected"},
        "PartitionKeys": [{"Name": "day", "Type": "string", "Comment": "the day"}],
        "StorageDescriptor": {
            "Columns": [{"Name": "a", "Type": "struct<b:string>", "Comment": "a thing"}],
            "Location": "s3://some-bucket/",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hive.hcatalog.data.JsonSerDe"},
        },
    }
    resources: dict[str, Any] = {
        "Group": {
            "Type": "AWS::Athena::WorkGroup",
            "Properties": {"Name": name, "RecursiveDeleteOption": True, "WorkGroupConfiguration": configuration},
        },
        "Query": {"Type": "AWS::Athena::NamedQuery", "Properties": query},
        "Database": {
            "Type": "AWS::Glue::Database",
            "Properties": {"CatalogId": "111122223333", "DatabaseInput": {"Name": name.replace("-", "_")}},
        },
        "Table": {
            "Type": "AWS::Glue::Table",
            "Properties": {"CatalogId": "111122223333", "DatabaseName": {"Ref": "Database"}, "TableInput": table},
        },
    }
    stack = deploy(local_aws, resources)
    first = output(local_aws, stack)
    made = athena.get_named_query(NamedQueryId=first)["NamedQuery"]
    assert {key: made[key] for key in query} == {**query, "WorkGroup": name}
    kept = athena.get_work_group(WorkGroup=name)["WorkGroup"]["Configuration"]
    assert {key: kept[key] for key in configuration} == configuration
    stored = glue.get_table(DatabaseName=name.replace("-", "_"), Name="events")["Table"]
    assert {key: stored[key] for key in table} == table

    query["QueryString"] = "SELECT 2"
    deploy(local_aws, resources, update=stack)
    second = output(local_aws, stack)
    assert athena.list_named_queries(WorkGroup=name)["NamedQueryIds"] == [second]
    assert second != first

    local_aws.client("cloudformation").delete_stack(StackName=stack)
    local_aws.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    with pytest.raises(ClientError):
        athena.get_named_query(NamedQueryId=second)
    assert name not in [group["Name"] for group in athena.list_work_groups()["WorkGroups"]]


def test_a_named_query_needs_a_workgroup_that_is_there(local_aws: Any) -> None:
    with pytest.raises(ClientError, match="WorkGroup nowhere is not found"):
        local_aws.client("athena").create_named_query(
            Name="x", Database="default", QueryString="SELECT 1", WorkGroup="nowhere"
        )
