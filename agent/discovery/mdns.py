"""Printers that announce themselves by mDNS and DNS-SD (RFC 6762, RFC 6763), and names that only neighbours know.

An announcement is anybody's: it only says where asking is worth it, and only literal addresses inside the allowed
networks count. Opens sockets and joins a multicast group, so nothing here runs unless mDNS is switched on.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from zeroconf import (  # type: ignore[attr-defined]  # AddressResolver is documented, but not in __all__
    AddressResolver,
    BadTypeInNameException,
    IPVersion,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from agent.discovery.advertisement import PRINTING, Hints, Service, parse_txt, verdict_of
from agent.discovery.allowed import Allowed
from agent.printers import Endpoint, Sighting

TYPES = (*sorted(PRINTING), "_http._tcp")
DOMAIN = "local"
AT_ONCE = 20  # instances being resolved: asked for all at once, networks with hundreds never answer completely
TRIES, PATIENCE_MS = 4, 1500  # for one instance
MOST = 5000  # instances that are remembered; a network that announces more is not sound
SETTLED = 3.0  # seconds until what is there has answered a first question
_COPY = re.compile(r" \((\d{1,3})\)$")

log = logging.getLogger(__name__)


class Announcements:
    """What was announced since entering; goes on listening until left. `is_made_by` knows makers in instances' names,
    `hints` what the keys of an announcement say.

    Raises `OSError` on entering where no socket can be opened.
    """

    def __init__(
        self, allowed: Allowed, port: int, is_made_by: Callable[[str], bool], hints: Callable[[Service], Hints]
    ) -> None:
        self._allowed = allowed
        self._port = port
        self._is_made_by = is_made_by
        self._hints = hints
        self._heard: dict[str, Service] = {}
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._settled = 0.0

    async def __aenter__(self) -> Announcements:
        self._zeroconf = AsyncZeroconf(ip_version=IPVersion.All)
        kinds = [f"{kind}.{DOMAIN}." for kind in TYPES]
        self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, kinds, handlers=[self._changed])
        self._settled = asyncio.get_running_loop().time() + SETTLED
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._browser is not None:
            await self._browser.async_cancel()
        if self._zeroconf is not None:
            await self._zeroconf.async_close()

    async def sightings(self) -> list[Sighting]:
        """Every printer that is announced now, by host name and by the name people gave it; waits for first answers."""
        await asyncio.sleep(max(self._settled - asyncio.get_running_loop().time(), 0))
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=SETTLED)
        return [sighting for name, service in sorted(self._heard.items()) for sighting in self._of(name, service)]

    async def addresses(self, name: str) -> tuple[str, ...]:
        """The addresses that the owner of a name tells its neighbours: of `NAME.local` or of a name without a dot."""
        label = name.removesuffix(".").removesuffix(f".{DOMAIN}")
        if self._zeroconf is None or not label or "." in label or len(label.encode()) > 63:
            return ()
        resolver = AddressResolver(f"{label}.{DOMAIN}.")
        with suppress(OSError, BadTypeInNameException):
            await resolver.async_request(self._zeroconf.zeroconf, PATIENCE_MS)
        return tuple(dict.fromkeys(resolver.parsed_addresses()))

    def _of(self, name: str, service: Service) -> list[Sighting]:
        host = (service.host or "").rstrip(".").removesuffix(f".{DOMAIN}") or None
        names = dict.fromkeys(filter(None, (host, spoken(service.instance))))
        endpoints = [Endpoint(one, self._port) for one in self._addresses.get(name, ()) if one in self._allowed]
        hints = self._hints(service)
        said = ", ".join(filter(None, (hints.identity.description, hints.note))) or None
        cards = hints.identity.mac_addresses
        return [Sighting(endpoint, "mdns", one, said, cards) for endpoint in endpoints for one in names]

    def _changed(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        """The browser's word. The parameters' names are the library's: it passes them by keyword."""
        if state_change is ServiceStateChange.Removed:
            self._heard.pop(name, None)
            self._addresses.pop(name, None)
        elif name not in self._tasks and (name in self._heard or len(self._heard) + len(self._tasks) < MOST):
            task = asyncio.get_running_loop().create_task(self._resolve(zeroconf, service_type, name))
            self._tasks[name] = task
            task.add_done_callback(lambda done: self._done(name, done))

    def _done(self, name: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(name, None)
        if not task.cancelled() and (error := task.exception()):
            log.warning("an announcement could not be understood: %s", type(error).__name__)

    async def _resolve(self, zeroconf: Zeroconf, kind: str, name: str) -> None:
        try:
            info = AsyncServiceInfo(kind, name)
        except BadTypeInNameException:
            return
        async with self._places:
            for _ in range(TRIES):
                if await info.async_request(zeroconf, PATIENCE_MS):
                    self._note(name, kind, info)
                    return

    def _note(self, name: str, kind: str, info: AsyncServiceInfo) -> None:
        addresses = tuple(info.parsed_addresses(IPVersion.All))
        plain = kind.removesuffix(f".{DOMAIN}.")
        for address in addresses:
            service = Service(
                kind=plain,
                instance=name.removesuffix(f".{kind}"),
                host=info.server,
                address=address,
                port=info.port,
                txt=parse_txt(info.text or b""),
            )
            if verdict_of(service) == "printer" or (plain == "_http._tcp" and self._is_made_by(service.instance)):
                self._heard[name] = service
                self._addresses[name] = addresses
                return


def spoken(instance: str) -> str | None:
    """The name people gave an instance. A printer appends " (2)" by itself when its name seems taken (RFC 6762
    section 9), often wrongly."""
    return _COPY.sub("", instance).strip() or None
