"""Which equipment of the portal each printer is: by the technical identification number, every rule named.

Strict on purpose: two answers are no answer. What no rule decides is shown to a person with the nearest candidates,
and what a person decides wins. A serial number confirms, contradicts, or tells two apart; it never matches alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agent.changes import changes_of, is_another
from agent.evidence import Evidence, Strength, evidence_of, places_of, strength_of
from agent.meters import Finding
from agent.nearest import Candidate, Near
from agent.printers import Endpoint, Equipment, Identity, Printer
from agent.serials import normal_serial, same_serial
from agent.street import Street
from agent.texts import Message, message


@dataclass(frozen=True, slots=True)
class Matched:
    """Exactly one printer answers to the equipment's technical identification number, and nothing contradicts it.

    `changes` say what is new about the printer since it was read last.
    """

    equipment: Equipment
    printer: Printer
    evidence: tuple[Evidence, ...]
    changes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """No match for this equipment; `code` is `ambiguous`, `contradicted`, `not_found`, `no_number` or `inactive`.

    `candidates` are the printers that came nearest, with why, and what would make them match; `remedy` is what to do.
    """

    equipment: Equipment
    code: str
    reason: Finding
    candidates: tuple[Candidate, ...] = ()
    remedy: Message | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """The outcome for both sides; every equipment and every printer stands in exactly one of the lists.

    A printer that several answer to, or that contradicts, is not `unclaimed`.
    """

    matched: tuple[Matched, ...]
    refused: tuple[Refused, ...]
    unclaimed: tuple[Printer, ...]

    def near(self, printer: Printer) -> list[Equipment]:
        """The equipment that this printer is a candidate for."""
        return [one.equipment for one in self.refused if any(each.printer == printer for each in one.candidates)]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person's word that this printer is this equipment. It is known again by its serial number, else by a network
    card, else by its address."""

    equipment_number: str
    endpoint: Endpoint
    serial_number: str | None
    mac_addresses: tuple[str, ...]
    at: datetime
    by: str

    def is_about(self, printer: Printer) -> bool:
        """Whether this printer is the one that was meant."""
        identity = printer.identity
        if normal_serial(self.serial_number) and normal_serial(identity.serial_number_raw):
            return same_serial(self.serial_number, identity.serial_number_raw)
        if self.mac_addresses and identity.mac_addresses:
            return self.has_card(printer)
        return self.is_there(printer)

    def has_card(self, printer: Printer) -> bool:
        """Whether it has a network card that the meant one had."""
        return bool(set(self.mac_addresses) & set(printer.identity.mac_addresses))

    def is_there(self, printer: Printer) -> bool:
        """Whether it is where the meant one was."""
        return self.endpoint in places_of(printer)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known from before, by equipment number: people's confirmations, the printers that were read last, and
    where they were."""

    confirmations: Mapping[str, Confirmation] = field(default_factory=dict)
    identities: Mapping[str, Identity] = field(default_factory=dict)
    places: Mapping[str, Endpoint] = field(default_factory=dict)


Claim = tuple[Printer, tuple[Evidence, ...]]


def match(printers: Sequence[Printer], equipments: Sequence[Equipment], past: Past | None = None) -> Matching:
    """Pairs printers with equipment. The order of neither list matters for the outcome."""
    return _Pairing(printers, equipments, past or Past()).outcome()


class _Pairing:
    """One matching under way."""

    def __init__(self, printers: Sequence[Printer], equipments: Sequence[Equipment], past: Past) -> None:
        self._printers = printers
        self._equipments = equipments
        self._past = past
        self._street = Street(printers)
        self._decided = self._confirmations()
        self._claims = {one.equipment_number: self._claims_of(one) for one in equipments}
        self._claimants: dict[Printer, list[tuple[Equipment, Strength]]] = {}
        for equipment in equipments:
            for printer, evidence in self._claims[equipment.equipment_number] if equipment.active else ():
                self._claimants.setdefault(printer, []).append((equipment, strength_of(evidence)))
        self._near = Near(self._street, [one for one in printers if one not in self._claimants], past.identities)

    def outcome(self) -> Matching:
        outcomes = [self._decide(equipment) for equipment in self._equipments]
        return Matching(
            tuple(outcome for outcome in outcomes if isinstance(outcome, Matched)),
            tuple(outcome for outcome in outcomes if isinstance(outcome, Refused)),
            tuple(printer for printer in self._printers if printer not in self._claimants),
        )

    def _confirmations(self) -> dict[Printer, str]:
        """The printers that a person gave to an equipment that is still in service."""
        active = {one.equipment_number for one in self._equipments if one.active}
        return {
            printer: number
            for number, confirmation in self._past.confirmations.items()
            if number in active
            for printer in self._meant(confirmation)
        }

    def _meant(self, confirmation: Confirmation) -> list[Printer]:
        """The printers that a person may have meant: of several with one serial number the one with the network card,
        then the one that is where it was."""
        meant = [printer for printer in self._printers if confirmation.is_about(printer)]
        for knows in (confirmation.has_card, confirmation.is_there):
            if len(meant) > 1:
                meant = [printer for printer in meant if knows(printer)] or meant
        return meant

    def _claims_of(self, equipment: Equipment) -> Sequence[Claim]:
        """The printers with the strongest evidence; a weak rule needs the serial number on its side."""
        number = equipment.equipment_number
        confirmation = self._past.confirmations.get(number)
        if confirmation is not None:
            said = (Evidence("confirmed", confirmation.by, str(confirmation.endpoint)),)
            return [(printer, said) for printer, given in self._decided.items() if given == number]
        tin = equipment.technical_identification_number
        if not tin:
            return ()
        near = [printer for printer in self._street.candidates(tin) if printer not in self._decided]
        found = [(printer, evidence) for printer in near if (evidence := evidence_of(tin, printer))]
        strongest = max((strength_of(evidence) for _, evidence in found), default=Strength.EXACT)
        return [
            (printer, evidence)
            for printer, evidence in found
            if strength_of(evidence) == strongest and (strongest > Strength.LIKELY or _has_serial(equipment, printer))
        ]

    def _decide(self, equipment: Equipment) -> Matched | Refused:
        claims = self._claims[equipment.equipment_number]
        if not equipment.active:
            return _refused(equipment, "inactive", message("The equipment is no longer in service in the portal."))
        if not claims:
            return self._unclaiming(equipment)
        if len(claims) > 1:
            certain = [claim for claim in claims if _has_serial(equipment, claim[0])]
            if len(certain) != 1:
                return _several(equipment, [printer for printer, _ in claims])
            claims = certain
        printer, evidence = claims[0]
        return self._shared(equipment, printer, evidence) or self._checked(equipment, printer, evidence)

    def _unclaiming(self, equipment: Equipment) -> Refused:
        number = equipment.technical_identification_number
        near, remedy = self._near.to(equipment), _enter(equipment)
        if equipment.equipment_number in self._past.confirmations:
            place = str(self._past.confirmations[equipment.equipment_number].endpoint)
            said = message("The printer that was confirmed for it, last at {place}, does not answer.", place=place)
            remedy = message(
                "Switch it on, or take the decision back: meter-agent match release {number}", number=_plain(equipment)
            )
            return _refused(equipment, "not_found", said, near, remedy)
        if not number:
            said = message("The portal has no technical identification number for it.")
            return _refused(equipment, "no_number", said, near, remedy)
        said = message("No printer answers to the technical identification number {number}.", number=number)
        return _refused(equipment, "not_found", said, near, remedy)

    def _shared(self, equipment: Equipment, printer: Printer, evidence: tuple[Evidence, ...]) -> Refused | None:
        """A refusal when other equipment has as good a claim to this printer; stronger evidence or the serial number
        of the portal decides."""
        mine = strength_of(evidence)
        rivals = [
            (other, strength)
            for other, strength in self._claimants[printer]
            if other.equipment_number != equipment.equipment_number and strength >= mine
        ]
        if not rivals:
            return None
        if _has_serial(equipment, printer) and not any(
            strength > mine or _has_serial(other, printer) for other, strength in rivals
        ):
            return None
        others = ", ".join(other.equipment_number for other, _ in rivals)
        said = message(
            "The printer at {place} is claimed by other equipment too ({others}); correct the number of one of them.",
            place=str(printer.endpoint),
            others=others,
        )
        return _refused(equipment, "ambiguous", said, [Candidate(printer)], _say_which(equipment, printer))

    def _checked(self, equipment: Equipment, printer: Printer, evidence: tuple[Evidence, ...]) -> Matched | Refused:
        """The match, unless something says that another machine stands behind the name."""
        number = equipment.equipment_number
        before, place = self._past.identities.get(number), self._past.places.get(number)
        if strength_of(evidence) is not Strength.CONFIRMED:
            portal, device = equipment.manufacturer_serial_number, printer.identity.serial_number_raw
            twins = [one for one in self._street.with_serial(device) if one != printer]
            if twins:
                return _twins(equipment, [printer, *twins])
            if normal_serial(portal) and normal_serial(device):
                if not same_serial(portal, device):
                    return _contradicted(equipment, printer)
                evidence = (*evidence, Evidence("serial_number", portal or "", device or ""))
            elif before is not None and is_another(before, printer.identity):
                near = [one for one in self._near.to(equipment) if one.printer != printer]
                return _exchanged(equipment, printer, before, near)
        changes = tuple(changes_of(before, place, printer)) if before is not None else ()
        return Matched(equipment, printer, evidence, changes)


def _several(equipment: Equipment, printers: Sequence[Printer]) -> Refused:
    places = ", ".join(str(printer.endpoint) for printer in printers)
    number = equipment.technical_identification_number or ""
    said = message("Several printers answer to {number}: {places}.", number=number, places=places)
    candidates = [Candidate(printer, None, _say_which(equipment, printer)) for printer in printers]
    remedy = message(
        "Enter a number in the portal that only one of them has (its whole DNS name, its address), or say which one it"
        " is: meter-agent match confirm {equipment} HOST",
        equipment=_plain(equipment),
    )
    return _refused(equipment, "ambiguous", said, candidates, remedy)


def _twins(equipment: Equipment, printers: Sequence[Printer]) -> Refused:
    """One serial number at two places: a copy, a default that was never changed, or somebody's forgery."""
    said = message(
        "Several printers say the serial number {serial}: {places}. What they count cannot be told apart.",
        serial=printers[0].identity.serial_number_raw or "",
        places=", ".join(str(printer.endpoint) for printer in printers),
    )
    remedy = _say_which(equipment, printers[0])
    return _refused(equipment, "contradicted", said, [Candidate(printer) for printer in printers], remedy)


