"""Partners: stand-ins for what functions send their telemetry to outside AWS.

What it stands in for: Honeycomb's OTLP endpoint (``api.honeycomb.io``, ``api.eu1.honeycomb.io``: traces, metrics and
logs by HTTP, in protobuf or JSON, plain or gzip, with the key in ``x-honeycomb-team``); Rollbar's API for new items
(``api.rollbar.com``); and any OTLP collector that asks for no key (``otlp``). Each listens below ``/_partners/HOST``
on the emulator's own port. A function reaches them because the addresses in its environment are changed when its
process starts, as `reroute` says; the configuration that Lambda keeps stays as it was given. The signing name
``raytrail-partners`` tells what came in, and makes a partner slow, down, or deaf to a key, as `_admin` says.

What it is held against: the messages of OpenTelemetry's protocol, and the OpenTelemetry SDK's exporters as senders;
the checks of husky, the library that Honeycomb's own ingest is written with
(https://github.com/honeycombio/husky/tree/main/otlp); the data format and the response codes that Rollbar documents
(https://docs.rollbar.com/reference/create-item), and the ``rollbar`` package as sender.

Known to differ: no key is known to be wrong, so any is taken (the fault ``unauthorized`` shows what a wrong one
does); nothing is stored beyond the newest thousand requests, sampled, limited or billed; Honeycomb's gRPC, its events
API and zstd are not spoken; the words of a refusal are ours where the partner prints none; there is no TLS, so a
certificate is never checked. Nothing in a function sends Prometheus remote write, so nobody stands in for it.
"""

from __future__ import annotations

from raytrail.localaws._hooks import wrap
from raytrail.localaws._partners._admin import Admin
from raytrail.localaws._partners._front import Front
from raytrail.localaws._partners._inbox import Inbox
from raytrail.localaws._partners._routes import reroute
from raytrail.localaws._world import World

__all__ = ["install", "reroute"]

SIGNING_NAME = "raytrail-partners"
"""The service of the credential scope under which what was received can be read."""


def install(world: World) -> None:
    """Put the stand-ins before ministack's own routes, and tell of them under a signing name."""
    inbox = Inbox()
    world.services[SIGNING_NAME] = Admin(inbox)
    wrap("ministack.app:app", lambda inner: Front(inner, inbox))
