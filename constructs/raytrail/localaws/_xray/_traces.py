"""What X-Ray keeps: the documents of each trace as they arrived. What they make together is a `Trace`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from raytrail.localaws._xray._documents import Document, UnfitDocument, check
from raytrail.traces import Trace

logger = logging.getLogger(__name__)


class Traces:
    """The documents of one account and Region. Safe for threads: datagrams and requests arrive side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._documents: dict[str, dict[str, Document]] = {}
        self._made: dict[str, Trace] = {}

    def put(self, *documents: Document) -> UnfitDocument | None:
        """Keep documents; a complete one replaces its in-progress fragment, never the other way.

        Whoever sends them, each is held against the format, since one that breaks it would break each later look at
        the traces. If one does, none is kept; the answer says why, and so does the log.
        """
        try:
            for document in documents:
                check(document)
        except UnfitDocument as unfit:
            logger.warning("X-Ray dropped the document %s (%s): %s", unfit.id, document.get("name"), unfit.reason)
            return unfit
        with self._lock:
            for document in documents:
                self._keep(document["trace_id"], document["id"], document)
        return None

    def _keep(self, trace_id: str, id: str, document: Document) -> None:
        documents = self._documents.setdefault(trace_id, {})
        earlier = documents.get(id)
        if earlier is None or "end_time" in document or "end_time" not in earlier:
            documents[id] = document
            self._made.pop(trace_id, None)

    def get(self, id: str) -> Trace | None:
        """The trace with this ID, or None."""
        with self._lock:
            if id not in self._documents:
                return None
            if id not in self._made:
                self._made[id] = Trace.from_documents(self._documents[id].values())
            return self._made[id]

    def select(self, chosen: Callable[[Trace], bool]) -> list[Trace]:
        """The traces that are chosen, the oldest first."""
        return sorted(filter(chosen, self._all()), key=lambda trace: (trace.start, trace.id))

    def _all(self) -> Iterator[Trace]:
        with self._lock:
            ids = list(self._documents)
        for id in ids:
            trace = self.get(id)
            if trace:
                yield trace
