"""What pydantic says of a wrong setting, in sentences for a person."""

from __future__ import annotations

import difflib
import json
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from raytrail._setting_types import IN_WORDS

_LONGEST_VALUE = 80
"""Characters of a wrong value that a sentence repeats."""

_BOUNDS = {Gt: ("gt", "above"), Ge: ("ge", "at least"), Lt: ("lt", "below"), Le: ("le", "at most")}
_OUT_OF_RANGE = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}


def sentences(error: ValidationError, settings: type[BaseModel]) -> list[str]:
    """Return a sentence for each wrong setting.

    Each has the path of the key, the value got, what is allowed, and the nearest known name where that may help.

    Args:
        error: What pydantic says.
        settings: The model that refused.
    """
    problems = error.errors(include_url=False)
    # Pydantic calls a list too short for the items that it refused: they have sentences of their own.
    with_wrong_items = {problem["loc"][:-1] for problem in problems if problem["loc"]}
    return [
        _sentence(problem, settings)
        for problem in problems
        if not (problem["type"] == "too_short" and problem["loc"] in with_wrong_items)
    ]


def _sentence(problem: Any, settings: type[BaseModel]) -> str:
    location = [str(part) for part in problem["loc"]]
    path = ".".join(location)
    if problem["type"] == "extra_forbidden":
        *section, unknown = location
        known = sorted(_fields(settings, _without_places(section)))
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f"; did you mean {'.'.join([*section, close[0]])}?" if close else ""
        return f"{path}: unknown key, got {_shown(problem['input'])}{hint} (known here: {', '.join(known)})"
    field = _field(settings, location)
    about = f" ({_begun_small(field.description.rstrip('.'))})" if field and field.description else ""
    if problem["type"] == "missing":
        return f"{path}: needs a value{about}"
    return f"{path}: got {_shown(problem['input'])}; {_allowed(problem, field)}{about}"


def _allowed(problem: Any, field: FieldInfo | None) -> str:
    if problem["type"] == "string_pattern_mismatch":
        return f"should be {IN_WORDS[problem['ctx']['pattern']]}"
    if problem["type"] in _OUT_OF_RANGE and field:
        bounds = [
            f"{words} {getattr(limit, name)}"
            for limit in field.metadata
            for kind, (name, words) in _BOUNDS.items()
            if isinstance(limit, kind)
        ]
        return f"should be {' and '.join(bounds)}"
    # "Input should be a valid integer", "String should have at most 20 characters"
    message: str = problem["msg"]
    return message[message.find("should") :].partition(" after validation")[0]


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _begun_small(text: str) -> str:
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _field(settings: type[BaseModel], location: list[str]) -> FieldInfo | None:
    """The field at a location; that of the list, for one of its items."""
    *section, name = _without_places(location) or [""]
    return _fields(settings, section).get(name)


def _without_places(location: list[str]) -> list[str]:
    """A location without the places in lists."""
    return [part for part in location if not part.isdigit()]


def _fields(settings: type[BaseModel], section: list[str]) -> dict[str, FieldInfo]:
    model = settings
    for part in section:
        model = next(
            candidate
            for candidate in (model.model_fields[part].annotation, *get_args(model.model_fields[part].annotation))
            if isinstance(candidate, type) and issubclass(candidate, BaseModel)
        )
    return model.model_fields
