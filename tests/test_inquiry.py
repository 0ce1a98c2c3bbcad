"""The plan of an exchange: complete on honest printers, gentle on ordinary ones, finite on hostile ones."""

from __future__ import annotations

import random
from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.snmp.catalogue import shipped
from agent.snmp.codec import GET, GET_BULK, GET_NEXT, Response
from agent.snmp.inquiry import Bounds, Inquiry, Request
from agent.snmp.varbinds import Ask, Oid, Table, Tag, Value

END = Value(Tag.END_OF_MIB_VIEW, None)
NOTHING = Value(Tag.NO_SUCH_OBJECT, None)
CATALOGUE = shipped()


class Device:
    """An honest SNMP agent over a table of values; `cut` varbinds at most, `no_bulk` answers genErr to GETBULK."""

    def __init__(self, values: dict[Oid, Value], version="v2c", cut=10_000, *, no_bulk=False, limit=10_000):
        self.values = values
        self.order = sorted(values)
        self.version = version
        self.cut = cut
        self.limit = limit
        self.no_bulk = no_bulk

    def answer(self, request: Request) -> Response:
        if request.pdu == GET_BULK and self.no_bulk:
            return self._error(5, 0)
        if request.pdu != GET_BULK and len(request.oids) > self.limit:
            return self._error(1, 0)
        if request.pdu == GET:
            found = [(oid, self.values.get(oid, NOTHING)) for oid in request.oids]
        elif request.pdu == GET_NEXT:
            found = [self._next(oid) for oid in request.oids]
        else:
            found = self._bulk(request)[: self.cut]
        if self.version == "v1":
            for place, (_, value) in enumerate(found):
                if value.tag >= 0x80:
                    return self._error(2, place + 1)
        return Response(1, b"public", 1, 0, 0, found)

    def _next(self, oid: Oid):
        at = bisect_right(self.order, oid)
        return (self.order[at], self.values[self.order[at]]) if at < len(self.order) else (oid, END)

    def _bulk(self, request: Request):
        found = [self._next(oid) for oid in request.oids[: request.riders]]
        row = list(request.oids[request.riders :])
        for _ in range(request.rows):
            cells = [self._next(oid) for oid in row]
            found += cells
            row = [oid for oid, _ in cells]
        return found

    def _error(self, status: int, index: int) -> Response:
        return Response(1, b"public", 1, status, index, [])


def talk(device, ask: Ask, version="v2c", most=2000):
    """The outcome of an exchange and the number of requests it took."""
    inquiry = Inquiry(ask, version, Bounds())
    for count in range(most):
        request = inquiry.next_request()
        if request is None:
            return inquiry.outcome(count), count
        response = device.answer(request)
        if response is None:
            if not inquiry.unanswered(speaks=True):
                return inquiry.outcome(count), count
        elif inquiry.answers(response):
            inquiry.accept(response, 100)
        elif not inquiry.unanswered(speaks=True):
            return inquiry.outcome(count), count
    raise AssertionError("the exchange does not end")


small = st.integers(1, 4)
column_oids = st.tuples(st.just(1), st.just(3), small, small)
indices = st.lists(st.tuples(small, st.integers(1, 12)), max_size=14, unique=True)
mibs = st.dictionaries(column_oids, indices, max_size=6)


@given(mibs, st.integers(1, 64), st.sampled_from(["v1", "v2c"]), st.booleans(), st.integers(1, 12), st.integers(3, 200))
@settings(max_examples=300)
def test_an_honest_printer_is_read_completely(mib, rows, version, no_bulk, limit, cut):
    """Every asked object and every row of every asked column is in the outcome: in v1 too, with genErr on GETBULK,
    with tooBig, and with answers cut at any length."""
    values = {
        (*column, *index): Value(Tag.INTEGER, number)
        for column, rows_of in mib.items()
        for number, index in enumerate(rows_of)
    }
    columns = [(1, 3, a, b) for a in range(1, 5) for b in range(1, 5)]
    objects = [(1, 3, 1, 1, 1, 1), (1, 3, 2, 2, 1, 3), (1, 3, 4, 4, 4, 12), (1, 3, 9, 9, 0), (1, 3, 2, 2, 0)]
    ask = Ask(tuple(objects), (Table(tuple(columns[:7]), rows), Table(tuple(columns[7:9]), 1)))
    device = Device(values, version, max(cut, 3), no_bulk=no_bulk, limit=max(limit, 1))
    outcome, _ = talk(device, ask, version)
    wanted = {oid for oid in values if oid[:4] in columns[:9]} | (set(objects) & set(values))
    assert set(outcome.varbinds) >= wanted
    assert all(outcome.varbinds[oid] == values[oid] for oid in outcome.varbinds)
    assert outcome.complete


