"""The lake's tables and its view as resources of Glue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_glue as glue
from constructs import Construct

from raytrail.audit._model_schema import LakeTable
from raytrail.queries import ViewDefinition

_Column = glue.CfnTable.ColumnProperty
_Storage = glue.CfnTable.StorageDescriptorProperty
_Serde = glue.CfnTable.SerdeInfoProperty
_Input = glue.CfnTable.TableInputProperty


def make_table(
    scope: Construct,
    id: str,
    table: LakeTable,
    *,
    database: glue.CfnDatabase | None,
    database_name: str,
    bucket: str,
    prefix: str,
    organization_id: str | None,
    accounts: Sequence[str],
    regions: Sequence[str],
    start_date: date,
) -> glue.CfnTable:
    """Return a table over one of CloudTrail's folders.

    Raises:
        InvalidProps: A Region, an account or the organization id is not allowed.
    """
    given = table.table_input(
        bucket=bucket,
        prefix=prefix,
        organization_id=organization_id,
        accounts=accounts,
        regions=regions,
        start_date=start_date,
    )
    storage = given["StorageDescriptor"]
    return _add(
        scope,
        id,
        database,
        database_name,
        _Input(
            name=given["Name"],
            description=given["Description"],
            table_type=given["TableType"],
            partition_keys=_columns(given["PartitionKeys"]),
            parameters=given["Parameters"],
            storage_descriptor=_Storage(
                columns=_columns(storage["Columns"]),
                location=storage["Location"],
                input_format=storage["InputFormat"],
                output_format=storage["OutputFormat"],
                serde_info=_Serde(serialization_library=storage["SerdeInfo"]["SerializationLibrary"]),
            ),
        ),
    )


def make_view(
    scope: Construct,
    id: str,
    name: str,
    view: ViewDefinition,
    *,
    database: glue.CfnDatabase | None,
    table: glue.CfnTable,
) -> glue.CfnTable:
    """Return a view of Athena over a table."""
    columns = [{"Name": each.name, "Type": each.glue_type, "Comment": each.comment} for each in view.columns]
    made = _add(
        scope,
        id,
        database,
        view.database,
        _Input(
            name=name,
            table_type="VIRTUAL_VIEW",
            partition_keys=[],
            parameters=view.parameters,
            view_original_text=view.original_text,
            view_expanded_text=view.expanded_text,
            storage_descriptor=_Storage(columns=_columns(columns), location="", serde_info=_Serde()),
        ),
    )
    made.add_resource_dependency(table)
    return made


def _add(
    scope: Construct, id: str, database: glue.CfnDatabase | None, database_name: str, table_input: _Input
) -> glue.CfnTable:
    table = glue.CfnTable(
        scope, id, catalog_id=Stack.of(scope).account, database_name=database_name, table_input=table_input
    )
    # The name is a text, not a reference, so CloudFormation has to be told.
    if database is not None:
        table.add_resource_dependency(database)
    return table


def _columns(columns: Sequence[dict[str, Any]]) -> list[_Column]:
    return [_Column(name=each["Name"], type=each["Type"], comment=each["Comment"]) for each in columns]
