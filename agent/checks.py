"""Every prerequisite of the agent, tried for real: ok, or what is wrong and what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from agent.errors import (
    AgentError,
    ConfigError,
    CredentialsRejected,
    NetworkError,
    PortalUntrusted,
    PrinterSilent,
    RightMissing,
)
from agent.ports import Account, Portal, Snmp
from agent.printers import Endpoint
from agent.snmp.varbinds import Ask, oid_of
from agent.texts import Message, message

MOST_SKEW_SECONDS = 120
MOST_PROBES = 64
SYSTEM = Ask(objects=(oid_of("1.3.6.1.2.1.1.2.0"),))


@dataclass(frozen=True, slots=True)
class Check:
    """One prerequisite: `trouble` is None when it is met, `detail` says what was found.

    A `hint` is met as well, but somebody should look at what it says.
    """

    name: Message
    detail: Message | None = None
    trouble: AgentError | None = None
    hint: bool = False

    @property
    def ok(self) -> bool:
        """Whether the prerequisite is met."""
        return self.trouble is None


async def attempt(name: Message, work: Callable[[], Awaitable[Message | None]]) -> Check:
    """The check of this name: what `work` found, or the error it raised."""
    try:
        return Check(name, await work())
    except AgentError as error:
        return Check(name, trouble=error)


async def check_portal(
    account: Callable[[], Awaitable[Account]], needed: dict[str, Message], now: Callable[[], datetime], way: Message
) -> AsyncIterator[Check]:
    """Reachable, certificate, credentials, rights, clock: one request answers all; the first failure ends it.

    `needed` are the areas this configuration uses, with what for; `way` says by what the agent proves who it is.
    """
    try:
        answer = await account()
    except PortalUntrusted as error:
        yield Check(message("Portal certificate"), trouble=error)
        return
    except CredentialsRejected as error:
        yield Check(message("Portal reachable"))
        yield Check(message("Portal certificate"))
        yield Check(message("Portal password"), trouble=error)
        return
    except AgentError as error:
        yield Check(message("Portal reachable"), trouble=error)
        return
    yield Check(message("Portal reachable"))
    yield Check(message("Portal certificate"))
    yield Check(message("Portal password"), message("This agent is {agent}.", agent=answer.agent_id))
    yield Check(message("Portal credentials"), way)
    for area, purpose in needed.items():
        yield _right(area, purpose, answer)
    yield _clock(answer.server_time, now())


def _right(area: str, purpose: Message, account: Account) -> Check:
    name = message("Right {area}", area=area)
    if area in account.rights:
        return Check(name, purpose)
    what = message("The area {area} is not unlocked for this agent.", area=area)
    remedy = message("Ask your key user to unlock it in the portal under user rights.")
    return Check(name, trouble=RightMissing(what, remedy, area=area))


def _clock(portal: datetime, here: datetime) -> Check:
    seconds = round((here - portal).total_seconds())
    name = message("Clock")
    if abs(seconds) <= MOST_SKEW_SECONDS:
        return Check(name, message("It differs from the portal's by {seconds} s.", seconds=seconds))
    what = message("This computer's clock differs from the portal's by {seconds} s.", seconds=seconds)
    return Check(name, trouble=AgentError(what, message("Set the clock, best by a time server (NTP).")))


async def check_list(portal: Portal, file: str) -> Message:
    """How many equipment and counters are in the file that stands in for a portal. Raises `PortalError`."""
    equipments = await portal.equipments()
    return message(
        "{file} has {count} equipment with {counters} counters; readings are captured by hand.",
        file=file,
        count=len(equipments),
        counters=sum(len(equipment.measuring_points) for equipment in equipments),
    )


async def check_snmp(snmp: Snmp, endpoints: list[Endpoint]) -> Message:
    """How many of the first addresses answer. Raises `ConfigError` for no address, `NetworkError` for silence."""
    if not endpoints:
        raise ConfigError(
            message("No addresses are configured, so no printer can be found."),
            message("Name the network of your printers at ranges in the section [discovery]."),
        )
    some = endpoints[:MOST_PROBES]
    answers = await asyncio.gather(*(_answers(snmp, endpoint) for endpoint in some))
    if any(answers):
        return message("{count} of the first {asked} addresses answer.", count=sum(answers), asked=len(some))
    raise NetworkError(
        message("None of the first {asked} addresses answers SNMP.", asked=len(some)),
        message("Check the ranges, the community, a firewall for UDP port 161, and that SNMP is on in the printers."),
    )


async def _answers(snmp: Snmp, endpoint: Endpoint) -> bool:
    try:
        await snmp.ask(endpoint, SYSTEM)
    except PrinterSilent:
        return False
    return True
