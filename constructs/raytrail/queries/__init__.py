"""The tables, the view and the saved queries as plain values: what the lake deploys and what the command line asks.

Each query is one file of SQL in ``raytrail/audit/queries``. Its statement takes Athena's execution parameters:

    query = saved_query("actor_hour")
    sql = query.render(table="cloudtrail_events", accounts=["111122223333"], regions=["eu-west-1"])
    literals = query.bind({"actor": "arn:aws:iam::111122223333:user/ana", "at": "2026-11-22T10:00:00Z"})
    athena.start_query_execution(QueryString=sql, ExecutionParameters=literals)

Nothing here needs the CDK, and nothing looks at the clock.
"""

from raytrail.queries._files import parse_query, saved_queries, saved_query
from raytrail.queries._model import SavedQuery
from raytrail.queries._parameters import QueryParameter
from raytrail.queries._tables import (
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
from raytrail.queries._view import EVENTS_VIEW, ViewColumn, ViewDefinition, view_definition

__all__ = [
    "CLOUDTRAIL_COLUMNS",
    "DIGESTS",
    "EVENTS",
    "EVENTS_VIEW",
    "INPUT_FORMAT",
    "INSIGHTS",
    "LAKE_TABLES",
    "NETWORK_ACTIVITY",
    "OUTPUT_FORMAT",
    "PARTITION_KEYS",
    "SERDE",
    "Column",
    "LakeTable",
    "QueryParameter",
    "SavedQuery",
    "ViewColumn",
    "ViewDefinition",
    "check_organization_id",
    "parse_query",
    "projection_parameters",
    "saved_queries",
    "saved_query",
    "table_location",
    "view_definition",
]
