"""The printers that come nearest to an equipment without one, and what would make them match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from agent.evidence import evidence_of, names_of
from agent.likeness import first_label, spelled
from agent.printers import Equipment, Identity, Printer
from agent.street import Street
from agent.texts import Message, message

MOST = 3  # candidates that are shown
MOST_COMPARED = 500  # free printers whose names are compared letter by letter
SIMILAR = 0.75  # of difflib's ratio


@dataclass(frozen=True, slots=True)
class Candidate:
    """A printer that may be meant, and why; `why` is None where the refusal's reason says it."""

    printer: Printer
    why: Message | None = None


class Near:
    """What is near among these printers: `free` are claimed by nobody, `before` were read last."""

    def __init__(self, street: Street, free: Sequence[Printer], before: Mapping[str, Identity]) -> None:
        self._street = street
        self._free = free
        self._before = before
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
        for printer in self._street.with_serial(equipment.manufacturer_serial_number):
            said = message("It has the serial number that the portal has: {serial}.", serial=_serial(printer))
            yield _candidate(printer, said)
        before = self._before.get(equipment.equipment_number)
        for printer in self._street.with_serial(before.serial_number_raw) if before else ():
            said = message("It is the printer that was read before: serial number {serial}.", serial=_serial(printer))
            yield _candidate(printer, said)
        number = equipment.technical_identification_number
        if number:
            yield from self._by_name(number)

    def _by_name(self, number: str) -> Iterable[Candidate]:
        free = set(self._free)
        for printer in self._street.candidates(number):
            if printer in free and (evidence := evidence_of(number, printer)):
                yield _candidate(printer, message("It is called {name}.", name=evidence[0].device))
        label = first_label(spelled(number))
        for close in get_close_matches(label, self._labels, n=MOST, cutoff=SIMILAR) if label else ():
            for printer in self._labels[close]:
                yield _candidate(printer, message("Its name is similar: {name}.", name=close))


def _candidate(printer: Printer, why: Message) -> Candidate:
    return Candidate(printer, why)


def _serial(printer: Printer) -> str:
    return printer.identity.serial_number_raw or ""
