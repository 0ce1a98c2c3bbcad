"""Where the agent keeps its things: config file, secrets, database, log.

Two sets of places: the service's (/etc/meter-agent and /var/lib/meter-agent on Linux, %ProgramData% on Windows) and
a user's own. A config file anywhere else keeps everything beside itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from agent.errors import ConfigError
from agent.texts import message

NAME = "meter-agent"
CONFIG_NAME = "meter-agent.toml"
CONFIG_VARIABLE = "METER_AGENT_CONFIG"


@dataclass(frozen=True, slots=True)
class Places:
    """The files and folders that belong to one config file. None of them need exist."""

    config: Path
    data: Path

    @property
    def secrets(self) -> Path:
        """The folder of the secrets (`agent.secrets`)."""
        return self.config.parent / "secrets"

    @property
    def profiles(self) -> Path:
        """The folder of the customer's own printer profiles."""
        return self.config.parent / "profiles"

    @property
    def database(self) -> Path:
        """The database file."""
        return self.data / "meter-agent.sqlite"

    @property
    def log(self) -> Path:
        """The log file, where the log goes to a file."""
        return self.data / "meter-agent.log"


@dataclass(frozen=True, slots=True)
class Search:
    """What looking for the config file gave: the file, if any, and where it was looked for, in order."""

    found: Path | None
    looked: tuple[Path, ...]

    def required(self) -> Path:
        """The config file; raises `ConfigError` that says where it was looked for."""
        if self.found is not None:
            return self.found
        places = ", ".join(str(place) for place in self.looked)
        raise ConfigError(
            message("There is no config file. It was looked for in: {places}", places=places),
            message("Make a first one with: meter-agent init"),
        )


def find_config(given: Path | None = None, environ: Mapping[str, str] = os.environ) -> Search:
    """The config file: the one `given`, else METER_AGENT_CONFIG, else the user's own, else the service's.

    A file that somebody named is never replaced by another one: when it is missing, nothing is found. The
    service, root and administrators (`is_service`) have no config file of their own.
    """
    named = given or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    service = service_places(environ).config
    if named is not None:
        looked: tuple[Path, ...] = (named.absolute(),)
    elif is_service(environ):
        looked = (service,)
    else:
        looked = (user_places(environ).config, service)
    return Search(next((file for file in looked if file.is_file()), None), looked)


def places_of(config: Path, environ: Mapping[str, str] = os.environ) -> Places:
    """The places that belong to this config file; systemd's $STATE_DIRECTORY comes first for the data."""
    for usual in (service_places(environ), user_places(environ)):
        if config.absolute() == usual.config:
            return usual
    state = _first(environ.get("STATE_DIRECTORY"))
    return Places(config.absolute(), state or config.absolute().parent)


def default_places(environ: Mapping[str, str] = os.environ) -> Places:
    """Where a first config file goes: to the service's places if `is_service`, else to the user's own."""
    return service_places(environ) if is_service(environ) else user_places(environ)


def service_places(environ: Mapping[str, str] = os.environ) -> Places:
    """The places of the service; systemd's $CONFIGURATION_DIRECTORY and $STATE_DIRECTORY come first."""
    config = _first(environ.get("CONFIGURATION_DIRECTORY"))
    state = _first(environ.get("STATE_DIRECTORY"))
    if sys.platform == "linux":
        # platformdirs follows XDG (/etc/xdg, /usr/share), which is for desktop programs, not for services.
        usual_config, usual_state = Path("/etc") / NAME, Path("/var/lib") / NAME
    else:
        usual_config = platformdirs.site_config_path(NAME, appauthor=False)
        usual_state = platformdirs.site_data_path(NAME, appauthor=False)
    return Places((config or usual_config) / CONFIG_NAME, state or usual_state)


def user_places(environ: Mapping[str, str] = os.environ) -> Places:
    """The places of the user who runs the program; $XDG_CONFIG_HOME and $XDG_DATA_HOME are heeded on Linux."""
    config = _xdg("XDG_CONFIG_HOME", environ) or platformdirs.user_config_path(NAME, appauthor=False)
    data = _xdg("XDG_DATA_HOME", environ) or platformdirs.user_data_path(NAME, appauthor=False)
    return Places(config / CONFIG_NAME, data)


def is_service(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process works for the whole machine: started by systemd with its own folders, as root, or as
    an administrator of Windows who has confirmed it.
    """
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.shell32.IsUserAnAdmin())
    return "STATE_DIRECTORY" in environ or os.geteuid() == 0


def _xdg(variable: str, environ: Mapping[str, str]) -> Path | None:
    value = environ.get(variable, "")
    # The XDG Base Directory Specification has relative values ignored.
    return Path(value) / NAME if sys.platform == "linux" and value.startswith("/") else None


def _first(folders: str | None) -> Path | None:
    # systemd separates several folders by colons; only the first is ours. No such variables on Windows.
    return Path(folders.split(":")[0]) if folders and sys.platform != "win32" else None
