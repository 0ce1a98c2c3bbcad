"""Which days people work and parcels come, by the public holidays of a country or one of its parts.

The holidays are those of the package `holidays`. 24 and 31 December count as free: most offices are closed, and what
is ordered on the day before arrives after the feast. Wrong is cheap in this direction: an order goes out a day sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache

from agent.errors import ConfigError
from agent.supplies.usage import Working, is_weekday
from agent.texts import Message, message

CLOSED = ((12, 24), (12, 31))  # month and day
KEPT = 200  # years of one calendar: more are asked for by no honest clock


def working_days(country: str, subdivision: str | None = None) -> Working:
    """The calendar of a country (ISO 3166-1, two letters) or a part of it (ISO 3166-2 without the country).

    Raises `ConfigError` for what is not known, with what there is.
    """
    return _calendar(country.strip().upper(), subdivision.strip() or None if subdivision else None)


def working_days_of(code: str) -> Working:
    """The same by a code such as `DE` or `DE-BY`."""
    country, _, subdivision = code.partition("-")
    return working_days(country, subdivision)


@lru_cache(maxsize=100)
def _calendar(country: str, subdivision: str | None) -> Working:
    from holidays import list_supported_countries  # takes a quarter of a second, and few commands need it

    known = list_supported_countries(include_aliases=False)
    if country not in known:
        raise ConfigError(
            message('There are no holidays for the country "{country}".', country=country), _one_of(known)
        )
    parts = {part.upper(): part for part in known[country]}
    if subdivision is not None and subdivision.upper() not in parts:
        what = message('{country} has no part "{part}" with holidays of its own.', country=country, part=subdivision)
        raise ConfigError(what, _one_of(parts.values()) if parts else message("Leave the part away."))
    return _working(_holidays(country, parts[subdivision.upper()] if subdivision else None))


def _one_of(names: Iterable[str]) -> Message:
    return message("There are: {names}.", names=", ".join(sorted(name for name in names)))


def _holidays(country: str, subdivision: str | None) -> Callable[[int], frozenset[date]]:
    """The holidays of a year."""
    from holidays import country_holidays

    @lru_cache(maxsize=KEPT)
    def of(year: int) -> frozenset[date]:
        return frozenset(country_holidays(country, subdiv=subdivision, years=year, expand=False))

    return of


def _working(holidays: Callable[[int], frozenset[date]]) -> Working:
    def is_working(day: date) -> bool:
        return is_weekday(day) and (day.month, day.day) not in CLOSED and day not in holidays(day.year)

    return is_working
