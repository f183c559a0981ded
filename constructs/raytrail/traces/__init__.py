"""What a trace is, and the language that selects traces: plain values.

A filter is written as X-Ray writes it, or built:

    parse_filter('service("orders") { fault } AND responsetime > 5')
    service("orders").fault & (response_time > 5)

Its text goes to X-Ray, as the expression of a group; `Filter.matches` asks a trace that one has. Parts that are put
together carry ``&``, ``|`` and ``~``. The language is that of
https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html; what it leaves open is decided at the head
of `raytrail.traces._filter_model` (writing), ``_filter_grammar`` (reading) and ``_filter_match`` (meaning).
"""

from raytrail.errors import InvalidFilter
from raytrail.traces._filter_blocks import ServiceId
from raytrail.traces._filter_build import (
    annotation,
    availability_zone,
    destination,
    duration,
    edge,
    element,
    error,
    fault,
    group,
    http,
    inferred,
    instance_id,
    ok,
    partial,
    resource_arn,
    response_time,
    root_cause,
    service,
    service_id,
    source,
    throttle,
    user,
)
from raytrail.traces._filter_grammar import as_filter, parse_filter
from raytrail.traces._filter_model import Filter
from raytrail.traces._root_causes import root_causes
from raytrail.traces._service_map import Edge, ServiceNode
from raytrail.traces._span import Span
from raytrail.traces._trace import Trace

__all__ = [
    "Edge",
    "Filter",
    "InvalidFilter",
    "ServiceId",
    "ServiceNode",
    "Span",
    "Trace",
    "annotation",
    "as_filter",
    "availability_zone",
    "destination",
    "duration",
    "edge",
    "element",
    "error",
    "fault",
    "group",
    "http",
    "inferred",
    "instance_id",
    "ok",
    "parse_filter",
    "partial",
    "resource_arn",
    "response_time",
    "root_cause",
    "root_causes",
    "service",
    "service_id",
    "source",
    "throttle",
    "user",
]
