"""The log: whole lines, no secrets, no terminal tricks, and it never breaks what it reports on."""

from __future__ import annotations

import io
import json
import logging
import os
import stat
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.display import printable
from agent.errors import ConfigError
from agent.log import BLACK, start_log, stop_log
from agent.secrets import Secret
from agent.texts import message

Write = Callable[[logging.Logger], object]
HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\nlevel=error \u202etxt.exe\u2028\u200b\x00\x85"


@pytest.fixture(autouse=True)
def _quiet_afterwards() -> Iterator[None]:
    yield
    stop_log()
    logging.captureWarnings(False)
    logging.getLogger().setLevel(logging.WARNING)


def logged(write: Write, *, level: str = "info") -> list[dict[str, Any]]:
    stream = io.StringIO()
    start_log(level, stream=stream, plain=False)
    write(logging.getLogger("agent.test"))
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(error: Exception) -> None:
    raise error


def logged_plain(write: Write) -> str:
    stream = io.StringIO()
    start_log(stream=stream, plain=True)
    write(logging.getLogger("agent.test"))
    return stream.getvalue()


def test_one_json_object_per_record() -> None:
    """Every record is one JSON object with time, level, logger and text, and what the caller added."""

    def write(log: logging.Logger) -> None:
        log.info("read %s of %s", 3, 4, extra={"printer": "192.168.1.7", "seconds": 1.5, "odd": float("nan")})
        log.warning(message("No answer from {name}.", name="printer-1"))
        log.debug("not asked for")

    first, second = logged(write)
    assert first.pop("time").endswith("+00:00")
    told = {"printer": "192.168.1.7", "seconds": 1.5, "odd": "nan"}
    assert first == {"level": "info", "logger": "agent.test", "text": "read 3 of 4", **told}
    assert (second["level"], second["text"]) == ("warning", "No answer from printer-1.")


def test_terminal_lines() -> None:
    """On a terminal a record is one short line."""
    text = logged_plain(lambda log: log.warning("asleep", extra={"printer": "printer-1"}))
    assert text.endswith(" warning: asleep [printer=printer-1]\n")
    assert text.count("\n") == 1


def test_no_terminal_tricks_and_no_forged_lines() -> None:
    """A printer's name cannot move the cursor, forge a line, or turn the writing direction."""

    def write(log: logging.Logger) -> None:
        try:
            fail(ValueError(HOSTILE))
        except ValueError:
            log.exception("read %s", HOSTILE, extra={"name of it": HOSTILE, "nested": [HOSTILE]})

    text = logged_plain(write)
    assert text.count("\n") == 1
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in text.rstrip("\n"))
    assert len(logged(write)) == 1


def test_revealed_secrets_are_blackened() -> None:
    """A secret in use never reaches the log: not in the text, the values, the error, nor encoded for a web address."""
    canary = Secret("canary &/7Qx").reveal()

    def write(log: logging.Logger) -> None:
        try:
            try:
                fail(OSError(f"https://x/?token=canary+%26%2F7Qx and {canary}"))
            except OSError as error:
                raise RuntimeError(canary) from error
        except RuntimeError:
            log.exception("sent %s", canary, extra={"header": {"Authorization": canary}, canary: 1})
        log.info("x" * 990 + canary)

    for text in (json.dumps(logged(write), ensure_ascii=False), logged_plain(write)):
        assert "canary" not in text
        assert "7Qx" not in text
        assert BLACK in text


def test_a_secret_inside_another() -> None:
    """Of two secrets, one within the other, nothing remains."""
    short, long = Secret("kernel-9").reveal(), Secret("shell-kernel-9-shell").reveal()
    (line,) = logged(lambda log: log.info(f"{long} {short}"))
    assert line["text"] == f"{BLACK} {BLACK}"


def test_a_very_short_secret() -> None:
    """A secret of one character is blackened as a word, and the rest of the log stays readable."""
    short = Secret("q").reveal()
    (line,) = logged(lambda log: log.info(f"community={short}, queue asked"))
    assert line["text"] == f"community={BLACK}, queue asked"


