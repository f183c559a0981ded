"""What is known of a place where rules run, and what there keeps the events of one call from a rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from raytrail.errors import InvalidProps
from raytrail.sigma._model import Call, Engine
from raytrail.sigma._reach_calls import covers, data_types, dated_name, home_of, only_data, read_only
from raytrail.sigma._reach_demands import Demands

Recorded = Literal["all", "write", "read", "none"]
"""Which management events."""

GLOBAL_REGION = "us-east-1"
"""Where most global services are, and where a forwarder brings their events from."""

_OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-")


@dataclass(frozen=True, kw_only=True, slots=True)
class Vantage:
    """What is known where rules run. None: not known, and then no rule is called dead for it.

    Raises:
        InvalidProps: Management events or forwarded ones are none of the words for them.
    """

    region: str | None = None
    """Region of the EventBridge rules. Athena sees every Region that the lake's tables show. Default: not known."""
    forwarded: Literal["all", "write", "none"] | None = None
    """Which events of global services a forwarder in us-east-1 brings to the Region; in us-east-1 nobody asks. Default:
    not known."""
    management: Recorded | None = None
    """Which management events the trails of the account record, together. Default: not known."""
    excluded_sources: frozenset[str] | None = None
    """Sources whose management events no trail records, as ``kms.amazonaws.com``; empty: none is left out. Default: not
    known."""
    data: frozenset[str] | None = None
    """Resource types whose data events a trail records, as ``AWS::S3::Object``; of some resources is enough. Default:
    not known."""
    network: frozenset[str] | None = None
    """Sources whose network activity a trail records. Default: not known."""
    insights: bool | None = None
    """Whether a trail looks for unusual rates of calls or errors. Default: not known."""

    def __post_init__(self) -> None:
        for name, value, words in (
            ("management", self.management, ("all", "write", "read", "none")),
            ("forwarded", self.forwarded, ("all", "write", "none")),
        ):
            if value is not None and value not in words:
                raise InvalidProps(f"{name} of a vantage is one of {', '.join(words)}, or None, got {value!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Obstacle:
    """One thing that keeps events from a rule, and what would let them through."""

    need: str
    """For programs: ``management``, ``reads``, ``writes``, ``source:kms.amazonaws.com``, ``data:AWS::S3::Object``,
    ``network:s3.amazonaws.com``, ``insights``, ``global``, ``global-reads``, ``region:us-west-2``,
    ``name:UpdateFunctionCode20150331v2``, ``kind``, ``table`` or ``engine``."""
    missing: str
    """What is missing, in words."""
    remedy: str
    """Which setting would let it."""
    calls: tuple[Call, ...] = ()
    """The calls that it keeps away. Default: all of the rule's."""

    def __str__(self) -> str:
        """Both in a sentence."""
        return f"{self.missing}; {self.remedy}"


def obstacles_of(
    call: Call, demands: Demands, calls: Iterable[Call], vantage: Vantage, engine: Engine
) -> Iterator[Obstacle]:
    """What stops ``call``: nothing, if any kind of event that it may be arrives."""
    if dated := _missing_date(call, calls):
        yield dated
        return
    ways = list(_ways(call, demands, vantage, engine))
    if not all(ways):
        return
    yield from (way[0] for way in ways)
    if not ways:
        yield Obstacle(
            need="kind",
            missing=f"{call.source} {call.name} is none of the kinds of event that the rule asks for",
            remedy="drop what the rule asks of eventCategory, eventType, managementEvent or readOnly",
        )


def _ways(call: Call, demands: Demands, vantage: Vantage, engine: Engine) -> Iterator[list[Obstacle]]:
    """Each kind of event that ``call`` may be, as what stops that kind."""
    kinds = demands.categories
    types = data_types(call)
    if "Management" in kinds and not only_data(call):
        yield [*_management(call, demands, vantage), *(_place(call, demands, vantage) if engine != "athena" else ())]
    if "Data" in kinds and (types or kinds == {"Data"}):
        yield list(_data(types, vantage))
    if "NetworkActivity" in kinds and (kinds == {"NetworkActivity"} or _recorded(call, vantage.network)):
        yield [*_network(call, vantage), *_table(engine, "NetworkActivity")]
    if "Insight" in kinds and kinds == {"Insight"}:
        yield [*_insights(vantage), *_table(engine, "Insight")]


def _management(call: Call, demands: Demands, vantage: Vantage) -> Iterator[Obstacle]:
    recorded = vantage.management
    reading = read_only(call) if demands.read_only is None else demands.read_only
    if recorded == "none":
        yield Obstacle(
            need="management",
            missing="no trail records management events",
            remedy="give the trail ManagementEvents()",
        )
    elif recorded == "write" and reading is True:
        yield Obstacle(
            need="reads",
            missing="the trail records of management events only those that write",
            remedy="give the trail ManagementEvents() without read_only",
        )
    elif recorded == "read" and reading is False:
        yield Obstacle(
            need="writes",
            missing="the trail records of management events only those that read",
            remedy="give the trail ManagementEvents() without read_only",
        )
    elif call.source in (vantage.excluded_sources or ()):
        yield Obstacle(
            need=f"source:{call.source}",
            missing=f"the trail leaves out the management events of {call.source}",
            remedy="let it record them: ManagementEvents() without without_kms or without_rds_data",
        )


def _place(call: Call, demands: Demands, vantage: Vantage) -> Iterator[Obstacle]:
    """Whether events of a global service come to the Region of the rules."""
    home, region = home_of(call), vantage.region
    if home is None or region is None or region == home or region.startswith(_OTHER_PARTITIONS):
        return
    if home != GLOBAL_REGION:
        yield Obstacle(
            need=f"region:{home}",
            missing=f"events of {call.source} appear in {home} alone",
            remedy=f"put the rule into a stack in {home}, or let Athena ask for it",
        )
    elif vantage.forwarded == "none":
        yield Obstacle(
            need="global",
            missing=f"events of {call.source} appear in {home} alone, and nothing brings them to {region}",
            remedy=f"forward them with GlobalEventForwarder in {home}, or put the rule there",
        )
    elif vantage.forwarded == "write" and (read_only(call) if demands.read_only is None else demands.read_only) is True:
        yield Obstacle(
            need="global-reads",
            missing=f"read-only events of {call.source} appear in {home} alone, and the forwarder leaves them there",
            remedy="forward them too: GlobalEventForwarder(read_only=True)",
        )


def _data(types: frozenset[str], vantage: Vantage) -> Iterator[Obstacle]:
    if vantage.data is None or (types & vantage.data if types else vantage.data):
        return
    # Of several types that let a call in, the plain one: AWS::S3::Object, not AWS::S3::AccessPoint.
    wanted = sorted(types, key=lambda type: (len(type), type))
    yield Obstacle(
        need=f"data:{wanted[0]}" if wanted else "data",
        missing=f"no trail records data events of {wanted[0] if wanted else 'any resource'}",
        remedy=f"add DataEvents.of({wanted[0]!r}, …) to the trail" if wanted else "add DataEvents to the trail",
    )


def _network(call: Call, vantage: Vantage) -> Iterator[Obstacle]:
    if vantage.network is not None and not _recorded(call, vantage.network):
        yield Obstacle(
            need=f"network:{call.source}",
            missing=f"no trail records network activity of {call.source}",
            remedy=f"add NetworkActivityEvents(event_source={call.source!r}) to the trail",
        )


def _insights(vantage: Vantage) -> Iterator[Obstacle]:
    if vantage.insights is False:
        yield Obstacle(
            need="insights",
            missing="no trail looks for unusual rates of calls or errors",
            remedy="give the trail insights=Insights()",
        )


def _table(engine: Engine, category: str) -> Iterator[Obstacle]:
    if engine == "athena":
        yield Obstacle(
            need="table",
            missing=f"events of category {category} are not in the table that rules are asked of",
            remedy="let EventBridge see them, or ask the lake's own table for them",
        )


def _recorded(call: Call, sources: Iterable[str] | None) -> bool:
    return any(covers(call.source, source) for source in sources or ())


def _missing_date(call: Call, calls: Iterable[Call]) -> Obstacle | None:
    name = dated_name(call)
    if name is None or any(covers(each.source, call.source) and covers(each.name, name) for each in calls):
        return None
    return Obstacle(
        need=f"name:{name}",
        missing=f"Lambda records {call.name} as {name}",
        remedy=f"write eventName|startswith: {call.name}, or list both",
    )
