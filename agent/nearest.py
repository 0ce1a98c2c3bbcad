"""The printers that come nearest to an equipment without one, and what would make them match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from agent.evidence import evidence_of, names_of
from agent.likeness import first_label, meant_by, spelled
from agent.printers import Equipment, Identity, Printer
from agent.street import Street
from agent.texts import Message, message

MOST = 3  # candidates that are shown
MOST_COMPARED = 500  # free printers whose names are compared letter by letter
SIMILAR = 0.75  # of difflib's ratio


@dataclass(frozen=True, slots=True)
class Candidate:
    """A printer that may be meant, and why; `why` is None where the refusal's reason says it. `remedy` would make it
    match."""

    printer: Printer
    why: Message | None = None
    remedy: Message | None = None


class Near:
    """What is near among these printers: `free` are claimed by nobody, `before` were read last."""

    def __init__(self, street: Street, free: Sequence[Printer], before: Mapping[str, Identity]) -> None:
        self._street = street
        self._free = frozenset(free)
        self._before = before
        self._models: dict[str, list[Printer]] = {}
        for printer in free:
            self._models.setdefault(_letters(printer.identity.model), []).append(printer)
        self._labels: dict[str, list[Printer]] = {}
        for printer in free if len(free) <= MOST_COMPARED else ():
            for _, name in names_of(printer):
                self._labels.setdefault(first_label(spelled(name)), []).append(printer)

    def to(self, equipment: Equipment) -> list[Candidate]:
        """The best candidates for an equipment, the best first, each once."""
        found: dict[Printer, Candidate] = {}
        for candidate in self._all(equipment):
            found.setdefault(candidate.printer, candidate)
            if len(found) == MOST:
                break
        return list(found.values())

    def _all(self, equipment: Equipment) -> Iterable[Candidate]:
        for printer, why in self._reasons(equipment):
            yield Candidate(printer, why, _remedy(equipment, printer))

    def _reasons(self, equipment: Equipment) -> Iterable[tuple[Printer, Message]]:
        for printer in self._street.with_serial(equipment.manufacturer_serial_number):
            yield printer, message("It has the serial number that the portal has: {serial}.", serial=_serial(printer))
        before = self._before.get(equipment.equipment_number)
        for printer in self._street.with_serial(before.serial_number_raw) if before else ():
            yield (
                printer,
                message("It is the printer that was read before: serial number {serial}.", serial=_serial(printer)),
            )
        number = equipment.technical_identification_number
        if number:
            yield from self._by_name(number)
        yield from self._by_model(equipment)

    def _by_name(self, number: str) -> Iterable[tuple[Printer, Message]]:
        for printer in self._street.candidates(number):
            if printer in self._free and (evidence := evidence_of(number, printer)):
                yield printer, message("It is called {name}.", name=evidence[0].device)
        label = first_label(spelled(meant_by(number).text))
        for close in get_close_matches(label, self._labels, n=MOST, cutoff=SIMILAR) if label else ():
            for printer in self._labels[close]:
                yield printer, message("Its name is similar: {name}.", name=close)

    def _by_model(self, equipment: Equipment) -> Iterable[tuple[Printer, Message]]:
        """The only printer of its model that is left over."""
        same = self._models.get(_letters(equipment.model), ()) if equipment.model else ()
        if len(same) == 1:
            said = message("It is the only printer without equipment that is a {model}.", model=equipment.model)
            yield same[0], said


def _remedy(equipment: Equipment, printer: Printer) -> Message:
    """What would make this printer match: a person's word, or its name in the portal."""
    number, place = equipment.equipment_number.lstrip("0"), str(printer.endpoint)
    if printer.name is None:
        return message(
            "If it is this one: meter-agent match confirm {equipment} {place}", equipment=number, place=place
        )
    return message(
        "If it is this one: meter-agent match confirm {equipment} {place}, or write its name into the portal: "
        "meter-agent match write {equipment} {name}",
        equipment=number,
        place=place,
        name=printer.name,
    )


def _letters(text: str | None) -> str:
    """A model without case, blanks and signs."""
    return "".join(sign for sign in (text or "").casefold() if sign.isalnum())


def _serial(printer: Printer) -> str:
    return printer.identity.serial_number_raw or ""
