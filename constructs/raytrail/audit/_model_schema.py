"""The shape of the lake's tables, under the name that it has in this room: see `raytrail.queries`."""

from raytrail.queries import (
    CLOUDTRAIL_COLUMNS,
    DIGESTS,
    EVENTS,
    INPUT_FORMAT,
    INSIGHTS,
    LAKE_TABLES,
    NETWORK_ACTIVITY,
    OUTPUT_FORMAT,
    PARTITION_KEYS,
    SERDE,
    Column,
    LakeTable,
    check_organization_id,
    projection_parameters,
    table_location,
)

__all__ = [
    "CLOUDTRAIL_COLUMNS",
    "DIGESTS",
    "EVENTS",
    "INPUT_FORMAT",
    "INSIGHTS",
    "LAKE_TABLES",
    "NETWORK_ACTIVITY",
    "OUTPUT_FORMAT",
    "PARTITION_KEYS",
    "SERDE",
    "Column",
    "LakeTable",
    "check_organization_id",
    "projection_parameters",
    "table_location",
]
