"""How a query ends badly, in Athena's words."""

from __future__ import annotations

from raytrail.errors import RaytrailError


class Malformed(RaytrailError):
    """StartQueryExecution refuses the statement: it is not Athena SQL."""


class QueryFailed(RaytrailError):
    """The execution ends as FAILED; the message is its StateChangeReason."""


class QueryCancelled(RaytrailError):
    """The execution ends as CANCELLED; the message is its StateChangeReason."""
