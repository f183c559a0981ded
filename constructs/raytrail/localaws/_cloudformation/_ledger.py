"""Every resource that a stack ever created here, and whether it was emulated or only recorded."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from threading import Lock

from raytrail.localaws._cloudformation._recorded import recorded_types
from raytrail.localaws._world import Request, Response


@dataclass(kw_only=True, slots=True)
class Entry:
    """One resource of one stack."""

    stack: str
    logical_id: str
    type: str
    physical_id: str
    emulation: str
    """``emulated`` or ``recorded``."""
    reason: str
    """Why it is only recorded, in words; empty when it is emulated."""
    status: str
    """CloudFormation's status of the resource, such as ``CREATE_COMPLETE``."""


class Ledger:
    """The list of resources; its service answers ``GET /`` with it as JSON."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = Lock()  # custom resources report from threads of their own

    def record(self, *, stack: str, logical_id: str, type: str, physical_id: str, status: str) -> None:
        """Note what became of a resource: a physical id that is known changes its status, another is a new entry."""
        reason = recorded_types().get(type, "")
        with self._lock:
            entry = self._find(type, physical_id)
            if entry is not None and physical_id:
                entry.status = status
                return
            self._entries.append(
                Entry(
                    stack=stack,
                    logical_id=logical_id,
                    type=type,
                    physical_id=physical_id,
                    emulation="recorded" if reason else "emulated",
                    reason=reason,
                    status=status,
                )
            )

    def removed(self, *, type: str, physical_id: str, status: str) -> None:
        """Note a resource's deletion, or that it failed."""
        with self._lock:
            entry = self._find(type, physical_id)
            if entry is not None:
                entry.status = status

    def _find(self, type: str, physical_id: str) -> Entry | None:
        for entry in reversed(self._entries):
            if entry.type == type and entry.physical_id == physical_id and entry.status != "DELETE_COMPLETE":
                return entry
        return None

    async def answer(self, request: Request) -> Response:
        """The HTTP handler of the signing name ``raytrail-resources``."""
        if request.method != "GET":
            return 405, {"content-type": "application/json"}, b'{"message": "only GET is allowed"}'
        with self._lock:
            body = json.dumps([asdict(entry) for entry in self._entries])
        return 200, {"content-type": "application/json"}, body.encode()
