"""The one config file, meter-agent.toml: what may stand in it, and reading it."""

from __future__ import annotations

from datetime import time
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from agent.config_text import tables_of
from agent.discovery.allowed import Allowed
from agent.discovery.ranges import AddressRanges
from agent.discovery.target import Target
from agent.errors import ConfigError, Problem
from agent.notifications.faults import FaultClass
from agent.order_settings import OrdersSettings
from agent.period import Every
from agent.problems import ConfigProblems, Unfit, problems_of
from agent.setting_values import (
    Listed,
    Section,
    Text,
    checked_bypass,
    checked_community,
    checked_domain,
    checked_exclusion,
    checked_network,
    checked_pin,
    checked_portal_url,
    checked_proxy,
    checked_range,
    checked_reference,
    checked_secret_name,
    checked_target,
    checked_user_name,
    clock_time,
    path,
)
from agent.snmp.access import Authentication, Privacy
from agent.texts import message
from agent.upload.seal import Withheld

EXAMPLE_HOST = "portal.example"
LARGEST_WITHOUT_CONSENT = 65536


FilePath = Annotated[Path, BeforeValidator(path)]
SecretName = Annotated[str, AfterValidator(checked_secret_name)]
Domain = Annotated[str, AfterValidator(checked_domain)]
Version = Literal["v3", "v2c", "v1"]
SecretReference = Annotated[str, AfterValidator(checked_reference)]


