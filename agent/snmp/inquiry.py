"""What to ask a printer next, and what its answers mean for that: the plan of one exchange, without any network.

`next_request` says what to send, `accept` takes the response, `unanswered` says that none came. The plan is gentle and
patient: few datagrams where the printer is ordinary, smaller or simpler ones where it is not, and an end in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain

from agent.snmp.codec import GET, GET_BULK, GET_NEXT, Response, encode_frame, encode_pdu
from agent.snmp.varbinds import ABSENT, Answer, Ask, Oid, Packet, Tag, Value, Varbinds

MAX_OBJECTS = 24  # per GET: request and answer stay below an Ethernet frame
MAX_CELLS = 60  # columns x rows per GETBULK: about 1400 octets
FEW_ROWS, MORE_ROWS = 2, 8  # how a table that is longer than usual is continued
RIDING_OBJECTS = 24  # objects that travel as non-repeaters of the smallest table's GETBULK

TOO_BIG, NO_SUCH_NAME, GEN_ERR = 1, 2, 5
EXCEPTIONS = int(Tag.NO_SUCH_OBJECT)  # the tags from here on say that there is no value (RFC 3416)


@dataclass(frozen=True, eq=False)
class Request:
    """One request PDU: for GET_BULK `riders` leading identifiers do not repeat, the others `rows` times."""

    pdu: int
    oids: tuple[Oid, ...]
    riders: int = 0
    rows: int = 0
    _frames: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict, init=False, repr=False)

    def frame(self, head: bytes) -> tuple[bytes, bytes]:
        """The message before and after its request id, made once for all who are spoken to in the same way."""
        known = self._frames.get(head)
        if known is None:
            known = self._frames[head] = encode_frame(head, self.octets)
        return known

    @cached_property
    def octets(self) -> tuple[bytes, bytes]:
        """The encoded PDU before and after its request id; many printers share one request."""
        riders = self.riders if self.rows else 0
        return encode_pdu(self.pdu, self.oids, first=riders, second=self.rows)


@lru_cache(maxsize=512)
def bulk_request(oids: tuple[Oid, ...], riders: int, rows: int) -> Request:
    """One GETBULK for all printers that are to be asked for the same: printers of one model have the same last rows."""
    return Request(GET_BULK, oids, riders=riders, rows=rows)


class Column:
    """A table column being walked: where it is, and what it has given. `beyond` is the first identifier after it."""

    __slots__ = ("beyond", "continued", "cut", "done", "last", "most", "prefix", "rows", "taken")

    def __init__(self, prefix: Oid, beyond: Oid, rows: int, most: int | None) -> None:
        self.prefix = self.last = prefix
        self.beyond = beyond
        self.rows = rows
        self.most = most
        self.continued = self.done = self.cut = False
        self.taken: list[tuple[Oid, Value]] = []

    def take(self, cells: Sequence[tuple[Oid, Value]], notes: list[str]) -> None:
        """Answers for this column in their order; what is odd about them goes to `notes`."""
        last, beyond, taken = self.last, self.beyond, self.taken
        if self.most is not None:
            cells = cells[: self.most - len(taken)]
        for varbind in cells:
            oid, value = varbind
            if not (last < oid < beyond and value[0] < EXCEPTIONS) and self._ends(oid, value, notes):
                self.done = True
                break
            taken.append(varbind)
            last = oid
        self.last = last
        if len(taken) == self.most:
            self.done = True

    def _ends(self, oid: Oid, value: Value, notes: list[str]) -> bool:
        """Whether an answer that is not simply the next row ends the column. A null is a row all the same."""
        if oid[: len(self.prefix)] != self.prefix or value.tag >= EXCEPTIONS:
            return True
        self.cut = any(oid == known for known, _ in self.taken)
        notes.append("looping_walk" if self.cut else "out_of_order")
        return self.cut


@dataclass(frozen=True, eq=False)
class Batch:
    """Objects to be asked for together; `nearby` by GETNEXT of what stands before each, else by GET.

    Of a `packet` everything but its names is `within` and `oids`.
    """

    oids: tuple[Oid, ...]
    nearby: bool
    packet: Packet | None = None

    @cached_property
    def names(self) -> tuple[Oid, ...]:
        """The identifiers that are sent."""
        if self.packet is not None:
            return self.packet.names
        return tuple(map(before, self.oids)) if self.nearby else self.oids

    @cached_property
    def request(self) -> Request:
        """The request for these objects alone."""
        return Request(GET_NEXT, self.names, riders=len(self.names)) if self.nearby else Request(GET, self.names)


class Plan:
    """How an `Ask` begins in one version, the same for every printer."""

    def __init__(self, ask: Ask, version: str, *, bulk: bool) -> None:
        # One absent object fails a whole v1 GET; GETNEXT of what stands before each object does not.
        nearby = version == "v1" or (bulk and bool(ask.tables) and len(ask.objects) <= RIDING_OBJECTS)
        groups = [ask.objects[at : at + MAX_OBJECTS] for at in range(0, len(ask.objects), MAX_OBJECTS)]
        known = [Batch(packet.expected, nearby=True, packet=packet) for packet in ask.packets]
        self.batches = (*(Batch(group, nearby) for group in groups), *known)
        tables = sorted(ask.tables, key=lambda table: len(table.columns) * table.rows)
        self.tables = [
            [(oid, (*oid[:-1], oid[-1] + 1), table.rows, table.most) for oid in table.columns] for table in tables
        ]
        self.openings: dict[tuple[int, Batch | None], Request] = {}  # tables not yet opened, riders -> first request


@lru_cache(maxsize=2500)  # a fleet has some hundreds of read plans
def plan_of(ask: Ask, version: str, *, bulk: bool) -> Plan:
    """The plan for this very `Ask`; asks of a profile live as long as the process."""
    return Plan(ask, version, bulk=bulk)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one exchange may take from a device: varbinds and octets of answers."""

    varbinds: int = 2000
    octets: int = 64 * 1024


