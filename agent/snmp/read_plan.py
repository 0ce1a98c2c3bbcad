"""How a printer that was read before is asked again: for what it told then, in as few datagrams as that fits.

Every value is asked for by GETNEXT of what stood before it, and so is whatever follows the last row of a table. A row
that came or went shows itself as it would in a walk; then the plan does not hold, and the printer is asked in full.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from agent.snmp.codec import encode_oid
from agent.snmp.inquiry import before
from agent.snmp.varbinds import Answer, Ask, Oid, Packet, Table, Value, Varbinds, dotted, oid_of

ROOM = 1320  # octets of varbinds in one answer: with its frame, in SNMPv3 too, below what an Ethernet frame carries
MOST_NAMES = 64  # of a packet: the request, too, fits a frame
MOST_PROBES = 8  # of these are kept for what follows the last rows
MOST_ROWS = 4  # rows of the tables that come and go, asked for in the same datagram
CELL = 30  # octets of a varbind of those tables that was not there before
GROWTH = 60  # octets by which all texts together may be longer than they were
SHORT = 8  # octets that are not worth counting
HARMLESS = frozenset({"late_reply", "gen_err", "bulk_silent"})  # who answers oddly otherwise is asked in full


@dataclass(frozen=True, eq=False)
class ReadPlan:
    """What a printer told to the question with this `fingerprint`, by packets; printers of one kind may share it.

    `rows` is how many rows the tables had that come and go.
    """

    fingerprint: str
    rows: int
    packets: tuple[tuple[Oid, ...], ...]

    @cached_property
    def text(self) -> str:
        """The plan as it is kept; `plan_of` takes it back."""
        lines = (" ".join(map(dotted, packet)) for packet in self.packets)
        return "\n".join((f"{self.fingerprint} {self.rows}", *lines))

    @cached_property
    def digest(self) -> str:
        """What the text is called where it is kept."""
        return digest_of(self.text)

    @cached_property
    def told(self) -> frozenset[Oid]:
        """Every object and row that the printer had."""
        return frozenset(oid for packet in self.packets for oid in packet)

    def holds(self, answer: Answer, question: Ask) -> bool:
        """Whether the printer told exactly these again, whatever rows come and go."""
        come_and_go = sum(len(answer.varbinds.below(column)) for column in question.changing)
        return (
            answer.complete
            and len(answer.varbinds) - come_and_go == len(self.told)
            and all(oid in answer.varbinds for oid in self.told)
        )


def plan_of(text: str) -> ReadPlan:
    """The plan in a text. Raises `ValueError` for anything else."""
    head, *lines = text.split("\n")
    fingerprint, _, rows = head.partition(" ")
    return ReadPlan(fingerprint, int(rows), tuple(tuple(map(oid_of, line.split(" "))) for line in lines))


def digest_of(text: str) -> str:
    """SHA-256 in hexadecimal, cut to 128 bits: it tells things apart and protects nothing."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the values of a question stand."""

    question: Ask

    @cached_property
    def fingerprint(self) -> str:
        """A digest of what is asked: a plan learnt for another question is none for this one."""
        tables = [(table.columns, table.most) for table in self.question.tables]
        return digest_of(repr((self.question.objects, tables, sorted(self.question.changing))))

    @cached_property
    def columns(self) -> dict[Oid, bool]:
        """The columns, and whether they are walked to their ends."""
        return {column: table.most is None for table in self.question.tables for column in table.columns}

    def place_of(self, oid: Oid) -> Oid | None:
        """The object itself or the column it is a row of, as it was asked for."""
        if oid in self.question.objects:
            return oid
        return next((oid[:size] for size in range(len(oid) - 1, 1, -1) if oid[:size] in self.columns), None)

    def comes_and_goes(self, oid: Oid) -> bool:
        """Whether this is a row of a table that changes all the time."""
        return any(oid[: len(column)] == column for column in self.question.changing)


@lru_cache(maxsize=500)
def layout_of(question: Ask) -> Layout:
    """The layout of this very question; those of profiles live as long as the process."""
    return Layout(question)


