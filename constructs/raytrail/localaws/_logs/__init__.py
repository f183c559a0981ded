"""CloudWatch Logs: filter patterns, metrics out of log events, and Logs Insights.

Emulated:
    - Filter patterns (terms, JSON, space-delimited, regex) in metric filters, FilterLogEvents, subscription filters and
      TestMetricFilter.
    - Metric filters and embedded metrics (EMF) on every stored log event, whoever writes it; AWS/Logs metrics.
    - Logs Insights: fields, display, filter, stats, sort, limit, parse and dedup, with the functions that AWS documents
      for them; discovered fields of JSON and of Lambda's lines. Any other command or function is refused.
    - Saved queries (PutQueryDefinition and so on) and AWS::Logs::QueryDefinition.
    - The log class INFREQUENT_ACCESS refuses metric filters, subscription filters, FilterLogEvents and GetLogEvents.

Held against: the examples that AWS prints for filter patterns and Logs Insights, the example and the rules of the EMF
specification (the tests name each page), and botocore's model of CloudWatch Logs (shapes).

Known to differ from AWS:
    - A query is complete when StartQuery answers; queries in SQL and PPL, and the commands pattern, diff, unnest,
      unmask, filterIndex, lookup, anomaly and SOURCE are refused.
    - In filter patterns a comparison with a missing field fails, with != too; in Logs Insights, != holds for one. AWS
      documents neither.
    - Numbers that a query calculates have at most four decimals; percentiles are exact and interpolated.
    - A metric filter with a default value sends it for each log event that does not match.
    - Transformers, field indexes and data protection are not emulated; what a metric filter says of them is kept only.
"""

from raytrail.localaws._logs import _metric_filters, _resources
from raytrail.localaws._logs._api import LogsApi
from raytrail.localaws._logs._insights_api import InsightsQueries, QueryDefinitions
from raytrail.localaws._metrics._emitter import Emitter
from raytrail.localaws._metrics._store import MetricStore
from raytrail.localaws._world import World


def install(world: World) -> None:
    """Add this part to the embedded AWS."""
    api, store = LogsApi(), MetricStore()
    _metric_filters.install(api, store, Emitter(store))
    queries, definitions = InsightsQueries(), QueryDefinitions()
    api.replace("_start_query", queries.start_query)
    api.add("DescribeQueries", queries.describe_queries)
    api.add("PutQueryDefinition", definitions.put)
    api.add("DescribeQueryDefinitions", definitions.describe)
    api.add("DeleteQueryDefinition", definitions.delete)
    _resources.install(definitions)
