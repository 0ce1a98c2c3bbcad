"""The composition root: from settings to a working agent. Nothing else knows both the ports and what is behind them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

from agent.acquaintances import SqlKeeper
from agent.bookmarks import SqlBookmarks
from agent.capture import SqlCapture
from agent.cases import SqlCases
from agent.chain import steps_back
from agent.clock import SystemClock
from agent.cycle import Cycle
from agent.decisions import SqlDecisions
from agent.discovery.allowed import Allowed
from agent.discovery.finder import NetworkFinder
from agent.discovery.target import Target
from agent.errors import AgentError, ConfigError, PortalError, SecretError
from agent.language import show
from agent.leases import FileLeases
from agent.matching import Matching, match
from agent.memory import SqlMemory
from agent.meters import Finding
from agent.notification_rules import notification_rules_of
from agent.notifications.policy import OPENED
from agent.notifying import Notifying
from agent.order_book import OrderBook, calendar_of
from agent.ordering import Replenishment
from agent.past import SqlPast
from agent.paths import Places, places_of
from agent.period import period_key
from agent.printers import Equipment
from agent.process_lock import ProcessLock
from agent.report import WAITING, CycleReport
from agent.salvage.loss import compare_end
from agent.schedule import Daily, Rhythm, keep_running
from agent.searches import Searches, missing, numbers_of
from agent.secrets import Secrets
from agent.settings import PortalSettings, Settings, UserSettings, load, portal_of
from agent.snmp.access import LEAST_SECRET, UserAccess
from agent.snmp.manners import Manners
from agent.store import Store
from agent.supply_memory import SqlSupplies
from agent.survey import Progress, Survey
from agent.surveying import Accesses, survey_of
from agent.texts import Message, message
from agent.upload.courier import Courier, Person
from agent.upload.credentials import ClientKey, ClientSecret, Credentials, KeyRing
from agent.upload.file_portal import FilePortal
from agent.upload.https import Connection
from agent.upload.outbox import SqlOutbox
from agent.upload.pause import PauseNote
from agent.upload.portal import PortalClient
from agent.upload.restraint import Pause
from agent.upload.retention import AT_ONCE, prune
from agent.upload.route import Proxy, Route, Trust
from agent.upload.seal import Source

VERSION = version("meter-agent")
TO_CAPTURE = Finding("waiting", message("Ready to be captured by hand: meter-agent outbox export FILE"))
log = logging.getLogger(__name__)


def _mended(database: Path) -> None:
    """Loaded only when it is needed, and never without a line in the log."""
    from agent.salvage.mend import mend

    log.error("the database is damaged and is made anew", extra={"file": str(database)})
    mend(database)


MOST_PORTIONS = 50  # of what is kept no longer, in a day


class Unwatched:
    """Progress that nobody looks at."""

    def stage(self, name: Message, total: int | None) -> None:
        """Nothing to show."""

    def step(self, count: int = 1) -> None:
        """Nothing to show."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Everything that belongs to one config file. Opens database and connections only for the time of a call."""

    settings: Settings
    places: Places
    secrets: Secrets
    clock: SystemClock

    @staticmethod
    def load(config: Path) -> Agent:
        """The agent of this config file; raises `ConfigError`."""
        places = places_of(config)
        return Agent(load(config), places, Secrets(places.secrets), SystemClock())

    @property
    def database(self) -> Path:
        """The database file."""
        return self.settings.storage.database or self.places.database

    @property
    def equipment_file(self) -> Path:
        """The equipment list that is used without an API."""
        return self.settings.by_hand.equipment_file or self.places.config.absolute().parent / "equipment.csv"

    @property
    def source(self) -> Source:
        """Who we are in what is sealed. Raises `ConfigError` when a portal is needed and none is named."""
        try:
            return Source(self.credentials().agent_id, VERSION, portal_of(self.settings).withhold)
        except ConfigError:
            if not self.settings.by_hand.enabled:
                raise
            return Source("meter-agent", VERSION)

    def known_equipments(self) -> Sequence[Equipment]:
        """The equipment list of the file, where one is used and there, else that of the last cycle.

        Raises `EquipmentListUnusable` for a file with mistakes: what is in it is not known.
        """
        if self.settings.by_hand.enabled and self.equipment_file.exists():
            return FilePortal(self.equipment_file).listed()
        with self.store(exclusive=False) as store:
            return SqlMemory(store).known_equipments()

    def survey(self, store: Store | None = None, *, at_once: bool = True) -> Survey:
        """Finding and reading printers by these settings; what is learnt of them is kept in `store`, if any.

        What was kept is known `at_once`, or from the first call on, which takes it anyway.
        Raises `SecretError` for a missing or unusable community or password.
        """
        accesses = Accesses(self.communities(), self.users())
        if store is None:
            return survey_of(self.settings, accesses, self.clock, self.places.profiles)
        manners = Manners(SqlKeeper(store), at_once=at_once)
        leases = FileLeases(self.database.with_name(f"{self.database.name}.asking"))
        survey = survey_of(self.settings, accesses, self.clock, self.places.profiles, manners, leases)
        return replace(survey, known=SqlMemory(store).known_endpoints, bookmarks=SqlBookmarks(store))

    def communities(self) -> tuple[str, ...]:
        """The SNMP communities, the stored ones revealed."""
        named = self.settings.snmp.communities
        return tuple(self.secrets.get(name[1:]).reveal() if name.startswith("@") else name for name in named)

    def users(self) -> tuple[UserAccess, ...]:
        """The SNMPv3 users with their passwords. Raises `SecretError` for one that is missing or too short."""
        return tuple(self._user(user) for user in self.settings.snmp.users)

    def _user(self, user: UserSettings) -> UserAccess:
        return UserAccess(
            user=user.name,
            authentication=user.authentication,
            authentication_secret=self._revealed(user.authentication_secret),
            privacy=user.privacy,
            privacy_secret=self._revealed(user.privacy_secret),
            context=user.context,
        )

    def _revealed(self, reference: str | None) -> str:
        """The password behind "@name", "" for none; RFC 3414 section 11.2 wants 8 characters or more."""
        if reference is None:
            return ""
        name = reference[1:]
        value = self.secrets.get(name).reveal()
        if len(value.encode()) < LEAST_SECRET:
            raise SecretError(
                message('The SNMPv3 password "{name}" is shorter than 8 characters.', name=name),
                message("Give the user a longer one in the printer, then: meter-agent secret set {name}", name=name),
            )
        return value

    def store(self, *, exclusive: bool, at_once: bool = False) -> Store:
        """The database, opened; only one process may have it `exclusive`, `at_once` while it is still inspected.

        Who has it exclusively makes a damaged one sound again, and notices one that is older than it was.
        """
        look = compare_end if exclusive else None
        return Store.open(self.database, exclusive=exclusive, at_once=at_once, mend=_mended, look=look)

    @asynccontextmanager
    async def portal(self) -> AsyncIterator[PortalClient | FilePortal]:
        """The connection to the portal, or the file in its place. Connects only when asked something.

        Raises `ConfigError` or `SecretError`.
        """
        if self.settings.by_hand.enabled:
            yield FilePortal(self.equipment_file)
            return
        credentials = self.credentials()
        credentials.request("", 0.0)  # a secret that is missing is said before anybody is asked
        async with self.connection(credentials) as connection:
            yield PortalClient(connection)

    @asynccontextmanager
    async def connection(self, credentials: Credentials) -> AsyncIterator[Connection]:
        """A connection to the portal with these credentials. Raises `ConfigError` or `SecretError`."""
        connection = Connection(route_of(portal_of(self.settings), self.secrets), credentials, VERSION)
        try:
            yield connection
        finally:
            await connection.close()

    def ring(self) -> KeyRing:
        """Where the agent's own key is, if it has one."""
        return KeyRing(self.secrets, portal_of(self.settings).key)

    def credentials(self) -> Credentials:
        """The agent's own key where there is one, else client id and secret. Raises `ConfigError` for neither."""
        settings, ring = portal_of(self.settings), self.ring()
        if ring.exists:
            return ClientKey(ring)
        if settings.client_id is None:
            raise ConfigError(
                message("This agent has neither a key of its own nor a client id."),
                message("Ask your key user for an enrolment code, then: meter-agent enroll"),
            )
        return ClientSecret(settings.client_id, partial(self.secrets.get, settings.secret))

    @asynccontextmanager
    async def cycle(self, *, always: bool) -> AsyncIterator[Cycle]:
        """A cycle with everything it needs; `always` reports at any time of day, else from `readings.at` on."""
        by_hand = self.settings.by_hand.enabled
        with (
            self.store(exclusive=True, at_once=not always) as store,
            nullcontext() if by_hand else self._sending(),
        ):
            survey = self.survey(store, at_once=False)
            async with self.portal() as portal, survey.finder.listening():
                outbox, memory, cases = SqlOutbox(store), SqlMemory(store), SqlCases(store)
                notifications = notification_rules_of(self.settings)
                yield Cycle(
                    survey=survey,
                    portal=portal,
                    outbox=outbox,
                    memory=memory,
                    ordering=self._replenishment(store, portal, outbox, memory),
                    courier=Person() if by_hand else self._courier(outbox, portal),
                    clock=self.clock,
                    source=self.source,
                    period=self._period(always),
                    offsets=SqlDecisions(store).offsets,
                    clock_offset=lambda: portal.clock_offset,
                    past=SqlPast(store).past,
                    searches=Searches(diary=SqlBookmarks(store)),
                    waiting=TO_CAPTURE if by_hand else WAITING,
                    tidy=Daily(partial(self._tidy, store)),
                    notifying=Notifying(notifications, cases, outbox, memory, portal, self.clock, self.source, show),
                )

    def _tidy(self, store: Store, now: datetime) -> None:
        """Lets go what has been kept for long enough, a portion after the other."""
        keep = timedelta(days=self.settings.storage.keep_days)
        for _ in range(MOST_PORTIONS):
            if prune(store, keep, now) < AT_ONCE:
                break
        SqlSupplies(store).forget_before(now - keep)

    def _replenishment(
        self, store: Store, portal: PortalClient | FilePortal, outbox: SqlOutbox, memory: SqlMemory
    ) -> Replenishment:
        book, supplies, told = OrderBook(self.settings.orders), SqlSupplies(store), memory.standings
        days = calendar_of(self.settings.orders)
        return Replenishment(portal, outbox, supplies, self.clock, book.rules, self.source, told, days, book.group_of)

    def _courier(self, outbox: SqlOutbox, portal: PortalClient | FilePortal) -> Courier:
        tell, who = PauseNote(self.database).write, self.source.agent_id
        return Courier(outbox, portal, self.clock, asyncio.sleep, name=who, tell=tell, desk=portal)

    def pause(self) -> Pause | None:
        """What holds the courier back, as far as it has told."""
        return None if self.settings.by_hand.enabled else PauseNote(self.database).read()

    def _sending(self) -> ProcessLock:
        """Held by whoever may be sending: nothing is captured by hand while it may be on its way to the portal."""
        return ProcessLock(self.database, ".sending")

    @contextmanager
    def captures(self) -> Iterator[SqlCapture]:
        """Capturing by hand, for looking at what is due: beside whatever else is at work."""
        with self.store(exclusive=False) as store:
            yield SqlCapture(store, self.source)

    @contextmanager
    def capture(self) -> Iterator[SqlCapture]:
        """Capturing by hand, beside a service that sends nothing. Raises `StoreBusy` while another process may send."""
        with self.store(exclusive=False) as store, self._sending():
            yield SqlCapture(store, self.source)

    def _period(self, always: bool) -> Callable[[datetime], str | None]:
        begin = min(self.settings.readings.at)

        def period(moment: datetime) -> str | None:
            local = moment.astimezone()
            due = always or local.time() >= begin
            return period_key(self.settings.readings.every, local.date()) if due else None

        return period

    async def once(self, progress: Progress) -> CycleReport:
        """One cycle now. Raises `AgentError` when it could not begin or the database failed."""
        async with self.cycle(always=True) as cycle:
            return await cycle.run(progress)

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Works by the clock until `stop` is set; `ready` is called when the first cycle may begin."""
        schedule = self.settings.schedule
        async with self.cycle(always=False) as cycle:
            agent_id = cycle.source.agent_id
            rhythm = Rhythm(schedule.cycle_minutes, schedule.courier_minutes, schedule.jitter_seconds, agent_id)
            ready()
            await keep_running(_logged_cycle(cycle), _logged_delivery(cycle), rhythm, stop)

    async def follow_orders(self) -> PortalError | None:
        """Asks the portal now what has become of orders on their way; what kept it from that. Raises `AgentError`."""
        with self.store(exclusive=False) as store:
            async with self.portal() as portal:
                return await self._replenishment(store, portal, SqlOutbox(store), SqlMemory(store)).follow(timedelta())

    async def match(self, progress: Progress) -> Matching:
        """Which printer is which equipment of the portal, with nothing read, stored or sent."""
        async with self.portal() as portal:
            return await self.match_with(await portal.equipments(), progress)

    async def match_with(
        self, equipments: Sequence[Equipment], progress: Progress, *, everywhere: bool = False
    ) -> Matching:
        """As `match`, with this equipment. The ranges are searched for what no name leads to, or `everywhere`."""
        with self.store(exclusive=False) as store:
            survey, past = self.survey(store), SqlPast(store).past()
            async with survey.finder.listening():
                found = await survey.call(progress, numbers_of(equipments))
                matching = match(found.printers, equipments, past)
                if not everywhere and not missing(matching, found):
                    return matching
                return match((await survey.search(found, progress)).printers, equipments, past)

    async def steps_of(self, target: Target, progress: Progress) -> tuple[Message, ...]:
        """What is known of the device at `target`, and which of the equipment of the last cycle it is; with nothing
        read, stored or sent to the portal. Raises `StoreError`."""
        with self.store(exclusive=False) as store:
            equipments, past = SqlMemory(store).known_equipments(), SqlPast(store).past()
            allowed = Allowed(excluded=self.settings.discovery.allowed.excluded)
            finder = NetworkFinder(allowed, (target,), self.settings.snmp.port)
            found = await replace(self.survey(store), finder=finder).call(progress)
        return steps_back(target.host, found, match(found.printers, equipments, past))


def route_of(settings: PortalSettings, secrets: Secrets) -> Route:
    """The way to the portal by these settings. Raises `SecretError` for a proxy's password that is not there."""
    password = secrets.get(settings.proxy_secret) if settings.proxy_secret else None
    proxy = Proxy(settings.proxy, settings.proxy_user, password, settings.no_proxy) if settings.proxy else None
    return Route(settings.url, Trust(settings.ca_file, frozenset(settings.pins)), proxy, settings.timeout_seconds)


