"""The one place that touches ministack's private names.

ministack is extended from outside and never patched on disk. Whoever needs one of its private functions asks
for it here by name, so that a version that lacks it ends the start with a sentence instead of a wrong answer
later.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from typing import Any

from raytrail.errors import MissingHook

MINISTACK_VERSION = "1.5.33"


def hook(path: str) -> Any:
    """Return what stands at ``package.module:name`` (dots in the name descend into attributes).

    Raises:
        MissingHook: the installed ministack has no such name.
    """
    module_name, _, attribute = path.partition(":")
    try:
        found = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        installed = importlib.metadata.version("ministack")
        raise MissingHook(
            f"ministack {installed} has no {path}, which the embedded AWS extends; "
            f"install ministack=={MINISTACK_VERSION} (pip install 'raytrail[local]')"
        ) from error
    return found


def wrap(path: str, make: Callable[[Any], Any]) -> None:
    """Put ``make(original)`` where ``package.module:name`` stands.

    Raises:
        MissingHook: the installed ministack has no such name.
    """
    original = hook(path)
    module_name, _, attribute = path.partition(":")
    owner: Any = importlib.import_module(module_name)
    *parents, last = attribute.split(".")
    for part in parents:
        owner = getattr(owner, part)
    setattr(owner, last, make(original))
