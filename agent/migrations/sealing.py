"""The sealed bytes of an envelope as they stand in its row: deflated by themselves, so that damage costs one row.

A dictionary for deflate that never changes and the row's own columns make them small. What stands in a row is an octet
for the dictionary, eight of a SHA-256 over these columns and what follows, and the deflated slot key (as a netstring)
and body.
"""

from __future__ import annotations

import hashlib
import zlib
from datetime import UTC, datetime

# What the bodies of readings and orders often have, the most frequent last. A change is another version.
DICTIONARIES = {
    1: b" counts sheets, the portal wants pages.The counter  is , below the last reported  rose from  to , far more "
    b"than usual.The printer counts  for ;  were added, as a person decided., and other counters contradict it. Accept "
    b"it if the printer's panel shows it., from another place in the printer than the last reported it fits."
    b'"code":"sum_mismatch","code":"parts_mismatch","code":"offset_applied","code":"deviation","code":"unconfirmed",'
    b'"code":"below_last","code":"estimate_replaced","code":"ipp_differs","code":"source_changed","detail":"/held'
    b"Black and color make , the total is The total counts, because: MIB; shows this value.1.3.6.1.2.1.43.10.2.1.4.1.1"
    b'1.3.6.1.4.1.[{"code":"life_count_differs","detail":"The standard\'s life count is , the total is (1.3.6.1.4.1.'
    b'[{"code":"life_count_as_total","detail":"The total is the printer\'s life count; nothing better is known for'
    b' this model."}],"items":[{"bom_item_number":"0010","component_material_number":"C","quantity":1,"unit":"ST"}],'
    b'"ship_to":null,"trigger":{"days_left":null,"level_percent":8,"rule":"below_threshold"}}'
    b'"captured_by":"","instead_of":"","counter_replaced":true,'
    b'"meter_code":"scan","meter_code":"fax","meter_code":"duplex","meter_code":"print_total","meter_code":"print_black",'
    b'"meter_code":"print_color","meter_code":"copy_total","meter_code":"copy_black","meter_code":"copy_color",'
    b'"meter_code":"large_black","meter_code":"large_color","meter_code":"large_total","meter_code":"two_color",'
    b'"meter_code":"single_color","meter_code":"color","unit":"PAGE","value":10},{"measuring_point":"0000",'
    b'"meter_code":"black","unit":"PAGE","value":20}],"source":{"agent_id":"agent-","agent_version":"0.1.0",'
    b'"protocol":"ipp"}}"agent_version":"0.1.0","protocol":"snmp"}}',
}
NEWEST = 1
CHECK = 8  # octets of the digest: it is there for damage; against people there is the ledger
WINDOW, MEMORY, LEVEL = -13, 6, 6


def sealed(reference: str, equipment_number: str, read_at: int | None, slot_key: str, body: bytes) -> bytes:
    """The octets of the row with these columns (`read_at` in seconds since 1970)."""
    own = _own(reference, equipment_number, read_at)
    packing = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW, MEMORY, zdict=DICTIONARIES[NEWEST] + own)
    key = slot_key.encode()
    deflated = packing.compress(b"%d:%s,%s" % (len(key), key, body)) + packing.flush()
    return bytes((NEWEST,)) + _check(own, deflated) + deflated


def opened(stored: object, reference: str, equipment_number: str, read_at: int | None) -> tuple[str, bytes]:
    """Slot key and body, exactly as `sealed` took them. Raises `ValueError` when that can no longer be told."""
    if not isinstance(stored, bytes) or stored[:1] not in _VERSIONS:
        raise ValueError("not a sealed row")
    own, deflated = _own(reference, equipment_number, read_at), stored[1 + CHECK :]
    if _check(own, deflated) != stored[1 : 1 + CHECK]:
        raise ValueError("not what was sealed")
    unpacking = zlib.decompressobj(WINDOW, zdict=DICTIONARIES[stored[0]] + own)
    try:
        content = unpacking.decompress(deflated)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    size, _, rest = content.partition(b":")
    return rest[: int(size)].decode(), rest[int(size) + 1 :]


_VERSIONS = frozenset(bytes((version,)) for version in DICTIONARIES)


def _check(own: bytes, deflated: bytes) -> bytes:
    return hashlib.sha256(own + deflated).digest()[:CHECK]


def _own(reference: str, equipment_number: str, read_at: int | None) -> bytes:
    """The columns as they stand at the beginning of nearly every reading."""
    try:
        at = datetime.fromtimestamp(read_at or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, TypeError) as error:
        raise ValueError("no time of reading") from error
    own = (
        f'{equipment_number}/{at[:10]},{{"client_reference":"{reference}","equipment_number":"{equipment_number}",'
        f'"findings":[],"read_at":"{at}","readings":[{{"measuring_point":"0000","meter_code":"total","unit":"PAGE","value":'
    )
    return own.encode(errors="replace")