def _logged_cycle(cycle: Cycle) -> Callable[[], Awaitable[None]]:
    """The scheduled cycle: what it did is one line in the log, what went wrong another."""

    async def job() -> None:
        try:
            report = await cycle.run(Unwatched())
        except AgentError as error:
            log.error("cycle failed: %s", error)  # noqa: TRY400  the sentence says what and what to do; frames do not help
            return
        booked = sum(1 for line in report.lines if line.entry and line.entry.state == "accepted" and not line.repeated)
        log.info("cycle done: %d equipment, %d booked, %d addresses silent", len(report.lines), booked, report.silent)
        for finding in report.findings:
            log.warning("%s", finding.message)
        for fault in report.faults:
            if fault.case.reason and fault.case.reason.code == OPENED:
                log.info(
                    "service notification opened: equipment %s, %s", fault.equipment.equipment_number, fault.case.cause
                )
        if report.trouble:
            log.warning("portal: %s", report.trouble)

    return job


def _logged_delivery(cycle: Cycle) -> Callable[[], Awaitable[None]]:
    """The scheduled delivery of what still waits."""

    async def job() -> None:
        try:
            delivery = await cycle.courier.deliver()
        except AgentError as error:
            log.error("delivery failed: %s", error)  # noqa: TRY400  as above
            return
        if delivery.trouble:
            log.warning("portal: %s", delivery.trouble)

    return job
