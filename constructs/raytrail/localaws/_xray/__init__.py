"""X-Ray: traces, groups, sampling rules, and the segments that API Gateway records.

What it emulates: the API operations listed in `_region`, with the errors of their models; filter expressions in
GetTraceSummaries, in groups and in the graph of a group; the OTLP endpoint ``/v1/traces``; a daemon on UDP for each
account and Region, for segment documents and for OTLP; the sampling of REST API stages by the sampling rules;
encryption keys and the switch of Transaction Search as far as their checks and states; the resource types
``AWS::XRay::Group``, ``SamplingRule``, ``ResourcePolicy`` and ``TransactionSearchConfig``. What a trace is, which
segments are inferred and what a filter expression selects is `raytrail.traces`.

What it is held against: botocore's model for each request and answer; CloudFormation's schemas for identifiers and
attributes; the segment document format of the X-Ray developer guide, the JSON schema that AWS publishes for it, and
the example documents that it and the API Gateway developer guide print; the trace and the service graph that the
developer guide prints; the tests of the collector's ``awsxray`` exporter for what spans become; spans of the real
OpenTelemetry distribution.

Known to differ from AWS:
    - Groups get no metrics (AWS is said to publish ``ApproximateTraceCount``) and no insights; a group's graph is made
      of its present expression, also for the time before ``ContainsOldGroupVersions`` says that it changed.
    - A group of a wrong expression is refused; AWS does not say whether it is, or only when the group is used.
      An expression that AWS leaves ambiguous (AND and OR on one level) is refused everywhere.
    - Of the strategies to sample summaries, ``PartialScan`` is refused. How X-Ray finds root causes it
      does not say; `raytrail.traces.root_causes` says how they are found here.
    - Response times and durations of a node are both those of its segments; an edge of type ``link`` is made of the
      span links of a segment, which AWS does not describe.
    - X-Ray translates OTLP by rules that it does not publish; those of the collector's exporter stand for them, with
      the newer names of database attributes besides. The exporter's check of the time in a trace ID is left out.
    - A segment that an AWS service would send carries the metadata ``raytrail.emulated``.
    - X-Ray's wording of errors is ours where AWS prints none. That a destination which X-Ray may not write to is
      refused with ``AccessDeniedException`` is what users report; the API's model lists no such error.
    - Nothing expires after 30 days; traces appear at once; settings take a second to be in force where AWS needs
      minutes; nothing is encrypted, and resource policies of X-Ray and sampling boosts are kept and not acted on.
    - With Transaction Search on, every trace is indexed, and none is written to the log group ``aws/spans``, whose
      format AWS does not publish.
    - Time series of services, insights and trace retrievals are refused by name.
"""

from raytrail.localaws._world import World
from raytrail.localaws._xray import _api_gateway, _cloudformation
from raytrail.localaws._xray._api_gateway import EMULATED
from raytrail.localaws._xray._causes import exceptions as causes
from raytrail.localaws._xray._documents import Document
from raytrail.localaws._xray._header import TraceHeader, incoming, new_segment_id, new_trace_id
from raytrail.localaws._xray._region import RegionalXRay
from raytrail.localaws._xray._sampling import Allowance
from raytrail.localaws._xray._service import XRay

__all__ = [
    "EMULATED",
    "Allowance",
    "Document",
    "RegionalXRay",
    "TraceHeader",
    "XRay",
    "causes",
    "incoming",
    "install",
    "new_segment_id",
    "new_trace_id",
]


def install(world: World) -> None:
    """Serve X-Ray, and let REST APIs and CloudFormation use it."""
    xray = XRay()
    world.services["xray"] = xray
    world.on_stop.append(xray.close)
    _api_gateway.install(xray)
    _cloudformation.install(xray)
