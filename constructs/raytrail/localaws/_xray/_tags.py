"""Tags of groups and sampling rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raytrail.localaws._xray._errors import ResourceNotFound, TooManyTags

MAX_TAGS = 50


class Tags:
    """Tags by ARN; ``known`` tells which ARNs there are."""

    def __init__(self, known: Callable[[str], bool]) -> None:
        self._known = known
        self._tags: dict[str, dict[str, str]] = {}

    def tag(self, asked: dict[str, Any]) -> dict[str, Any]:
        """TagResource."""
        tags = self._of(asked) | {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
        if len(tags) > MAX_TAGS:
            raise TooManyTags(f"A resource can have up to {MAX_TAGS} tags.")
        self._tags[asked["ResourceARN"]] = tags
        return {}

    def untag(self, asked: dict[str, Any]) -> dict[str, Any]:
        """UntagResource."""
        kept = {key: value for key, value in self._of(asked).items() if key not in asked["TagKeys"]}
        self._tags[asked["ResourceARN"]] = kept
        return {}

    def list_all(self, asked: dict[str, Any]) -> dict[str, Any]:
        """ListTagsForResource, in one page."""
        return {"Tags": [{"Key": key, "Value": value} for key, value in self._of(asked).items()]}

    def forget(self, arn: str) -> None:
        """Drop the tags of a resource that is gone."""
        self._tags.pop(arn, None)

    def _of(self, asked: dict[str, Any]) -> dict[str, str]:
        arn = asked["ResourceARN"]
        if not self._known(arn):
            raise ResourceNotFound(f"Resource not found: {arn}")
        return self._tags.get(arn, {})
