"""X-Ray: traces, groups, sampling rules, and the segments that API Gateway records.

What it emulates: the API operations listed in `_region`, with the errors of their models; the OTLP endpoint
``/v1/traces``; a daemon on UDP for each account and Region, for segment documents and for OTLP; the sampling of REST
API stages by the sampling rules; the resource types ``AWS::XRay::Group``, ``SamplingRule``, ``ResourcePolicy`` and
``TransactionSearchConfig``.

What it is held against: botocore's model for each request and answer; CloudFormation's schemas for identifiers and
attributes; the segment document format of the X-Ray developer guide and the example documents that it and the API
Gateway developer guide print; spans of the real OpenTelemetry distribution.

Known to differ from AWS: filter expressions are refused, not evaluated; groups get no metrics and no insights; a
segment that an AWS service would send carries the metadata ``raytrail.emulated``; X-Ray's wording of errors is ours
where AWS prints none; nothing expires after 30 days; traces appear at once; with Transaction Search on, every
trace is indexed and none is written to the log group ``aws/spans``; encryption, resource policies and sampling
boosts are kept and not acted on; SQL blocks and span links are not made from spans.
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
