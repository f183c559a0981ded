"""The section of settings that says what nobody is told of, for now."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from raytrail._setting_events import Section
from raytrail._setting_types import AccountId

Tag = tuple[
    Annotated[str, Field(min_length=1, max_length=128)],
    Annotated[str, Field(max_length=256)],
]
"""Key and value of a tag."""


class SuppressionSettings(Section):
    """Alerts that nobody is told of until a day: they are logged and counted all the same."""

    until: date = Field(description="The last day on which it is in force, in UTC.")
    reason: str = Field(min_length=1, max_length=300, description="Why, for those who read it later.")
    detection: str | None = Field(None, description="The detection's name, as access_key_created. Default: all.")
    actor: str | None = Field(
        None, description="ARN of a role, user or session, with * and ? as wildcards. Default: anybody."
    )
    account: AccountId | None = Field(None, description="The account in which it happens. Default: any.")
    tag: Tag | None = Field(
        None, description="Key and value of a tag on the role or user that calls, of this account. Default: any."
    )

    @model_validator(mode="after")
    def _somebody_is_named(self) -> Self:
        if self.actor is None and self.account is None and self.tag is None:
            raise PydanticCustomError("nobody_named", "should name an actor, an account or a tag")
        return self
