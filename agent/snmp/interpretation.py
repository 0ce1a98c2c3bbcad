"""From a printer's answers to a readout: who it is, what it counted, what is left. Pure; knows no network."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agent.meters import Counter, Finding
from agent.printers import Endpoint, Identity
from agent.readout import Readout, Status
from agent.snmp.alert_table import read_alerts
from agent.snmp.counters import read_counters
from agent.snmp.identity import PRINTER_DEVICE, is_printer, proves_printer, read_identity
from agent.snmp.profile import Profile
from agent.snmp.supplies import read_supplies
from agent.snmp.varbinds import Answer, Varbinds, as_number, dotted
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
    if crowd := _crowd(witness):
        return Readout(
            endpoint,
            "partial",
            now,
            replace(identity, serial_number=None, serial_number_raw=None),
            findings=(crowd, *_notes(answer)),
            datagrams=answer.datagrams,
            profile=profile.label,
        )
    # What is refused from the start is not offered; a column that is refused in its midst lacks rows.
    refused = {oid for oid in answer.refused if not answer.varbinds.has_below(oid)}
    cut = set(answer.missing) - refused
    counters, odd_counters = read_counters(profile, witness, identity.model, cut)
    supplies, odd_supplies = read_supplies(profile, witness, identity.model)
    gaps = _gaps(answer, counters, identity)
    uptime = as_number(witness.value("sysUpTime"))
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
        uptime=uptime,
    )


def _crowd(witness: Witness) -> Finding | None:
    """Several printers behind one address, as a print server has them: no number can be said to be of one of them.

    They have rows of their own (hrDeviceIndex) in the tables of RFC 3805. A second printer in hrDeviceTable alone is
    none: some list their fax so.
    """
    devices = [index for index, value in witness.column("hrDeviceType").items() if value.content == PRINTER_DEVICE]
    serials, counters = witness.texts("prtGeneralSerialNumber"), witness.numbers("prtMarkerLifeCount")
    several = max(len(set(serials.values())), len({index[0] for index in counters if index}))
    if several < 2:
        return None
    told = witness.texts("hrDeviceDescr")
    names = [told.get(index, "?") for index in devices] or [serials[index] for index in sorted(serials)]
    said = message(
        "{count} printers answer at this address ({printers}), and what they count cannot be told apart. Give each an "
        "address of its own, or a port of its own in the print server, or enter their meter readings in the portal.",
        count=several,
        printers=", ".join(names),
    )
    return Finding("several_printers", said)


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
