"""From settings to a survey: finding and asking printers, composed without the portal and without a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agent.clock import SystemClock
from agent.discovery.advertisement import hints_of
from agent.discovery.finder import NetworkFinder
from agent.ports import Ipp
from agent.printers import Endpoint
from agent.settings import Settings
from agent.snmp.access import UserAccess
from agent.snmp.catalogue import shipped
from agent.snmp.client import SnmpClient
from agent.snmp.conversation import CommunityAccess
from agent.snmp.engine import Engine
from agent.snmp.identity import is_made_by, read_serial
from agent.snmp.ladder import Ladder, Rung
from agent.snmp.manners import Manners
from agent.snmp.pacing import Pace, Pacer
from agent.snmp.sounding import CommunityProbe, EngineProbe, Probe, Sounder
from agent.snmp.turns import Leases
from agent.snmp.varbinds import Varbinds
from agent.survey import Limits, Survey


def survey_of(
    settings: Settings,
    accesses: Accesses,
    clock: SystemClock,
    own_profiles: Path | None = None,
    manners: Manners | None = None,
    leases: Leases | None = None,
) -> Survey:
    """Finding and reading by these settings, with these accesses; what is learnt goes to `manners`.

    `leases` keep other processes from asking a printer at the same time.
    """
    discovery, snmp = settings.discovery, settings.snmp
    manners, catalogue = manners or Manners(), shipped(own_profiles)

    def serial_of(varbinds: Varbinds) -> str | None:
        serial = read_serial(catalogue.generic, varbinds)
        return serial.lstrip("0") if serial else None  # some HP firmware adds zeros in front, and takes them away again

    return Survey(
        finder=NetworkFinder(
            discovery.allowed,
            discovery.targets,
            snmp.port,
            discovery.search_domains,
            partial(is_made_by, catalogue.generic) if discovery.mdns else None,
            partial(hints_of, catalogue.generic),
        ),
        snmp=Ladder(rungs_of(settings, accesses), manners, clock.now, serial_of, leases),
        catalogue=catalogue,
        clock=clock,
        limits=Limits(reads=snmp.max_concurrent_printers),
        manners=manners,
        ipp=_ipp_of(settings, leases),
        sounder=sounder_of(settings, accesses),
    )


def _ipp_of(settings: Settings, leases: Leases | None) -> Ipp | None:
    if not settings.ipp.enabled:
        return None
    # Loaded only where IPP is on: its HTTP library takes longer to import than a small search takes.
    from agent.ipp.client import IppClient

    return IppClient(settings.ipp.port, leases=leases)


def sounder_of(settings: Settings, accesses: Accesses) -> Sounder:
    """Sounding by every configured way, who is silent twice; SNMPv1 only then, as few speak nothing newer."""
    snmp = settings.snmp
    early: list[Probe] = [EngineProbe()] if "v3" in snmp.versions and accesses.users else []
    late: list[Probe] = []
    for community in accesses.communities:
        if "v2c" in snmp.versions:
            early.append(CommunityProbe(CommunityAccess("v2c", community)))
        if "v1" in snmp.versions:
            late.append(CommunityProbe(CommunityAccess("v1", community)))
    early, late = (early, late) if early else (late, early)
    passes = 2 if snmp.retries else 1
    return Sounder(early, late, settings.discovery.packets_per_second, snmp.timeout_seconds, passes)


# A search asks whoever may be there; a conversation is with a device that was named or has answered, one question at a
# time: it may be faster. Five hundred known printers are found in 2.5 seconds at the usual 50 packets a second.
CONVERSING = 4
FASTEST = 10_000  # packets per second


@dataclass(frozen=True, slots=True)
class Accesses:
    """What opens printers, revealed: communities and SNMPv3 users. No `repr` shows a secret."""

    communities: tuple[str, ...] = field(default=(), repr=False)
    users: tuple[UserAccess, ...] = ()


def rungs_of(settings: Settings, accesses: Accesses) -> list[Rung]:
    """Every access in every version it is for, the versions in the configured order; all share one pace of packets."""
    snmp, pacer = settings.snmp, Pacer(min(settings.discovery.packets_per_second * CONVERSING, FASTEST))
    pace = Pace(timeout=snmp.timeout_seconds, retries=snmp.retries)
    rungs: list[Rung] = []
    engines: dict[Endpoint, Engine] = {}
    for spoken in snmp.versions:
        if spoken == "v3":
            rungs += [_user_rung(place, user, pace, pacer, engines) for place, user in enumerate(accesses.users, 1)]
        else:
            for place, community in enumerate(accesses.communities, 1):
                voice = SnmpClient([CommunityAccess(spoken, community)], pace, pacer)
                rungs.append(Rung(f"{spoken}:{place}", spoken, voice))
    return rungs


def _user_rung(place: int, user: UserAccess, pace: Pace, pacer: Pacer, engines: dict[Endpoint, Engine]) -> Rung:
    # Loaded only where there are users: the ciphers take a while to import.
    from agent.snmp.v3_client import UserClient

    return Rung(f"v3:{place}:{user.user}", "v3", UserClient(user, pace, pacer, engines))