def _contradicted(equipment: Equipment, printer: Printer) -> Refused:
    said = message(
        "The printer's serial number is {device}, the portal's is {portal}: another machine stands behind the name.",
        device=printer.identity.serial_number_raw or "",
        portal=equipment.manufacturer_serial_number or "",
    )
    remedy = message(
        "If the machine was exchanged, have the portal's serial number corrected; if another printer has its name, "
        "correct the number; if it is the right one all the same: meter-agent match confirm {equipment} {place}",
        equipment=_plain(equipment),
        place=str(printer.endpoint),
    )
    return _refused(equipment, "contradicted", said, [Candidate(printer)], remedy)


def _exchanged(equipment: Equipment, printer: Printer, before: Identity, near: Sequence[Candidate]) -> Refused:
    now, place = printer.identity, str(printer.endpoint)
    if normal_serial(before.serial_number_raw) and normal_serial(now.serial_number_raw):
        said = message(
            "The printer at {place} has the serial number {device}; the one read before had {known}.",
            place=place,
            device=now.serial_number_raw or "",
            known=before.serial_number_raw or "",
        )
    else:
        said = message(
            "At {place} another device seems to answer than was read before ({now}, before {known}), and no serial"
            " number proves that it is the same.",
            place=place,
            now=" ".join((now.model or "?", *now.mac_addresses[:1])),
            known=" ".join((before.model or "?", *before.mac_addresses[:1])),
        )
    return _refused(equipment, "contradicted", said, [Candidate(printer), *near], _if_exchanged(equipment, printer))


def _if_exchanged(equipment: Equipment, printer: Printer) -> Message:
    return message(
        "If the device was exchanged: meter-agent match confirm {equipment} {place}",
        equipment=_plain(equipment),
        place=str(printer.endpoint),
    )


def _say_which(equipment: Equipment, printer: Printer) -> Message:
    return message(
        "If it is this one: meter-agent match confirm {equipment} {place}",
        equipment=_plain(equipment),
        place=str(printer.endpoint),
    )


def _enter(equipment: Equipment) -> Message:
    return message(
        "Enter the printer's name in the portal, or say: meter-agent match confirm {number} HOST",
        number=_plain(equipment),
    )


def _plain(equipment: Equipment) -> str:
    """The equipment number as people write it."""
    return equipment.equipment_number.lstrip("0") or equipment.equipment_number


def _has_serial(equipment: Equipment, printer: Printer) -> bool:
    return same_serial(equipment.manufacturer_serial_number, printer.identity.serial_number_raw)


def _refused(
    equipment: Equipment, code: str, said: Message, near: Iterable[Candidate] = (), remedy: Message | None = None
) -> Refused:
    return Refused(equipment, code, Finding(code, said), tuple(near), remedy)
