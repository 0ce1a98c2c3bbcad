"""Whether everything that the agent needs is there: secrets, database, profiles, ledger, portal, printers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

from agent.app import Agent
from agent.checks import Check, attempt, check_list, check_portal, check_snmp
from agent.errors import AgentError, StoreDamaged
from agent.ledger import verify
from agent.memory import SqlMemory
from agent.order_book import OrderBook
from agent.order_groups import members_of
from agent.salvage.account import SqlSalvages
from agent.settings import portal_of
from agent.snmp.catalogue import shipped
from agent.texts import Message, message
from agent.upload.credentials import ClientKey
from agent.upload.file_portal import FilePortal

PROBED = 64  # addresses that are tried
MOST_HINTS = 10  # about groups of order rules


@dataclass(frozen=True, slots=True)
class Prerequisites:
    """What `check` asks, with nothing stored and nothing sent but questions."""

    agent: Agent

    async def check(self) -> AsyncIterator[Check]:
        """Every prerequisite behind the config file, one after the other; failures are results, not exceptions."""
        yield await attempt(message("Secrets"), self._secrets_found)
        yield await attempt(message("Database"), self._database_sound)
        yield await attempt(message("Printer profiles"), self._profiles_sound)
        yield await attempt(message("Ledger"), self._ledger_sound)
        for check in self._order_groups():
            yield check
        if self.agent.settings.by_hand.enabled:
            listed = partial(check_list, FilePortal(self.agent.equipment_file), str(self.agent.equipment_file))
            yield await attempt(message("Equipment list"), listed)
        else:
            async for check in self._portal_ready():
                yield check
        yield await attempt(message("Ranges"), self._ranges)
        yield await attempt(message("SNMP"), self._printers_answer)

    async def _portal_ready(self) -> AsyncIterator[Check]:
        try:
            way = self.agent.credentials().way
            async with self.agent.portal() as portal:
                async for check in check_portal(portal.account, self._areas(), self.agent.clock.now, way):
                    yield check
        except AgentError as error:
            yield Check(message("Portal reachable"), trouble=error)

    def _portal_secrets(self) -> list[str]:
        settings, credentials = portal_of(self.agent.settings), self.agent.credentials()
        credentials.request("", 0.0)
        own = settings.key if isinstance(credentials, ClientKey) else settings.secret
        return [own, settings.proxy_secret] if settings.proxy_secret else [own]

    async def _secrets_found(self) -> Message:
        names = [] if self.agent.settings.by_hand.enabled else self._portal_secrets()
        names += [name[1:] for name in self.agent.settings.snmp.communities if name.startswith("@")]
        for user in self.agent.settings.snmp.users:
            names += [secret[1:] for secret in (user.authentication_secret, user.privacy_secret) if secret]
        for name in names:
            self.agent.secrets.get(name)
        self.agent.users()
        if not names:
            return message("None are needed.")
        return message("{names} can be used.", names=", ".join(dict.fromkeys(names)))

    async def _database_sound(self) -> Message:
        with self.agent.store(exclusive=False) as store:
            counts, accounts = SqlMemory(store).counts(), SqlSalvages(store).matters(self.agent.clock.now())
        if accounts:
            return accounts[-1].told()
        return message(
            "{file} is sound; {waiting} items wait.", file=str(self.agent.database), waiting=counts.get("waiting", 0)
        )

    async def _profiles_sound(self) -> Message:
        own = shipped(self.agent.places.profiles).own
        if not own:
            return message("None of your own in {folder}.", folder=str(self.agent.places.profiles))
        names = ", ".join(profile.label for profile in own)
        return message("Your own: {names}, in {folder}.", names=names, folder=str(self.agent.places.profiles))

    async def _ledger_sound(self) -> Message:
        """Follows the whole chain of what was sealed and decided. Raises `StoreDamaged` with the first broken link."""
        with self.agent.store(exclusive=False) as store:
            found = verify(store)
        if found.why is not None:
            raise StoreDamaged(
                found.why,
                message(
                    "Link {place} of {links} is the first that is broken. Keep a copy of {file} for your service"
                    " partner.",
                    place=found.broken,
                    links=found.links,
                    file=str(self.agent.database),
                ),
            )
        return message("{links} links are whole; the last is {head}.", links=found.links, head=found.head.hex())

    def _order_groups(self) -> Iterator[Check]:
        """Which equipment the groups of order rules have, and what a person should look at."""
        groups = OrderBook(self.agent.settings.orders).groups
        if not groups:
            return
        try:
            with self.agent.store(exclusive=False) as store:
                known = SqlMemory(store).known_equipments()
        except AgentError:
            return  # said already: the database is checked before
        name = message("Order groups")
        if not known:
            yield Check(name, message("Which equipment they have is known after the first cycle."), hint=True)
            return
        found = members_of(groups, known)
        told = message(
            "{groups} groups have {some} of {all} equipment; for the others the rules of [orders] hold.",
            groups=len(groups),
            some=sum(len(one.own) for one in found),
            all=len(known),
        )
        yield Check(name, told)
        hints = [said for one in found for said in one.told()]
        yield from (Check(name, said, hint=True) for said in hints[:MOST_HINTS])
        if len(hints) > MOST_HINTS:
            yield Check(name, message("And {count} more like these.", count=len(hints) - MOST_HINTS), hint=True)

    async def _ranges(self) -> Message:
        discovery = self.agent.settings.discovery
        return message(
            "{addresses} addresses in ranges, {hosts} hosts, at most {rate} packets per second.",
            addresses=len(discovery.addresses),
            hosts=len(discovery.targets),
            rate=discovery.packets_per_second,
        )

    async def _printers_answer(self) -> Message:
        with self.agent.store(exclusive=False) as store:
            survey = self.agent.survey(store)
            named = await survey.finder.named(())
            endpoints = chain((sighting.endpoint for sighting in named.sightings), survey.finder.searched())
            return await check_snmp(survey.snmp, list(islice(endpoints, PROBED)))

    def _areas(self) -> dict[str, Message]:
        areas = {
            "equipments:read": message("to know the equipment"),
            "readings:write": message("to report readings"),
        }
        if self.agent.settings.orders.armed:
            areas["orders:write"] = message("to order supplies")
            areas["orders:read"] = message("to follow orders")
        if self.agent.settings.service_notifications.armed:
            areas["notifications:write"] = message("to open service notifications")
        return areas
