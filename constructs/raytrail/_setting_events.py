"""The sections of settings that say which events the kit's trail records beside management events."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from raytrail._setting_types import DISTINCT, ApiName, Arn, EndpointId, EventSource, ResourceType


class Section(BaseModel):
    """What each section of the settings is: strict, and closed to unknown keys."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DataEventsSettings(Section):
    """Calls that read or change what some resources hold, billed by event."""

    resource_type: ResourceType = Field(description="The type of the resources, one that has data events.")
    arns: Annotated[tuple[Arn, ...], DISTINCT] = Field((), description="Whole ARNs of the resources.")
    arn_prefixes: Annotated[tuple[Arn, ...], DISTINCT] = Field(
        (), description="How ARNs of the resources begin; of a bucket's objects, with the slash after its name."
    )
    without_arn_prefixes: Annotated[tuple[Arn, ...], DISTINCT] = Field(
        (), description="How ARNs begin that are left out."
    )
    all_of_type: bool = Field(
        False, description="Whether every resource of the type is recorded, now and later: look at the bill."
    )
    read_only: bool | None = Field(None, description="Reads alone (true) or writes alone (false). Default: both.")
    event_names: Annotated[tuple[ApiName, ...], DISTINCT] = Field(
        (), description="API calls to record, as PutObject; default: all."
    )

    @model_validator(mode="after")
    def _everything_is_asked_for_in_so_many_words(self) -> Self:
        named = bool(self.arns or self.arn_prefixes)
        if self.all_of_type and named:
            raise PydanticCustomError("named_and_all", "should name resources or set all_of_type, and not both")
        if not self.all_of_type and not named:
            raise PydanticCustomError(
                "nothing_named",
                "should name resources by arns or arn_prefixes, or say all_of_type: data events are billed one by one",
            )
        return self


class NetworkActivitySettings(Section):
    """Calls through VPC endpoints to one service, billed by event."""

    event_source: EventSource = Field(description="The service that is called through endpoints.")
    denied_only: bool = Field(False, description="Whether only calls are recorded that the endpoint's policy refused.")
    event_names: Annotated[tuple[ApiName, ...], DISTINCT] = Field(
        (), description="API calls to record, as PutObject; default: all."
    )
    vpc_endpoint_ids: Annotated[tuple[EndpointId, ...], DISTINCT] = Field(
        (), description="Endpoints whose calls are recorded; default: all."
    )


class InsightsSettings(Section):
    """Unusual rates of calls or of errors, as CloudTrail finds them."""

    call_rate: bool = Field(True, description="Whether CloudTrail looks at the rate of calls.")
    error_rate: bool = Field(True, description="Whether CloudTrail looks at the rate of errors.")
    on: Annotated[tuple[Literal["Management", "Data"], ...], DISTINCT] = Field(
        ("Management",), min_length=1, description="The kinds of events that it looks at: Management, Data."
    )

    @model_validator(mode="after")
    def _something_is_looked_at(self) -> Self:
        if not (self.call_rate or self.error_rate):
            raise PydanticCustomError(
                "nothing_looked_at", "should have call_rate, error_rate or both; leave insights out to have none"
            )
        return self
