"""The functions that a query may call, each with the page that documents it.

Athena engine version 3 takes its functions from Trino
(https://docs.aws.amazon.com/athena/latest/ug/functions-env3.html). DuckDB, which executes the queries here, knows
hundreds of others: a name that is not in this table is refused, even where Trino has it, so that a query that runs
here runs there. Every name in the table is executed by a test whose expected value follows from its page.
"""

from __future__ import annotations

_PAGE = "https://trino.io/docs/current/functions/{}.html"

_NAMES = {
    "aggregate": (
        "any_value approx_distinct arbitrary array_agg avg bool_and bool_or count count_if every max max_by min min_by "
        "sum"
    ),
    "array": (
        "all_match any_match array_distinct array_join array_max array_min array_position array_sort cardinality "
        "contains element_at filter flatten none_match sequence slice transform"
    ),
    "conditional": "coalesce if nullif",
    "conversion": "cast try_cast",
    "datetime": (
        "date date_add date_diff date_format date_parse date_trunc day day_of_week extract from_iso8601_date "
        "from_iso8601_timestamp from_unixtime hour minute month now second to_iso8601 to_unixtime year"
    ),
    "comparison": "greatest least",
    "json": (
        "json_array_contains json_array_length json_extract json_extract_scalar json_format json_parse json_query "
        "json_size"
    ),
    "map": "map map_keys map_values",
    "math": "abs ceil ceiling floor mod power round sqrt",
    "regexp": "regexp_extract regexp_like regexp_replace",
    "string": (
        "concat concat_ws length lower lpad ltrim replace reverse rpad rtrim split split_part starts_with strpos "
        "substr substring trim upper"
    ),
    "window": "dense_rank first_value lag last_value lead rank row_number",
}

FUNCTIONS: dict[str, str] = {name: _PAGE.format(page) for page, names in _NAMES.items() for name in names.split()}
"""Name, in lower case, to the page that documents it."""

_TYPES = (
    "array bigint boolean char date decimal double int integer ipaddress json map real row smallint time timestamp "
    "tinyint varbinary varchar"
)
TYPES = frozenset(_TYPES.split())
"""Names that a cast may convert to. https://docs.aws.amazon.com/athena/latest/ug/data-types.html"""
