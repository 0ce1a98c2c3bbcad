"""Passwords and communities, kept apart from the config file and shown to nobody."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import final

from agent.errors import SecretError
from agent.sealing import read_sealed, remove_sealed, write_sealed
from agent.texts import message

MAX_BYTES = 4096
_NAME = re.compile(r"[a-z0-9-]{1,64}")

# Every value that was ever revealed in this process, for `agent.log` to keep out of the log. It belongs to the
# process, not to an object: a secret may turn up in a text long after its owner is gone.
_revealed: set[str] = set()


@final
class Secret:
    """A value that shows itself only through `reveal`."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value, to hand to the one who needs it; from now on the log blackens it."""
        _revealed.add(self.__value)
        return self.__value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "…"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written to files")


def revealed() -> frozenset[str]:
    """All values revealed so far in this process."""
    return frozenset(_revealed)


def is_secret_name(text: str) -> bool:
    """Whether a secret may be called so: 1 to 64 small letters, digits and hyphens."""
    return _NAME.fullmatch(text) is not None


class Secrets:
    """The secrets of this machine: those that systemd hands over, then the files in `directory`.

    systemd's are in $CREDENTIALS_DIRECTORY, under the secret's name (`LoadCredential=portal:…`) or behind
    "secrets_" (`LoadCredential=secrets:…`, where a whole folder is handed over).
    """

    def __init__(self, directory: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._directory = directory
        credentials = environ.get("CREDENTIALS_DIRECTORY")
        self._credentials = Path(credentials) if credentials else None

    def get(self, name: str) -> Secret:
        """The secret of this name; raises `SecretError` when it is missing, open to others, or unusable."""
        _check_name(name)
        if self._credentials is not None:
            for file in (self._credentials / name, self._credentials / f"secrets_{name}"):
                if file.is_file():
                    return Secret(_value(name, _handed_over(name, file)))
        octets = read_sealed(self._directory / name, MAX_BYTES)
        if octets is None:
            raise SecretError(
                message('The secret "{name}" is not stored here.', name=name),
                message("Store it with: meter-agent secret set {name}", name=name),
            )
        return Secret(_value(name, octets))

    def set(self, name: str, value: str) -> None:
        """Stores the secret, all of it or nothing; raises `SecretError` for an unusable name or value."""
        _check_name(name)
        octets = value.encode("utf-8", "surrogateescape")
        write_sealed(self._directory / name, _value(name, octets).encode())

    def remove(self, name: str) -> None:
        """Deletes the stored secret, if there is one; raises `SecretError`."""
        _check_name(name)
        remove_sealed(self._directory / name)

    def names(self) -> tuple[str, ...]:
        """The names of all secrets that are there, sorted; whether they can be used only `get` tells."""
        found: set[str] = set()
        for folder, prefix in ((self._credentials, "secrets_"), (self._directory, "")):
            if folder is not None and folder.is_dir():
                found.update(file.name.removeprefix(prefix) for file in folder.iterdir())
        return tuple(sorted(filter(is_secret_name, found)))


def _handed_over(name: str, file: Path) -> bytes:
    # Who may read these files is systemd's care; their mode shows the mask of an access list, not the truth.
    try:
        with file.open("rb") as source:
            return source.read(MAX_BYTES + 3)
    except OSError as error:
        raise SecretError(
            message('The secret "{name}" from systemd cannot be read: {reason}', name=name, reason=error.strerror),
            message("Check LoadCredential in the service's unit."),
        ) from error


def _check_name(name: str) -> None:
    if not is_secret_name(name):
        raise SecretError(
            message("This is not a name for a secret."),
            message("Use small letters, digits and hyphens, for example: floor2"),
        )


def _value(name: str, octets: bytes) -> str:
    remedy = message("Store it anew with: meter-agent secret set {name}", name=name)
    try:
        value = octets.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretError(message('The secret "{name}" is not UTF-8 text.', name=name), remedy) from None
    if not value:
        raise SecretError(message('The secret "{name}" is empty.', name=name), remedy)
    if len(value.encode()) > MAX_BYTES:
        raise SecretError(message('The secret "{name}" is longer than 4096 bytes.', name=name), remedy)
    return value
