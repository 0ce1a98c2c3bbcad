"""From a printer's answers to a readout: who it is, what it counted, what is left. Pure; knows no network."""

from __future__ import annotations

from datetime import datetime

from agent.meters import Counter, Finding
from agent.printers import Endpoint, Identity
from agent.readout import Readout, Status
from agent.snmp.counters import read_counters
from agent.snmp.identity import is_printer, proves_printer, read_identity
from agent.snmp.profile import Profile
from agent.snmp.supplies import read_supplies
from agent.snmp.supply_alerts import read_alerts
from agent.snmp.varbinds import Answer, Varbinds, dotted
from agent.snmp.witness import Witness
from agent.texts import message


def identify(profile: Profile, varbinds: Varbinds) -> tuple[Identity, bool]:
    """Who answered the identify question, and whether it looks like a printer already."""
    witness = Witness(varbinds, profile.oids)
    identity = read_identity(profile, witness)
    return identity, is_printer(profile, witness, identity)


def says_printer(profile: Profile, varbinds: Varbinds) -> bool:
    """Whether these answers alone prove a printer, so that nothing more need be asked."""
    return proves_printer(profile, Witness(varbinds, profile.oids))


def interpret(profile: Profile, endpoint: Endpoint, first: Varbinds, answer: Answer, now: datetime) -> Readout:
    """What the answer to `profile`'s question says; `first` is the answer to the identify question.

    Counters, supplies and the serial number come from `answer` alone where it has them; `first` only adds what an
    ordinary printer does not tell twice (device id, sysDescr).
    """
    witness = Witness(first.merged(answer.varbinds), profile.oids)
    identity = read_identity(profile, witness)
    if not is_printer(profile, witness, identity):
        return Readout(endpoint, "not_a_printer", now, identity, datagrams=answer.datagrams, profile=profile.label)
    cut = set(answer.missing) - set(answer.refused)
    counters, odd_counters = read_counters(profile, witness, identity.model, cut)
    supplies, odd_supplies = read_supplies(profile, witness, identity.model)
    gaps = _gaps(answer, counters, identity)
    return Readout(
        endpoint=endpoint,
        status=_status(gaps),
        read_at=now,
        identity=identity,
        counters=tuple(counters),
        supplies=tuple(supplies),
        alerts=tuple(read_alerts(profile, witness)),
        findings=(*gaps, *odd_counters, *odd_supplies, *_notes(answer)),
        evidence=witness.evidence(),
        datagrams=answer.datagrams,
        profile=profile.label,
    )


def _gaps(answer: Answer, counters: list[Counter], identity: Identity) -> list[Finding]:
    """What a complete reading would have and this one has not."""
    gaps = []
    if not any(counter.meter == "total" for counter in counters):
        gaps.append(Finding("no_total", message("The printer tells no page counter where the standard has it.")))
    if identity.serial_number is None:
        gaps.append(Finding("no_serial_number", message("The printer tells no serial number.")))
    if not answer.complete:
        columns = ", ".join(dotted(oid) for oid in answer.missing) or "–"
        said = message("The printer stopped answering before everything was read; missing: {columns}.", columns=columns)
        gaps.append(Finding("incomplete", said))
    return gaps


def _status(gaps: list[Finding]) -> Status:
    return "partial" if any(gap.code in ("no_total", "incomplete") for gap in gaps) else "ok"


def _notes(answer: Answer) -> list[Finding]:
    return [
        Finding("odd_answers", message("While it was read, the printer's answers were odd: {note}.", note=note))
        for note in dict.fromkeys(answer.notes)
    ]