@given(st.integers(0, 10**9), st.sampled_from(["v1", "v2c"]))
@settings(max_examples=200)
def test_a_hostile_printer_comes_to_an_end(seed, version):
    """Random identifiers, endless rows, loops, errors, silence: the exchange ends within its bounds."""
    chance = random.Random(seed)

    class Hostile:
        def answer(self, request: Request):
            kind = chance.randrange(8)
            if kind == 0:
                return None
            if kind == 1:
                return Response(1, b"", 1, chance.randrange(20), chance.randrange(-2, 40), [])
            count = chance.randrange(0, 80)
            found = []
            for place in range(count):
                base = request.oids[place % len(request.oids)]
                oid = (*base, chance.randrange(3)) if chance.random() < 0.7 else (1, 3, chance.randrange(5))
                found.append((oid, chance.choice([Value(Tag.INTEGER, 1), END, NOTHING, Value(Tag.NULL, None)])))
            return Response(1, b"", 1, 0, 0, found)

    ask = shipped().generic.read_ask
    outcome, _ = talk(Hostile(), ask, version, most=20_000)
    assert len(outcome.varbinds) <= Bounds().varbinds + 256


class Endless:
    """Every walk goes on for ever, inside its column."""

    def answer(self, request: Request) -> Response:
        found = []
        row = list(request.oids[request.riders :])
        for _ in range(max(request.rows, 1)):
            row = [(*oid, 1) if len(oid) < 100 else (*oid[:-1], oid[-1] + 1) for oid in row]
            found += [(oid, Value(Tag.INTEGER, 1)) for oid in row]
        riders = [(oid, NOTHING) for oid in request.oids[: request.riders]]
        return Response(1, b"public", 1, 0, 0, riders + found)


def test_an_endless_walk_is_cut_and_said_to_be():
    """The budget ends it, what was read is kept, and the outcome names what is missing."""
    outcome, count = talk(Endless(), Ask(tables=(Table(((1, 3, 6),), 4),)))
    assert not outcome.complete
    assert outcome.missing == ((1, 3, 6),)
    assert len(outcome.varbinds) >= 1000
    assert count < 400


def test_an_endless_walk_ends_by_its_octets_too():
    """Few rows of many octets: the exchange is over when so many were taken, and says what is missing."""
    inquiry = Inquiry(Ask(tables=(Table(((1, 3, 6),), 4),)), "v2c", Bounds(octets=3000))
    count = 0
    while request := inquiry.next_request():
        inquiry.accept(Endless().answer(request), 1000)
        count += 1
        assert count <= 3
    assert inquiry.outcome(count).missing == ((1, 3, 6),)


def test_a_looping_walk_is_noticed():
    """A device that returns to an earlier row is not walked again."""

    class Looping:
        def answer(self, request: Request) -> Response:
            rows = [((1, 3, 6, n % 3), Value(Tag.INTEGER, n)) for n in range(request.rows)]
            return Response(1, b"public", 1, 0, 0, rows)

    outcome, count = talk(Looping(), Ask(tables=(Table(((1, 3, 6),), 4),)))
    assert "looping_walk" in outcome.notes
    assert len(outcome.varbinds) == 3
    assert count == 1
    assert outcome.missing == ((1, 3, 6),)


def test_rows_out_of_order_are_taken():
    """LaserJets return rows out of order and still come to an end: no row is lost by that."""

    class Shuffled:
        order = ((1, 3, 6, 2), (1, 3, 6, 1), (1, 3, 6, 5), (1, 3, 6, 3), (1, 3, 7, 0))

        def answer(self, request: Request) -> Response:
            at = self.order.index(request.oids[0]) + 1 if request.oids[0] in self.order else 0
            rows = [(oid, Value(Tag.INTEGER, 1)) for oid in self.order[at : at + request.rows]]
            return Response(1, b"public", 1, 0, 0, rows)

    outcome, _ = talk(Shuffled(), Ask(tables=(Table(((1, 3, 6),), 4),)))
    assert set(outcome.varbinds) == set(Shuffled.order[:4])
    assert outcome.complete


@pytest.mark.parametrize("supplies", [1, 4, 6])
def test_an_ordinary_printer_takes_few_datagrams(supplies):
    """One identify and two read datagrams, whatever an ordinary printer has."""
    generic = CATALOGUE.generic
    columns = [oid for table in generic.read_ask.tables for oid in table.columns]

    values = {}
    for column in columns:
        for index in range(1, (supplies if column[:9] == (1, 3, 6, 1, 2, 1, 43, 11, 1) else 1) + 1):
            values[(*column, 1, index)] = Value(Tag.INTEGER, index)
    values[(2, 0)] = Value(Tag.INTEGER, 0)
    values |= {oid: Value(Tag.OCTET_STRING, b"x") for oid in generic.read_ask.objects}

    identified, first = talk(Device(values), generic.identify_ask)
    outcome, second = talk(Device(values), generic.read_ask)
    assert outcome.complete
    assert identified.complete
    assert (first, second) == (1, 2)
