"""Printers by everything that a number may mean, so that thousands are matched without comparing all with all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.evidence import names_of, places_of
from agent.likeness import address_in, first_label, loose, meant_by, plain_mac, spelled
from agent.printers import Printer
from agent.serials import normal_serial, same_serial


class Street:
    """An index over these printers."""

    def __init__(self, printers: Sequence[Printer]) -> None:
        self._printers = printers
        self._by_key: dict[str, set[int]] = {}
        for place, printer in enumerate(printers):
            for key in _keys(printer):
                self._by_key.setdefault(key, set()).add(place)

    def candidates(self, number: str) -> list[Printer]:
        """The printers that this number may mean, in their order; a superset of those it does mean."""
        meant = meant_by(number).text
        names = {*_name_keys(number), *_name_keys(meant)}
        keys = {address_in(meant), plain_mac(number), *names, _serial_key(number)}
        return self._of(key for key in keys if key)

    def with_serial(self, serial: str | None) -> list[Printer]:
        """The printers with this serial number."""
        key = _serial_key(serial)
        return [one for one in self._of([key] if key else ()) if same_serial(serial, one.identity.serial_number_raw)]

    def _of(self, keys: Iterable[str]) -> list[Printer]:
        places = set().union(*(self._by_key.get(key, ()) for key in keys))
        return [self._printers[place] for place in sorted(places)]


def _keys(printer: Printer) -> Iterable[str]:
    for _, name in names_of(printer):
        yield from _name_keys(name)
    if tag := printer.identity.asset_tag:
        yield from _name_keys(tag)
    for endpoint in places_of(printer):
        yield address_in(endpoint.address) or endpoint.address
    announced = {mac for sighting in printer.sightings for mac in sighting.mac_addresses}
    for mac in announced.union(printer.identity.mac_addresses):
        yield mac.replace(":", "")
    if key := _serial_key(printer.identity.serial_number_raw):
        yield key


def _name_keys(name: str) -> Iterable[str]:
    return filter(None, (first_label(name), first_label(spelled(name)), loose(name) and f"loose {loose(name)}"))


def _serial_key(serial: str | None) -> str | None:
    plain = normal_serial(serial)
    return f"serial {plain.lstrip('0')}" if plain else None
