"""Secrets at rest: who may read them, what is refused, and that nobody sees them by accident."""

from __future__ import annotations

import copy
import os
import pickle
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import SecretError
from agent.secrets import Secret, Secrets, is_secret_name

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are those of Linux and macOS")
CANARY = "canary-7Qx"


def store(folder: Path) -> Secrets:
    return Secrets(folder / "secrets", {})


def refusal(secrets: Secrets, name: str = "portal") -> SecretError:
    with pytest.raises(SecretError) as refused:
        secrets.get(name)
    return refused.value


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    """A stored secret is there for the next start, and a new value replaces the old one."""
    store(tmp_path).set("portal", "first")
    store(tmp_path).set("portal", CANARY)
    store(tmp_path).set("floor2", "püblic")
    assert store(tmp_path).get("portal").reveal() == CANARY
    assert store(tmp_path).get("floor2").reveal() == "püblic"
    assert store(tmp_path).names() == ("floor2", "portal")


@posix
def test_only_the_owner_can_read(tmp_path: Path) -> None:
    """The file and its folder are the owner's alone, and no draft of it is left behind."""
    store(tmp_path).set("portal", CANARY)
    folder = tmp_path / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {"portal": 0o600}


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o601])
def test_files_open_to_others_are_refused(tmp_path: Path, mode: int) -> None:
    """A secret that others can read is no secret: refused, with the command that closes it."""
    store(tmp_path).set("portal", CANARY)
    file = tmp_path / "secrets" / "portal"
    file.chmod(mode)
    error = refusal(store(tmp_path))
    assert f"chmod 600 {file}" in str(error.remedy)
    assert CANARY not in str(error)
    file.chmod(0o600)
    assert store(tmp_path).get("portal").reveal() == CANARY


@posix
def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A link, a folder or a pipe in a secret's place is refused at once, not followed and not waited for."""
    store(tmp_path).set("real", CANARY)
    folder = tmp_path / "secrets"
    (folder / "other").symlink_to(folder / "real")
    (folder / "folder").mkdir(mode=0o700)
    os.mkfifo(folder / "pipe", 0o600)
    assert "is a link, not a file" in str(refusal(store(tmp_path), "other").what)
    assert "not a regular file" in str(refusal(store(tmp_path), "folder").what)
    assert "not a regular file" in str(refusal(store(tmp_path), "pipe").what)


@posix
def test_what_cannot_be_stored_leaves_nothing_behind(tmp_path: Path) -> None:
    """No half of a secret, and no draft of it, lies about when it cannot be put in its place."""
    folder = tmp_path / "secrets"
    (folder / "portal").mkdir(parents=True, mode=0o700)
    with pytest.raises(SecretError):
        store(tmp_path).set("portal", CANARY)
    assert [file.name for file in folder.iterdir()] == ["portal"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a file away")
def test_files_of_another_user_are_refused(tmp_path: Path) -> None:
    """A secret that another user put there is not ours."""
    store(tmp_path).set("portal", CANARY)
    os.chown(tmp_path / "secrets" / "portal", 12345, 12345)
    assert "another user" in str(refusal(store(tmp_path)).what)


def test_missing_secret(tmp_path: Path) -> None:
    """A secret that is not there is named, with the command that stores it."""
    assert "meter-agent secret set portal" in str(refusal(store(tmp_path)).remedy)
    assert store(tmp_path).names() == ()


@pytest.mark.parametrize("name", ["", "Portal", "../portal", "a/b", "a.b", "a_b", "a b", "ü", "x" * 65, "portal\n"])
def test_names_stay_inside_the_folder(tmp_path: Path, name: str) -> None:
    """A name can lead nowhere else in the file system."""
    assert not is_secret_name(name)
    with pytest.raises(SecretError):
        store(tmp_path).set(name, "x")
    with pytest.raises(SecretError):
        store(tmp_path).get(name)
    assert not (tmp_path / "portal").exists()


@posix
@pytest.mark.parametrize("content", [b"", b"\n\r\n", b"\xff\xfe", b"x" * 4097, b"x" * 10_000])
def test_unusable_content_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty, oversized or unreadable secret is refused when it is read, wherever it comes from."""
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "portal").write_bytes(content)
    (folder / "portal").chmod(0o600)
    assert refusal(store(tmp_path)).remedy is not None
    assert refusal(Secrets(tmp_path / "none", {"CREDENTIALS_DIRECTORY": str(folder)})).remedy is not None


@pytest.mark.parametrize("value", ["", "\n", "x" * 4097, "ü" * 2049, "\udc80"])
def test_unusable_values_change_nothing(tmp_path: Path, value: str) -> None:
    """A value that cannot be used is refused when it is stored, and the old one stays."""
    store(tmp_path).set("portal", CANARY)
    with pytest.raises(SecretError):
        store(tmp_path).set("portal", value)
    assert store(tmp_path).get("portal").reveal() == CANARY


def test_longest_value(tmp_path: Path) -> None:
    """4096 bytes fit, and a line end from an editor or a pipe does not count."""
    store(tmp_path).set("portal", "x" * 4096 + "\r\n")
    assert store(tmp_path).get("portal").reveal() == "x" * 4096


@posix
def test_systemd_comes_first(tmp_path: Path) -> None:
    """What systemd hands over is taken before the files, one by one or as a folder, whatever its mode shows."""
    handed = tmp_path / "credentials"
    handed.mkdir()
    (handed / "portal").write_text("from systemd\n")
    (handed / "secrets_floor2").write_text("from the folder\n")
    store(tmp_path).set("portal", "from the file")
    store(tmp_path).set("floor3", "only here")
    secrets = Secrets(tmp_path / "secrets", {"CREDENTIALS_DIRECTORY": str(handed)})
    assert [secrets.get(name).reveal() for name in secrets.names()] == [
        *("from the folder", "only here", "from systemd"),
    ]


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Without the right to write, the error says as whom to run the command."""
    tmp_path.chmod(0o500)
    with pytest.raises(SecretError, match="administrator"):
        store(tmp_path).set("portal", CANARY)


def test_place_that_is_no_folder(tmp_path: Path) -> None:
    """Where no folder can be, nothing is stored and the error names the file."""
    (tmp_path / "secrets").touch()
    with pytest.raises(SecretError, match="portal"):
        store(tmp_path).set("portal", CANARY)


def test_a_secret_does_not_show_itself() -> None:
    """Printed, formatted, copied into an error or written to a file, a secret never shows its value."""
    secret = Secret(CANARY)
    assert CANARY not in f"{secret} {secret!r} {[secret]} {ValueError(secret)!r}"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(secret)
    assert (secret == Secret(CANARY), secret == Secret("other"), secret == CANARY) == (True, False, False)
    assert not hasattr(secret, "__dict__")


@given(st.text(min_size=1, max_size=200))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    """Whatever can be stored comes back exactly, but for line ends at its end."""
    secrets = store(tmp_path_factory.mktemp("any"))
    try:
        secrets.set("portal", value)
    except SecretError:
        assert not value.rstrip("\r\n") or any("\ud800" <= c <= "\udfff" for c in value)
    else:
        assert secrets.get("portal") == Secret(value.rstrip("\r\n"))
