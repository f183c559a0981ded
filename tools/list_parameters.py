"""Writes constructs/raytrail/sigma/arrays.txt: the parameters of AWS's APIs that are lists wherever they are.

In lower case, since CloudTrail writes some names otherwise than the models: ``dBSecurityGroups``.

Run it again when botocore has new services: ``python -m tools.list_parameters``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import botocore.loaders

TABLE = Path(__file__).parents[1] / "constructs" / "raytrail" / "sigma" / "arrays.txt"


def main() -> None:
    """Write the table, from every model that botocore has."""
    lists: set[str] = set()
    others: set[str] = set()
    for name, is_list in members(botocore.loaders.Loader().list_available_services("service-2")):
        (lists if is_list else others).add(name)
    TABLE.write_text("".join(f"{name}\n" for name in sorted(lists - others)), encoding="utf-8")


def members(services: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Every parameter of the services' calls, at any depth, in lower case; and whether it is a list."""
    loader = botocore.loaders.Loader()
    for service in services:
        model = loader.load_service_model(service, "service-2")
        waiting = [operation["input"]["shape"] for operation in model["operations"].values() if "input" in operation]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            shape: dict[str, Any] = model["shapes"][name]
            for member, below in shape.get("members", {}).items():
                yield member.lower(), model["shapes"][below["shape"]]["type"] == "list"
            inner = [*shape.get("members", {}).values(), shape.get("member"), shape.get("value")]
            waiting += [below["shape"] for below in inner if below is not None]


if __name__ == "__main__":
    main()
