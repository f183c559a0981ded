"""X-Ray groups and sampling rules."""

from raytrail.tracing._groups import TraceGroup
from raytrail.tracing._model import SamplingRule
from raytrail.tracing._sampling import SamplingRules

__all__ = ["SamplingRule", "SamplingRules", "TraceGroup"]