class Shape:
    """The objects and rows that printers of one kind tell to a question, and the plan for whoever fits into it."""

    def __init__(self, layout: Layout, oids: frozenset[Oid]) -> None:
        self.fixed = sorted(oid for oid in oids if not layout.comes_and_goes(oid))
        self.passing = [oid for oid in oids if layout.comes_and_goes(oid)]
        self.is_whole = bool(self.fixed) and all(layout.place_of(oid) is not None for oid in self.fixed)
        self._layout = layout
        self._plan: ReadPlan | None = None
        self._texts: list[tuple[Oid, int]] = []

    def plan_for(self, found: Varbinds) -> ReadPlan:
        """A plan with room for these values; mostly the one that was made for the printer before."""
        if self._plan is None or self._growth(found) > GROWTH:
            self._plan = self._made(found)
            self._texts = [(oid, octets) for oid, value in found.items() if (octets := octets_of(value)) > SHORT]
        return self._plan

    def _growth(self, found: Varbinds) -> int:
        """Octets by which texts are longer than they were for the printer that the plan was made for."""
        return sum(max(octets_of(found[oid]) - octets, 0) for oid, octets in self._texts)

    def _made(self, found: Varbinds) -> ReadPlan:
        changing = self._layout.question.changing
        rows = min(max((len(found.below(column)) for column in changing), default=0), MOST_ROWS)
        room = ROOM - sum(size_of(oid, found[oid]) for oid in self.passing) - len(changing) * CELL
        most = MOST_NAMES - MOST_PROBES - len(changing) * (rows + 1)
        sizes = [(oid, size_of(oid, found[oid])) for oid in self.fixed]
        return ReadPlan(self._layout.fingerprint, rows, _packed(sizes, room, most))


@lru_cache(maxsize=500)
def _shape_of(question: Ask, oids: frozenset[Oid]) -> Shape:
    return Shape(layout_of(question), oids)


def learnt(question: Ask, answer: Answer) -> ReadPlan | None:
    """The plan for a printer that has told all this; None for one that does not answer as printers should."""
    if not answer.complete or not HARMLESS.issuperset(answer.notes):
        return None
    shape = _shape_of(question, frozenset(answer.varbinds))
    return shape.plan_for(answer.varbinds) if shape.is_whole else None


def _packed(sizes: Sequence[tuple[Oid, int]], room: int, most: int) -> tuple[tuple[Oid, ...], ...]:
    """As few packets as they fit; the last one has less `room`, as it travels with the tables that come and go."""
    packets: list[list[Oid]] = [[]]
    for oid, size in reversed(sizes):
        if packets[-1] and (size > room or len(packets[-1]) >= most):
            packets.append([])
            room, most = ROOM, MOST_NAMES - MOST_PROBES
        packets[-1].append(oid)
        room -= size
    return tuple(tuple(reversed(packet)) for packet in reversed(packets))


def size_of(oid: Oid, value: Value) -> int:
    """Octets of this varbind in an answer; a number may be longer by one later."""
    octets = octets_of(value)
    return 4 + len(encode_oid(oid)) + octets + (4 if octets > 0x7F else 2)


def octets_of(value: Value) -> int:
    """Octets of a value's content: of a number one more than it has, of an identifier the most that it may have."""
    content = value.content
    if isinstance(content, bytes):
        return len(content)
    return 5 * len(content) if isinstance(content, tuple) else (content or 0).bit_length() // 8 + 2


@lru_cache(maxsize=2000)
def ask_by(plan: ReadPlan, question: Ask) -> Ask:
    """The plan as a question; the tables that come and go are walked as ever."""
    layout = layout_of(question)
    rows = sorted(plan.told)
    earlier = dict(zip(rows[1:], rows, strict=False))
    last = {layout.place_of(oid): oid for oid in rows}
    ends = _ends(layout, last)
    packets = tuple(_packet(layout, packet, earlier, ends) for packet in plan.packets)
    columns = tuple(column for column in layout.columns if column in question.changing)
    tables = (Table(columns, max(plan.rows, 1)),) if columns else ()
    return Ask(tables=tables, bulk=question.bulk, changing=question.changing, packets=packets)


def _ends(layout: Layout, last: dict[Oid | None, Oid]) -> dict[Oid, Oid]:
    """One column of each table by the last row it had: a new row is one in all columns."""
    walked = {column[:-1]: column for column, to_its_end in layout.columns.items() if to_its_end and column in last}
    return {last[column]: column for column in walked.values()}


def _packet(layout: Layout, oids: Sequence[Oid], earlier: dict[Oid, Oid], ends: dict[Oid, Oid]) -> Packet:
    names, within = [], []
    for oid in oids:
        place = layout.place_of(oid) or oid
        last = earlier.get(oid, place)
        names.append(before(oid) if place == oid else last if last[: len(place)] == place else place)
        within.append(place)
    probed = [oid for oid in oids if oid in ends]
    return Packet((*names, *probed), (*within, *(ends[oid] for oid in probed)), tuple(oids))
