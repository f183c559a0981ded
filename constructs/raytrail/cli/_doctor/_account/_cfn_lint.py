"""What cfn-lint carries of CloudFormation and IAM: read as data, for its modules cost seconds to import.

It comes with the extra ``local``; without it nothing is known here.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from raytrail.cli._doctor._assembly_values import below


def carried_schema(type: str, region: str) -> Mapping[str, Any] | None:
    """CloudFormation's schema of a resource type in a Region; None without cfn-lint, or where it has none."""
    name = (_json(f"schemas/providers/{region}.json") or _json("schemas/providers/us-east-1.json") or {}).get(type)
    return _json(f"schemas/resources/{name}.json") if name else None


def is_action(service: str, action: str) -> bool:
    """Whether IAM has an action: some schemas name events of S3, or what was planned once. Without cfn-lint, yes."""
    known = _json("AdditionalSpecs/Policies.json")
    return known is None or action.lower() in (below(known, service, "Actions") or {})


@cache
def _json(path: str) -> Mapping[str, Any] | None:
    spec = importlib.util.find_spec("cfnlint")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(location) / "data" / path
        if file.is_file():
            found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return found
    return None