class PortalSettings(Section):
    """[portal]: where readings and orders go. `url` has no slash at its end; `timeout_seconds` is per answer.

    `client_id` and `secret` count until the agent has a `key` of its own. `no_proxy` are hosts, domains and networks.
    `withhold` names fields of what is sent that stay in the house.
    """

    url: Annotated[str, AfterValidator(checked_portal_url)]
    client_id: Text | None = None
    secret: SecretName = "portal"  # noqa: S105  the name of a stored secret, not a secret
    key: SecretName = "portal-key"
    ca_file: FilePath | None = None
    pins: Annotated[tuple[Annotated[str, AfterValidator(checked_pin)], ...], Field(strict=False, max_length=16)] = ()
    timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 30.0
    proxy: Annotated[str, AfterValidator(checked_proxy)] | None = None
    proxy_user: Text | None = None
    proxy_secret: SecretName | None = None
    no_proxy: Annotated[
        tuple[Annotated[str, AfterValidator(checked_bypass)], ...], Field(strict=False, max_length=64)
    ] = ()
    withhold: Annotated[tuple[Withheld, ...], Field(strict=False, max_length=16)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> PortalSettings:
        if len(set(self.pins)) == 1:
            raise Unfit(
                message("A single pin locks the agent out on the day when the portal changes its key."),
                message("Add the pin of the portal's backup key, or delete pins."),
            )
        if (self.proxy_user is None) != (self.proxy_secret is None) or (self.proxy_user and self.proxy is None):
            raise Unfit(
                message("proxy_user and proxy_secret belong together, and to a proxy."),
                message("Write all three, or leave out proxy_user and proxy_secret."),
            )
        return self


class ByHandSettings(Section):
    """[by_hand]: without the portal's API. `equipment_file` is `None` for equipment.csv beside the config file."""

    enabled: bool = False
    equipment_file: FilePath | None = None


class DiscoverySettings(Section):
    """[discovery]: the addresses that may be asked at all, where names are looked up, and how fast.

    `ranges` are searched; in `networks` a printer is asked when a name leads to it.
    """

    ranges: Annotated[tuple[Annotated[str, AfterValidator(checked_range)], ...], Listed] = ()
    exclude: Annotated[tuple[Annotated[str, AfterValidator(checked_exclusion)], ...], Listed] = ()
    hosts: Annotated[tuple[Annotated[str, AfterValidator(checked_target)], ...], Listed] = ()
    networks: Annotated[tuple[Annotated[str, AfterValidator(checked_network)], ...], Listed] = ()
    search_domains: Annotated[tuple[Domain, ...], Field(strict=False, max_length=8)] = ()
    mdns: bool = False
    packets_per_second: Annotated[int, Field(ge=1, le=10_000)] = 50
    allow_large_ranges: bool = False

    @cached_property
    def addresses(self) -> AddressRanges:
        """`ranges` without `exclude`."""
        return self.allowed.searched

    @cached_property
    def allowed(self) -> Allowed:
        """Where a name may lead: `ranges` and `networks` without `exclude`."""
        return Allowed.parse(self.ranges, self.networks, self.exclude)

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """`hosts`, taken apart."""
        return tuple(Target.parse(text) for text in self.hosts)


class UserSettings(Section):
    """[[snmp.users]]: an SNMPv3 user. Secrets are "@" and the name of a stored secret; no privacy without
    authentication."""

    name: Annotated[str, Field(min_length=1), AfterValidator(checked_user_name)]
    authentication: Authentication | None = None
    authentication_secret: SecretReference | None = None
    privacy: Privacy | None = None
    privacy_secret: SecretReference | None = None
    context: Annotated[str, AfterValidator(checked_user_name)] = ""

    @model_validator(mode="after")
    def _consistent(self) -> UserSettings:
        for protocol, secret, name in (
            (self.authentication, self.authentication_secret, "authentication"),
            (self.privacy, self.privacy_secret, "privacy"),
        ):
            if (protocol is None) != (secret is None):
                raise Unfit(
                    message("{name} and {name}_secret belong together; one of them is missing.", name=name),
                    message("Write both, or leave out both."),
                )
        if self.privacy and not self.authentication:
            raise Unfit(
                message("SNMPv3 has no privacy without authentication."),
                message("Write authentication and authentication_secret as well."),
            )
        return self


class SnmpSettings(Section):
    """[snmp]: how printers are asked. `communities` are "public" or "@" and the name of a stored secret."""

    port: Annotated[int, Field(ge=1, le=65535)] = 161
    communities: Annotated[
        tuple[Annotated[str, AfterValidator(checked_community)], ...], Field(strict=False, min_length=1, max_length=8)
    ] = ("public",)
    versions: Annotated[tuple[Version, ...], Field(strict=False, min_length=1, max_length=3)] = ("v3", "v2c", "v1")
    timeout_seconds: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    max_concurrent_printers: Annotated[int, Field(ge=1, le=500)] = 32
    users: Annotated[tuple[UserSettings, ...], Field(strict=False, max_length=8)] = ()

    @model_validator(mode="after")
    def _speakable(self) -> SnmpSettings:
        if self.users and "v3" not in self.versions:
            raise Unfit(
                message("There are SNMPv3 users, but versions does not allow SNMPv3."),
                message('Write versions = ["v3", "v2c", "v1"], or delete the users.'),
            )
        if self.versions == ("v3",) and not self.users:
            raise Unfit(
                message("Only SNMPv3 is allowed, but no user is named."),
                message("Add a section [[snmp.users]] with name, authentication and privacy."),
            )
        return self


class IppSettings(Section):
    """[ipp]: the second voice, to cross-check printers and to read those that are silent over SNMP."""

    enabled: bool = False
    port: Annotated[int, Field(ge=1, le=65535)] = 631


class ReadingsSettings(Section):
    """[readings]: one reading per equipment and period, due from the earliest of the times `at` (local) on."""

    every: Every = "day"
    at: Annotated[
        tuple[Annotated[time, BeforeValidator(clock_time)], ...], Field(strict=False, min_length=1, max_length=24)
    ] = (time(10, 0),)


class ServiceNotificationsSettings(Section):
    """[service_notifications]: which classes of faults may open one; nothing is opened unless `armed`."""

    armed: bool = False
    classes: Annotated[tuple[FaultClass, ...], Field(strict=False, max_length=len(get_args(FaultClass)))] = ()
    lasting_minutes: Annotated[int, Field(ge=0, le=10_080)] = 120
    pause_days: Annotated[int, Field(ge=1, le=90)] = 1
    max_open_per_equipment: Annotated[int, Field(ge=1, le=20)] = 1
    max_per_day: Annotated[int, Field(ge=1, le=100)] = 5

    @model_validator(mode="after")
    def _armed_for_something(self) -> ServiceNotificationsSettings:
        if self.armed and not self.classes:
            raise Unfit(
                message("Service notifications are armed, but no class of faults may open one."),
                message('Write for example classes = ["marker", "subunit", "service"], or armed = false.'),
            )
        return self


class ScheduleSettings(Section):
    """[schedule]: minutes between two rounds through all printers, and between two deliveries to the portal."""

    cycle_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    courier_minutes: Annotated[int, Field(ge=1, le=1440)] = 5
    jitter_seconds: Annotated[int, Field(ge=0, le=3600)] = 60


class StorageSettings(Section):
    """[storage]: `database` is `None` for the usual place (`agent.paths`)."""

    database: FilePath | None = None
    keep_days: Annotated[int, Field(ge=30, le=3650)] = 400


class LogSettings(Section):
    """[log]: `file` is `None` for the usual place: the journal under systemd, a file on Windows."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    file: FilePath | None = None


class Settings(Section):
    """The whole file. `Settings()` is what holds without any file: nothing can be sent, nothing is searched."""

    language: Literal["auto", "de", "en"] = "auto"
    portal: PortalSettings | None = None
    by_hand: ByHandSettings = ByHandSettings()
    discovery: DiscoverySettings = DiscoverySettings()
    snmp: SnmpSettings = SnmpSettings()
    ipp: IppSettings = IppSettings()
    readings: ReadingsSettings = ReadingsSettings()
    orders: OrdersSettings = OrdersSettings()
    service_notifications: ServiceNotificationsSettings = ServiceNotificationsSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    storage: StorageSettings = StorageSettings()
    log: LogSettings = LogSettings()


def load(path: Path) -> Settings:
    """The settings in this file; relative paths in it start at its folder.

    Raises `ConfigError` when it cannot be read, and `ConfigProblems` with every wrong key when it cannot be used.
    """
    tables = tables_of(path)
    try:
        settings = Settings.model_validate(tables, context=path.absolute().parent)
    except ValidationError as error:
        raise ConfigProblems(path, [problem for _, problem in problems_of(error, Settings)]) from None
    if problem := _too_many_addresses(settings.discovery):
        raise ConfigProblems(path, [problem])
    return settings


def portal_of(settings: Settings) -> PortalSettings:
    """The portal section; raises `ConfigError` when it is not there or still the example."""
    if settings.portal is None:
        raise ConfigError(
            message("The config file names no portal."),
            message(
                "Add the section [portal] with its url, or without an API of the portal: "
                "enabled = true in the section [by_hand]."
            ),
        )
    if urlsplit(settings.portal.url).hostname == EXAMPLE_HOST:
        raise ConfigError(
            message("The portal address in the config file is still the example."),
            message("Enter your portal's address at url in the section [portal]."),
        )
    return settings.portal


def _too_many_addresses(discovery: DiscoverySettings) -> Problem | None:
    count = len(discovery.addresses)
    if discovery.allow_large_ranges or count <= LARGEST_WITHOUT_CONSENT:
        return None
    return Problem(
        "discovery.ranges",
        message("These are {count} addresses; more than 65536 are searched only if you say so.", count=count),
        message("Name smaller ranges, or set allow_large_ranges = true in the section [discovery]."),
    )
