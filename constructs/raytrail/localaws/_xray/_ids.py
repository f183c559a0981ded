"""How a node of the service graph is called in answers of the API."""

from __future__ import annotations

from typing import Any

from raytrail.localaws._xray._documents import Document


def service_type(segment: Document) -> str | None:
    """The kind of a segment's node: its origin, ``remote`` when it was inferred from an HTTP call."""
    origin: str | None = segment.get("origin")
    return origin or ("remote" if segment.get("inferred") else None)


def service_id(segment: Document, account_id: str) -> dict[str, Any]:
    """A segment's node as a ``ServiceId``."""
    found = {"Name": segment["name"], "Names": [segment["name"]], "AccountId": account_id}
    type_ = service_type(segment)
    return found | ({"Type": type_} if type_ else {})