class Inquiry:
    """The plan for one `Ask` in one SNMP version ("v1" or "v2c"); `bulk` False for a printer that cannot do GETBULK."""

    def __init__(self, ask: Ask, version: str, bounds: Bounds, *, bulk: bool = True) -> None:
        self._version = version
        self._bounds = bounds
        self._bulk = bulk and ask.bulk and version == "v2c"
        self._plan = plan_of(ask, version, bulk=self._bulk)
        self._shrink = 1
        self._batches = list(self._plan.batches)
        self._fresh = [[Column(*place) for place in table] for table in self._plan.tables]
        self._columns = [column for columns in self._fresh for column in columns]
        self._values: dict[Oid, Value] = {}
        self._lost: list[Oid] = []
        self._refusals: list[Oid] = []
        self._taken = self._octets = 0
        self._request: Request | None = None
        self._asked: list[Column] = []
        self.notes: list[str] = []

    def next_request(self) -> Request | None:
        """What to send now; None when everything is answered, given up, or a bound is reached."""
        self._request = None
        if self._taken < self._bounds.varbinds and self._octets < self._bounds.octets:
            self._request = self._objects_request() or self._columns_request()
        return self._request

    def answers(self, response: Response) -> bool:
        """Whether a response can be one to the last request: its identifiers are those asked for, or not too many."""
        request = self._request
        if request is None:
            return False
        if response.error_status:
            return len(response.varbinds) <= len(request.oids)
        if request.pdu == GET:
            return [oid for oid, _ in response.varbinds] == list(request.oids)
        most = request.riders + (len(request.oids) - request.riders) * max(request.rows, 1)
        return len(response.varbinds) <= most

    def accept(self, response: Response, octets: int) -> None:
        """Takes the response to the last request, `octets` long."""
        request = self._request
        if request is None:
            return
        self._taken += max(len(response.varbinds), 1)
        self._octets += octets
        if response.error_status:
            self._refused(request, response)
        elif request.pdu == GET:
            self._batches.pop(0)
            self._values.update(response.varbinds)
        else:
            self._walked(request, response.varbinds)

    def unanswered(self, *, speaks: bool) -> bool:
        """No response came to the last request. True: there is a simpler way to ask; False: give up.

        `speaks` says that the printer has answered something before.
        """
        request = self._request
        if self._asks_packet(request):
            self._abandon("plan_silent")
        elif request is not None and request.pdu == GET_BULK and (speaks or self._taken):
            self._simpler("bulk_silent")
            return True
        return False

    def outcome(self, datagrams: int) -> Answer:
        """Everything that was answered so far, and what is missing."""
        self._values.update(chain.from_iterable([column.taken for column in self._columns if column.taken]))
        missing = [column.prefix for column in self._columns if column.cut or not column.done]
        missing += [*self._lost, *(oid for batch in self._batches for oid in batch.oids)]
        return Answer(
            varbinds=Varbinds(self._values),
            version=self._version,
            datagrams=datagrams,
            complete=not missing,
            missing=tuple(missing),
            notes=tuple(dict.fromkeys(self.notes)),
            refused=tuple(self._refusals),
        )

    def _objects_request(self) -> Request | None:
        """The next batch of objects, unless it rides on a GETBULK."""
        if not self._batches:
            return None
        batch = self._batches[0]
        if batch.nearby and self._bulk and self._fresh and len(self._batches) == 1:
            return None
        return batch.request

    def _columns_request(self) -> Request | None:
        """The first rows of a table in one GETBULK, later all columns that still have rows, across tables."""
        if not self._bulk:
            self._fresh.clear()
        elif self._fresh and self._shrink == 1:
            return self._opening()
        columns = [column for column in (self._fresh[0] if self._fresh else self._columns) if not column.done]
        if not columns:
            return None
        if not self._bulk:
            self._asked = columns[: max(MAX_OBJECTS // self._shrink, 1)]
            return Request(GET_NEXT, tuple(column.last for column in self._asked))
        return self._bulk_request(columns)

    def _opening(self) -> Request:
        """The first request for a table, with objects that ride along; made once for all printers."""
        riding = self._batches[0] if self._batches else None
        key = (len(self._fresh), riding)
        request = self._plan.openings.get(key)
        if request is None:
            request = self._bulk_request(self._fresh[0])
            if riding is None or riding in self._plan.batches:
                self._plan.openings[key] = request
        else:
            self._asked = self._fresh[0][: len(request.oids) - request.riders]
        return request

    def _bulk_request(self, columns: list[Column]) -> Request:
        riders = self._batches[0].names if self._batches else ()
        self._asked = columns[: max(MAX_CELLS // 2 // self._shrink, 1)]
        usual = max(column.rows for column in self._asked) + 1  # the row after the last one proves the end
        measured = self._batches and self._batches[0].packet  # whoever made the packet has left room for these rows
        fitting = usual if measured else (MAX_CELLS - len(riders)) // len(self._asked)
        rows = max(min(usual, fitting) // self._shrink, 1)
        return bulk_request((*riders, *[column.last for column in self._asked]), len(riders), rows)

    def _walked(self, request: Request, varbinds: Sequence[tuple[Oid, Value]]) -> None:
        """Answers to GETNEXT or GETBULK: riders first, then row by row."""
        if request.riders:
            self._ridden(varbinds[: request.riders])
        cells = varbinds[request.riders :]
        width = len(request.oids) - request.riders
        if not cells and width:
            if request.riders:
                return  # the riders took all the room: the columns are asked for again without them
            self._give_up(self._asked, "empty_answer")
        for place, column in enumerate(self._asked if width else ()):
            column.take(cells[place::width], self.notes)
        if width and self._fresh:
            self._fresh.pop(0)
        for column in self._asked if width else ():
            # Longer than usual: probably a row or two, else many.
            column.rows, column.continued = MORE_ROWS if column.continued else FEW_ROWS, True

    def _ridden(self, varbinds: Sequence[tuple[Oid, Value]]) -> None:
        """Objects asked by GETNEXT: each is there, or proven absent because the next one is beyond it."""
        batch = self._batches.pop(0)
        if batch.packet is not None:
            self._found(batch.packet, varbinds)
            return
        wanted = batch.oids
        again = list(wanted[len(varbinds) :])
        for oid, (found, value) in zip(wanted, varbinds, strict=False):
            if found == oid:
                self._values[oid] = value
            elif found < oid and value.tag not in ABSENT:
                again.append(oid)  # something lies between: only a GET can tell
        alone = self._version == "v1"
        self._batches += (
            [Batch((oid,), False) for oid in again] if alone else [Batch(tuple(again), False)] * bool(again)
        )

    def _found(self, packet: Packet, varbinds: Sequence[tuple[Oid, Value]]) -> None:
        """Values that were there before: whatever lies where they lay is taken, so that a change shows itself."""
        taken = [
            varbind
            for varbind, within in zip(varbinds, packet.within, strict=False)
            if varbind[1][0] < EXCEPTIONS and varbind[0][: len(within)] == within
        ]
        self._values.update(taken)
        self._lost += packet.expected[len(varbinds) :]

    def _asks_packet(self, request: Request | None) -> bool:
        return bool(request is not None and request.riders and self._batches and self._batches[0].packet)

    def _abandon(self, note: str) -> None:
        """This printer does not take its read plan: no more of it, and nothing else in this exchange."""
        self.notes.append(note)
        for column in self._columns:
            column.cut = column.cut or not column.done
            column.done = True
        self._fresh.clear()
        self._lost += [oid for batch in self._batches for oid in batch.oids]
        self._batches.clear()

    def _refused(self, request: Request, response: Response) -> None:
        """An error status: ask for less, or without the object that is to blame."""
        status, index = response.error_status, response.error_index
        if status == NO_SUCH_NAME and 1 <= index <= len(request.oids):
            self._without(request, index - 1)
        elif self._asks_packet(request) and (request.pdu != GET_BULK or status == TOO_BIG):
            self._abandon("plan_refused")
        elif request.riders == len(request.oids) or request.pdu == GET:
            self._split_objects()
        elif request.pdu == GET_BULK and status != TOO_BIG:
            self._simpler("gen_err")
        elif request.rows > 1 or len(self._asked) > 1:
            self.notes.append("too_big" if status == TOO_BIG else "gen_err")
            self._shrink *= 2
        else:
            self._give_up(self._asked, "refused")

    def _without(self, request: Request, place: int) -> None:
        """noSuchName (v1): this object is absent, this column is at its end; the others are asked again."""
        if place < request.riders or request.pdu == GET:
            batch = self._batches.pop(0)
            if batch.packet is not None:
                # At the end of everything that it has: nothing follows, as it should be, or a value is gone.
                self._batches[:0] = [Batch(batch.oids, nearby=True, packet=batch.packet.without(place))]
                return
            rest = batch.oids[:place] + batch.oids[place + 1 :]
            self._batches[:0] = [Batch(rest, batch.nearby)] if rest else []
        else:
            self._asked[place - request.riders].done = True

    def _split_objects(self) -> None:
        batch = self._batches.pop(0)
        if len(batch.oids) == 1:
            self._refusals.append(batch.oids[0])
            self._lost.append(batch.oids[0])
            self.notes.append("refused")
        else:
            half = len(batch.oids) // 2
            self._batches[:0] = [Batch(batch.oids[:half], batch.nearby), Batch(batch.oids[half:], batch.nearby)]

    def _simpler(self, note: str) -> None:
        """This printer does not take GETBULK: go on with GETNEXT."""
        self.notes.append(note)
        self._bulk = False

    def _give_up(self, columns: Iterable[Column], note: str) -> None:
        self.notes.append(note)
        for column in columns:
            if not column.done:
                column.done = column.cut = True
                self._refusals += [column.prefix] if note == "refused" else []


def before(oid: Oid) -> Oid:
    """An identifier whose successor is `oid` if that exists: of an instance `.0` the object itself."""
    return oid[:-1] if oid[-1] == 0 else (*oid[:-1], oid[-1] - 1)