def test_errors_say_where_but_not_with_what() -> None:
    """An error in the log names its cause and its places in the code, never source lines or variables."""

    def write(log: logging.Logger) -> None:
        local_variable = "value-of-a-local"
        try:
            fail(KeyError("missing"))
        except KeyError:
            log.exception("failed")
        assert local_variable

    (line,) = logged(write)
    assert line["error"][0]["type"] == "KeyError"
    assert any("test_log.py" in place and "write" in place for place in line["error"][0]["at"])
    assert "value-of-a-local" not in json.dumps(line)
    assert "raise error" not in json.dumps(line)


def test_a_broken_call_costs_only_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    """A log call with a mistake in it is still logged, and nothing else is printed anywhere."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    def write(log: logging.Logger) -> None:
        log.info("read %d", "three")
        log.info(Broken())

    assert [line["text"] for line in logged(write)] == ["read %d", "Broken"]
    assert capsys.readouterr() == ("", "")


def test_libraries_are_quiet() -> None:
    """Libraries that tell of every request are heard from warning on, all of them at level debug; Python's too."""

    def write(log: logging.Logger) -> None:
        logging.getLogger("httpx").info("GET")
        logging.getLogger("httpx").warning("late")
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    assert [line["logger"] for line in logged(write)] == ["httpx", "py.warnings"]
    assert [line["logger"] for line in logged(write, level="debug")] == ["httpx", "httpx", "py.warnings"]


def test_log_file(tmp_path: Path) -> None:
    """The log file is made with its folder, is not for every user, takes further starts, and is UTF-8 JSON lines."""
    file = tmp_path / "log" / "agent.log"
    for word in ("Büro", "再開"):
        start_log(file=file)
        logging.getLogger("agent.test").info(word)
    assert [json.loads(line)["text"] for line in file.read_text("utf-8").splitlines()] == ["Büro", "再開"]
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) & 0o137 == 0


def test_log_files_are_bounded(tmp_path: Path) -> None:
    """At 10 MiB a new file begins and five older ones are kept."""
    file = tmp_path / "agent.log"
    old = {tmp_path / f"agent.log.{number}": f"old {number}" for number in range(1, 6)}
    for path, text in old.items():
        path.write_text(text)
    file.write_bytes(b"x" * (10 * 1024 * 1024))
    start_log(file=file)
    logging.getLogger("agent.test").info("new")
    assert json.loads(file.read_text("utf-8"))["text"] == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name, *(path.name for path in sorted(old))]
    assert (tmp_path / "agent.log.5").read_text() == "old 4"


def test_log_file_that_cannot_be_written(tmp_path: Path) -> None:
    """Where no log can be written, the agent says so at the start, and the log so far goes on."""
    stream = io.StringIO()
    start_log(stream=stream)
    with pytest.raises(ConfigError, match=r"\[log\]"):
        start_log(file=tmp_path)
    logging.getLogger("agent.test").info("still here")
    assert "still here" in stream.getvalue()


@given(st.text(st.characters(codec=None), max_size=600), st.integers(1, 300))
def test_printable_is_one_harmless_line(text: str, limit: int) -> None:
    """Whatever a device calls itself, it is shown as one bounded line without control characters."""
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    assert unicodedata.is_normalized("NFC", shown)
    assert printable(shown, limit) == shown
    shown.encode("utf-8")


def test_printable_keeps_what_people_write() -> None:
    """Umlauts, other scripts and signs stay; composed and decomposed spelling look the same; cuts are visible."""
    assert printable("Büro 3 – 再開 Zespół") == "Büro 3 – 再開 Zespół"
    assert printable("Bu\N{COMBINING DIAERESIS}ro") == "Büro"
    assert printable("a\nb\x1b[31m") == "a\ufffdb\ufffd[31m"
    assert printable("x" * 300) == "x" * 254 + "…"
    assert printable("e" + "\N{COMBINING ACUTE ACCENT}" * 100_000, 10).endswith("…")
