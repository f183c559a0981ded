"""Functions of ministack that other parts wrap after us."""

from __future__ import annotations

from typing import Any

from raytrail.localaws._hooks import hook


class Late:
    """A function of ministack, checked when made and looked up at each call.

    What another part puts in its place later (metric filters around PutLogEvents, metrics around SendMessage) is
    then what is called.

    Raises:
        MissingHook: When made, the installed ministack has no such name.
    """

    def __init__(self, path: str) -> None:
        hook(path)
        self._path = path

    def __call__(self, *args: Any) -> Any:
        """Call what stands there now."""
        return hook(self._path)(*args)
