"""The handler of a function whose errors are reported: ``raytrail_runtime.entry.handler``.

It is the handler that ``RAYTRAIL_HANDLER`` names, within ``report_errors``. That handler is imported when this module
is, so that Lambda does it while it prepares the environment, and a module that cannot be imported is reported too.
"""

from __future__ import annotations

import os
from importlib import import_module

from raytrail_runtime.errors import Handler, report, report_errors

VARIABLE = "RAYTRAIL_HANDLER"


def load(path: str) -> Handler:
    """Import a handler by the path that Lambda takes: ``app.handler`` or ``folder/app.handler``.

    Raises:
        ValueError: The path names no function in a module.
        ImportError, AttributeError: There is no such module, or no such function in it.
    """
    module, dot, name = path.rpartition(".")
    if not (module and dot and name):
        raise ValueError(f"{VARIABLE} is the function's own handler, as app.handler, got {path!r}")
    found: Handler = getattr(import_module(module.replace("/", ".")), name)
    return found


try:
    handler = report_errors(load(os.environ.get(VARIABLE, "")))
except Exception as error:
    report(error)
    raise
