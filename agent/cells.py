"""What a person wrote into a cell: a count, a date, a mark. What can be read in two ways is refused, never guessed."""

from __future__ import annotations

import re
from datetime import date, datetime, time

from agent.texts import Message, message

LARGEST = 2**53 - 1  # the portal's JSON integers
MARKS = frozenset({"x", "✓", "ja", "j", "yes", "y", "ok", "true", "wahr"})
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})\.(\d{1,2})\.(\d{4})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


class Unreadable(Exception):
    """The cell says nothing that can be used."""

    def __init__(self, what: Message, remedy: Message) -> None:
        super().__init__(str(what))
        self.what = what
        self.remedy = remedy


def count_of(text: str) -> int:
    """A whole number of 0 or more, in digits alone. Raises `Unreadable`: "12.345" is one thing here, another there."""
    digits = "".join(text.split())
    if not re.fullmatch(r"[0-9]{1,16}", digits) or int(digits) > LARGEST:
        raise Unreadable(
            message('"{text}" is no whole number.', text=text.strip()),
            message("Write it in digits alone, without dots, commas or decimals."),
        )
    return int(digits)


def is_mark(text: str) -> bool:
    """Whether somebody said yes without a date."""
    return text.strip().casefold() in MARKS


def moment_of(text: str) -> date | datetime:
    """A day, or a moment in this computer's time zone. Raises `Unreadable`, also for 03/04/2026."""
    parts = text.replace("T", " ").replace(",", " ").split()
    found = _DAY.fullmatch(parts[0]) if parts else None
    clock = _TIME.fullmatch(parts[1]) if len(parts) == 2 else None
    if found and (clock or len(parts) == 1):
        year, month, day = (found[1], found[2], found[3]) if found[1] else (found[6], found[5], found[4])
        try:
            when = date(int(year), int(month), int(day))
            if clock is None:
                return when
            return datetime.combine(when, time(int(clock[1]), int(clock[2]), int(clock[3] or 0))).astimezone()
        except (ValueError, OverflowError, OSError):
            pass  # as what cannot be read
    raise Unreadable(
        message('"{text}" is no date that can be read in one way only.', text=text.strip()),
        message("Write it as 2026-11-24 or 24.11.2026, with the time behind it if you like: 24.11.2026 10:15"),
    )


def start_of(when: date | datetime) -> datetime:
    """The moment, or the beginning of the day in this computer's time zone."""
    return when if isinstance(when, datetime) else datetime.combine(when, time.min).astimezone()


def end_of(when: date | datetime) -> datetime:
    """The moment, or the last second of the day in this computer's time zone."""
    return when if isinstance(when, datetime) else datetime.combine(when, time(23, 59, 59)).astimezone()
