"""Orders in which a walk meets a device's objects when the device is not quite right."""

from __future__ import annotations

from itertools import groupby

from sandbox.printers import ber
from sandbox.printers.mib import Mib, Row, row

HIGHEST_ARC = 2**32 - 1


class Endless:
    """Behind the last row of each table or scalar there is always one row more, with the last one's value."""

    def __init__(self, mib: Mib) -> None:
        self._mib = mib

    def __call__(self, name: bytes) -> Row | None:
        """The row after `name`, invented where the real ones end."""
        mib = self._mib
        arcs, place = ber.arcs(name), mib.place_after(name)
        if place < len(mib.oids) and mib.oids[place][: len(arcs) - 1] == arcs[:-1]:
            return mib.rows[place]
        if arcs[:-1] in mib.columns and place > 0 and arcs[-1] < HIGHEST_ARC:
            return row((*arcs[:-1], arcs[-1] + 1), mib.values[mib.oids[place - 1]])
        return mib.rows[place] if place < len(mib.rows) else None


class Looping:
    """After the last row of a table comes its first one again; a device without tables starts from the top."""

    def __init__(self, mib: Mib) -> None:
        self._mib = mib
        self._back: dict[bytes, Row] = {}
        places = range(len(mib.oids))
        for _, group in groupby(places, key=lambda place: mib.oids[place][:-1]):
            members = list(group)
            if len(members) > 1:
                self._back[mib.rows[members[-1]].name] = mib.rows[members[0]]
        if mib.rows:
            self._back.setdefault(mib.rows[-1].name, mib.rows[0])

    def __call__(self, name: bytes) -> Row | None:
        """The row after `name`, which may be an earlier one."""
        return self._back.get(name) or self._mib.after(name)


class OutOfOrder:
    """The rows of each table come in pairs the wrong way round, none is missing: 2, 1, 4, 3, 5."""

    def __init__(self, mib: Mib) -> None:
        self._mib = mib
        order: list[int] = []
        for _, group in groupby(range(len(mib.oids)), key=lambda place: mib.oids[place][:-1]):
            members = list(group)
            for first in range(0, len(members) - 1, 2):
                order.extend((members[first + 1], members[first]))
            order.extend(members[len(order) - members[0] :])
        self._order = order
        self._slots = {mib.rows[place].name: slot for slot, place in enumerate(order)}

    def __call__(self, name: bytes) -> Row | None:
        """The row that this device thinks comes after `name`."""
        slot = self._slots.get(name)
        following = self._mib.place_after(name) if slot is None else slot + 1
        return self._mib.rows[self._order[following]] if following < len(self._order) else None
