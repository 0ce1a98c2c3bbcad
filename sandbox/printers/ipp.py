"""Virtual printers over IPP: the answer to Get-Printer-Attributes, made of a device description, and who serves it.

Own code, from RFC 8010 (encoding), RFC 8011 (operation) and PWG 5100.13 (printer-supply); it answers one operation and
one path, and leaves out what was not asked for.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Coroutine, Mapping

from sandbox.printers.description import RECEPTACLES, Description, Supply

Attribute = tuple[int, str, list[bytes]]
Said = Mapping[str, bytes]  # attributes by name, encoded
END, PRINTER_GROUP, FIRST_VALUE, BEGIN_COLLECTION, END_COLLECTION = 0x03, 0x04, 0x10, 0x34, 0x37
INTEGER, ENUM, OCTETS, TEXT, KEYWORD, URI = 0x21, 0x23, 0x30, 0x41, 0x44, 0x45
OK = 0x0000
GET_PRINTER_ATTRIBUTES, OPERATION_NOT_SUPPORTED = 0x000B, 0x0501
LARGEST_REQUEST = 65_536  # octets
PATH = "/ipp/print"


def attributes(device: Description) -> Said:
    """What the device says of itself; nothing for one that does not speak IPP."""
    if device.ipp is None or device.printer is None:
        return {}
    model = device.printer.model.removeprefix(f"{device.manufacturer} ")
    serial = f"SN:{device.printer.serial};" if device.printer.serial else ""
    said: list[Attribute] = [
        (TEXT, "printer-device-id", [f"MFG:{device.manufacturer};MDL:{model};CLS:PRINTER;{serial}".encode()]),
        (TEXT, "printer-make-and-model", [f"{device.manufacturer} {model}".encode()]),
        (URI, "printer-uuid", [f"urn:uuid:16a65700-007c-1000-bb49-{device.interface.mac.replace(':', '')}".encode()]),
        (ENUM, "printer-state", [struct.pack(">i", 3)]),
        (KEYWORD, "printer-state-reasons", [b"none"]),
        (INTEGER, "printer-impressions-completed", [struct.pack(">i", device.ipp.impressions)]),
    ]
    if device.supplies:
        said.append((OCTETS, "printer-supply", [_supply(each).encode() for each in device.supplies]))
        said.append((TEXT, "printer-supply-description", [each.description.encode() for each in device.supplies]))
    return {one[1]: _attribute(one) for one in said}


def recorded(body: bytes) -> Said:
    """The printer's attributes in a recorded response, as they stand there. Raises `ValueError` for a broken one."""
    said: dict[str, bytes] = {}
    at, group, name, depth = 8, 0, "", 0
    while at < len(body) and body[at] != END:
        if body[at] < FIRST_VALUE:
            group, at = body[at], at + 1
            continue
        tag, begin = body[at], at
        told, at = _part(body, at + 1)
        _, at = _part(body, at)
        name = told.decode() if told and not depth else name  # more values of an attribute have no name
        depth += (tag == BEGIN_COLLECTION) - (tag == END_COLLECTION)
        if group == PRINTER_GROUP:
            said[name] = said.get(name, b"") + body[begin:at]
    return said


def _part(body: bytes, at: int) -> tuple[bytes, int]:
    """The octets behind their length, and where they end."""
    end = at + 2 + int.from_bytes(body[at : at + 2], "big")
    if end > len(body):
        raise ValueError("the response is cut off")
    return body[at + 2 : end], end


def _supply(supply: Supply) -> str:
    head, *rest = supply.type.split("_")
    words = [head, *(word.capitalize() for word in rest)]
    kind = "receptacleThatIsFilled" if supply.type in RECEPTACLES else "supplyThatIsConsumed"
    return (
        f"type={''.join(words)};maxcapacity={supply.capacity};level={supply.level};class={kind};"
        f"unit={supply.unit};colorantname={supply.colorant or 'none'};"
    )


def answer(said: Said, request: bytes) -> bytes:
    """The IPP response to a request; raises `ValueError` for one that is too short to be answered."""
    if len(request) < 8:
        raise ValueError("no IPP request")
    operation, number = struct.unpack(">HI", request[2:8])
    status = OK if operation == GET_PRINTER_ATTRIBUTES else OPERATION_NOT_SUPPORTED
    body = request[:2] + struct.pack(">HI", status, number) + b"\x01"
    body += _attribute((0x47, "attributes-charset", [b"utf-8"]))
    body += _attribute((0x48, "attributes-natural-language", [b"en"]))
    if status == OK:
        everything = b"\x00\x03all" in request or b"requested-attributes" not in request
        body += b"\x04" + b"".join(octets for name, octets in said.items() if everything or _named(name) in request)
    return body + b"\x03"


def _named(name: str) -> bytes:
    """A keyword value as it stands in a request: only the whole name counts."""
    return struct.pack(">H", len(name)) + name.encode()


def _attribute(one: Attribute) -> bytes:
    tag, name, values = one
    fields = ((b"" if place else name.encode(), value) for place, value in enumerate(values))
    return b"".join(
        struct.pack(">BH", tag, len(named)) + named + struct.pack(">H", len(value)) + value for named, value in fields
    )


async def listen(said: Said, address: str, port: int) -> asyncio.Server:
    """Serves these attributes over HTTP until it is closed; raises `OSError` where the address cannot be had."""
    return await asyncio.start_server(_conversation(said), address, port)


def _conversation(
    said: Said,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(_http(said, *await _request(reader)))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass  # whoever asked has gone, or did not speak HTTP
        finally:
            writer.close()

    return converse


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """The request line and the body of one HTTP request; raises `ValueError` for what is none."""
    line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    sizes = [value for name, _, value in (each.partition(":") for each in fields) if name.lower() == "content-length"]
    size = int(sizes[0]) if sizes else 0
    if not 0 <= size <= LARGEST_REQUEST:
        raise ValueError("too long")
    return line, await reader.readexactly(size)


def _http(said: Said, line: str, body: bytes) -> bytes:
    method, path, *_ = [*line.split(" "), "", ""]
    if path != PATH or method != "POST":
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    told = answer(said, body)
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: {len(told)}\r\n\r\n".encode() + told
