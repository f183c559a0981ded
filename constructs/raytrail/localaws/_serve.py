"""The server's own process: ``python -m raytrail.localaws._serve CONFIG.json``.

A process of its own keeps ministack's module-level state, environment and threads out of the caller's, lets two
run side by side, and lets the owner end everything it started by ending one process group.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from raytrail.errors import RaytrailError
from raytrail.localaws._gateway import Gateway
from raytrail.localaws._world import LocalAwsConfig, World

PARTS: tuple[str, ...] = (
    "_s3",
    "_cloudtrail",
    "_events",
    "_logs",
    "_metrics",
    "_athena",
    "_xray",
    "_partners",
    "_functions",
    "_cloudformation",
)
"""The parts of the embedded AWS, in order of installation; the last wraps the resource types of the others."""

STOP_SECONDS = 2.0
"""How long started processes may take to end before they are killed, and this process with them."""


def main(config_path: str) -> int:
    """Serve until a signal, or until the owner (whose pipe is our standard input) is gone."""
    raw = json.loads(Path(config_path).read_text(encoding="utf-8"))
    config = LocalAwsConfig(**{**raw, "folder": Path(raw["folder"])})
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    world = World(config=config)
    try:
        for part in PARTS:
            importlib.import_module(f"raytrail.localaws.{part}").install(world)
        gateway = Gateway(world)
    except RaytrailError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    # Not asyncio.run: it waits for every task, and a stack in mid-deploy may wait for an hour.
    asyncio.new_event_loop().run_until_complete(_serve(world, gateway))
    for stop in reversed(world.on_stop):
        with contextlib.suppress(Exception):
            stop()
    _end_started_processes()
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that waits for an answer which can no longer come would hold the interpreter's own exit.
    os._exit(0)


async def _serve(world: World, gateway: Gateway) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    settings = Config()
    settings.bind = [f"127.0.0.1:{world.config.port}"]
    settings.loglevel = "WARNING"
    settings.keep_alive_timeout = 75
    settings.graceful_timeout = 1
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    threading.Thread(target=_watch_owner, args=(loop, stopping), daemon=True).start()
    server = asyncio.create_task(serve(gateway, settings, shutdown_trigger=stopping.wait))  # type: ignore[arg-type] # hypercorn ships no types
    await server


def _watch_owner(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    """An owner that dies without a word closes our standard input: stop then, and leave no orphan."""
    while os.read(0, 1024):
        pass
    loop.call_soon_threadsafe(stopping.set)


def _end_started_processes() -> None:
    """End what this process started and left running (functions' workers): they share its process group."""
    if os.getpgrp() != os.getpid():
        return  # the group is somebody else's
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgrp(), signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.02)
        except ChildProcessError:
            return
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
