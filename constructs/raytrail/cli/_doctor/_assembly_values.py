"""What a value of a template comes to before it is deployed: text, where nothing but the place has a say in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Where:
    """An account and Region, with what pseudo parameters stand for there.

    Attributes:
        account: The account id.
        region: The Region.
        partition: As aws, aws-cn or aws-us-gov.
    """

    account: str
    region: str
    partition: str

    @property
    def pseudo(self) -> Mapping[str, str]:
        """CloudFormation's pseudo parameters."""
        china = self.partition == "aws-cn"
        return {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": self.partition,
            "AWS::URLSuffix": "amazonaws.com.cn" if china else "amazonaws.com",
        }

    def filled(self, text: str) -> str:
        """``text`` with the pseudo parameters in it, as ``${AWS::Region}``, filled in."""
        return _PLACEHOLDER.sub(lambda found: self.pseudo.get(found[1], found[0]), text)

    def text(self, value: Any) -> str | None:
        """What a value comes to; None where a resource, a parameter or another stack has a say in it."""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str | int | float):
            return str(value)
        match value:
            case {"Ref": str(name)}:
                return self.pseudo.get(name)
            case {"Fn::Sub": str(text)}:
                filled = self.filled(text)
                return None if _PLACEHOLDER.search(filled) else filled.replace("${!", "${")
            case {"Fn::Join": [str(between), list(parts)]}:
                texts = [self.text(part) for part in parts]
                return None if None in texts else between.join(text for text in texts if text is not None)
        return None


def below(value: Any, *path: str) -> Any:
    """The member of nested objects at ``path``; None where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def items(value: Any) -> list[Any]:
    """A list as it is; nothing as an empty one, and anything else, such as an intrinsic function, as an empty one."""
    return list(value) if isinstance(value, list) else []
