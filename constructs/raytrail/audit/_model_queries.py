"""The saved queries, by the name that this room gives them: they live in `raytrail.queries`, which needs no CDK."""

from __future__ import annotations

from raytrail.queries import QueryParameter, SavedQuery, parse_query, saved_queries, saved_query

__all__ = ["QueryParameter", "SavedQuery", "parse_query", "saved_queries", "saved_query"]
