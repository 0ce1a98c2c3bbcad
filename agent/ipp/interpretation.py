"""From a printer's attributes to a readout, and what two voices of one printer say to each other. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agent.ipp.attributes import Attributes, IppAnswer
from agent.ipp.counters import IMPRESSIONS, PROFILE, read_counters
from agent.ipp.identity import is_printer, read_identity
from agent.ipp.supplies import read_alerts, read_supplies
from agent.ipp.witness import Witness
from agent.meters import Counter, Finding
from agent.printers import Endpoint, Identity
from agent.readout import Readout
from agent.serials import same_serial
from agent.snmp.profile import Profile
from agent.texts import message

# The second voice is asked some seconds after the first: what the machine prints meanwhile is no difference.
PRINTED_BETWEEN = 50

# What every request asks for: identity, counters, supplies and what is the matter; nothing about jobs and people.
REQUESTED = (
    "printer-device-id",
    "printer-make-and-model",
    "printer-name",
    "printer-uuid",
    "printer-uri-supported",
    "printer-firmware-string-version",
    "printer-state",
    "printer-state-reasons",
    "printer-alert",
    "printer-alert-description",
    "printer-type",
    "cups-version",
    IMPRESSIONS,
    f"{IMPRESSIONS}-col",
    "printer-media-sheets-completed",
    "printer-pages-completed",
    "printer-supply",
    "printer-supply-description",
    "marker-names",
    "marker-types",
    "marker-colors",
    "marker-levels",
)


def identify(profile: Profile, attributes: Attributes) -> tuple[Identity, bool]:
    """Who answered, and whether it is a printer."""
    witness = Witness(attributes)
    return read_identity(profile, witness), is_printer(witness)


def interpret(profile: Profile, endpoint: Endpoint, answer: IppAnswer, now: datetime) -> Readout:
    """What the answer says; `profile` lends its words for makers, supplies and units. `datagrams` counts requests."""
    witness = Witness(answer.attributes)
    identity = read_identity(profile, witness)
    if not is_printer(witness):
        return Readout(endpoint, "not_a_printer", now, identity, datagrams=answer.requests, profile=PROFILE)
    counters, odd_counters = read_counters(witness)
    supplies, odd_supplies = read_supplies(profile, witness)
    gaps = _gaps(counters, identity)
    alerts = read_alerts(witness)
    return Readout(
        endpoint=endpoint,
        status="partial" if any(gap.code == "no_total" for gap in gaps) else "ok",
        read_at=now,
        identity=identity,
        counters=tuple(counters),
        supplies=tuple(supplies),
        alerts=tuple(alerts),
        findings=(*gaps, *odd_counters, *odd_supplies),
        evidence={f"ipp:{name}": value for name, value in witness.evidence.items()},
        datagrams=answer.requests,
        profile=PROFILE,
    )


def _gaps(counters: list[Counter], identity: Identity) -> list[Finding]:
    gaps = []
    if not any(counter.meter == "total" for counter in counters):
        gaps.append(Finding("no_total", message("The printer tells no page counter over IPP.")))
    if identity.serial_number is None:
        gaps.append(Finding("no_serial_number", message("The printer tells no serial number.")))
    return gaps


def cross_checked(first: Readout, second: Readout) -> Readout:
    """The SNMP readout `first`, with what the IPP readout `second` of the same address says against it.

    No value of `first` changes. The numbers of `second` join the evidence, so that a difference can be proved.
    """
    if second.status not in ("ok", "partial"):
        return first
    findings = list(identities_differ(first.identity, second.identity)) or list(_totals_differ(first, second))
    return replace(
        first,
        findings=(*first.findings, *findings),
        evidence={**first.evidence, **_counts(second)},
        datagrams=first.datagrams + second.datagrams,
    )


def identities_differ(one: Identity, other: Identity) -> list[Finding]:
    """A finding where two voices at one address name different serial numbers: a print server, or a forgery."""
    known = one.serial_number and other.serial_number
    if not known or same_serial(one.serial_number, other.serial_number):
        return []
    said = message(
        "Over IPP the serial number is {ipp}, over SNMP {snmp}: two machines answer at this address.",
        ipp=other.serial_number_raw,
        snmp=one.serial_number_raw,
    )
    return [Finding("ipp_identity_differs", said)]


def _totals_differ(first: Readout, second: Readout) -> list[Finding]:
    """A finding where the impressions over IPP are neither the total nor what was printed for computers."""
    ours = [counter for counter in first.counters if counter.meter in ("total", "print_total")]
    theirs = next((counter for counter in second.counters if counter.meter == "total"), None)
    total = next((counter for counter in ours if counter.meter == "total"), None)
    if theirs is None or total is None:
        return []
    if any(0 <= theirs.value - counter.value <= PRINTED_BETWEEN for counter in ours):
        return []
    said = message(
        "Over IPP the printer counts {ipp} impressions, over SNMP {snmp}.", ipp=theirs.value, snmp=total.value
    )
    return [Finding("ipp_differs", said)]


def _counts(readout: Readout) -> dict[str, str]:
    return {name: value for name, value in readout.evidence.items() if name.startswith(f"ipp:{IMPRESSIONS}")}
