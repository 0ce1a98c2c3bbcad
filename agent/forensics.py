"""Why a counter is lower than it was: what happened to the printer, how sure that is, and what to decide.

Pure: it compares what the device tells now with what it told at the last reported reading, every sign a named
predicate with its why. It proposes; only a person decides. A proposed offset is what is added from now on to what the
printer counts, and it never makes a reading smaller than the last reported one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from agent.meters import METER_OF_CODE, LastReading, MeasuringPoint
from agent.printers import Identity
from agent.serials import same_serial
from agent.texts import Message, message
from agent.validation import most_expected

Cause = Literal[
    "estimated_last",
    "wrong_device",
    "device_swapped",
    "wrapped",
    "board_swapped",
    "format_changed",
    "misread",
    "unexplained",
]
Likelihood = Literal["certain", "likely", "possible"]
Proposal = Literal["accept", "offset", "replaced", "discard"]
MODULI = {"2^31": 2**31, "2^32": 2**32}  # Integer32 and Counter32 (RFC 2578 section 7.1)
FACTORS = (10, 100, 1000)  # firmware that counts in tens, hundreds or thousands
COUNTED_AGAIN = 100  # a counter below this part of the largest may be above its old value a month after a restart
LITTLE_MORE = 1.05  # of the last count: pages since then
TICKS = 100  # of sysUpTime, per second (RFC 3418)
SURE: dict[str, int] = {"certain": 0, "likely": 1, "possible": 2}


@dataclass(frozen=True, slots=True)
class Told:
    """What the device told at one time. `counters` are raw, by meter; `origins` say where each stood.

    `uptime` is sysUpTime in hundredths of a second, None where it is not told.
    """

    read_at: datetime
    identity: Identity
    counters: Mapping[str, int] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    uptime: int | None = None
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A held reading. By meter code: `values` as the device counts now, `last` as reported, `offsets` as they are.

    `before` is None where this agent did not read the last one. `owner` is another equipment that has this serial
    number in the portal, `serial_in_portal` what the portal has for this one.
    """

    now: Told
    values: Mapping[str, int]
    last: Mapping[str, LastReading]
    before: Told | None = None
    points: Mapping[str, MeasuringPoint] = field(default_factory=dict)
    offsets: Mapping[str, int] = field(default_factory=dict)
    serial_in_portal: str | None = None
    owner: str | None = None

    @property
    def fallen(self) -> tuple[str, ...]:
        """The meter codes whose value is below the last reported one."""
        return tuple(
            code
            for code, value in self.values.items()
            if code in self.last and self.reported(code) < self.last[code].value
        )

    def reported(self, code: str) -> int:
        """The value as it would be reported by the offsets that hold now."""
        return self.values[code] + self.offsets.get(code, 0)

    def raw_last(self, code: str) -> int:
        """What the device counted when the last value was reported."""
        told = self.before.counters.get(METER_OF_CODE.get(code, "")) if self.before else None
        return told if told is not None else max(self.last[code].value - self.offsets.get(code, 0), 0)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One explanation, its evidence in sentences, and the decision it leads to; `offsets` by meter code."""

    cause: Cause
    likelihood: Likelihood
    evidence: tuple[Message, ...]
    proposal: Proposal
    offsets: Mapping[str, int] = field(default_factory=dict)


def diagnose(case: Case) -> tuple[Diagnosis, ...]:
    """Every explanation that fits, the surest first; the last one is always that nothing explains it."""
    found = [diagnosis for rule in RULES if (diagnosis := rule(case))]
    found.sort(key=lambda one: SURE[one.likelihood])
    return (*found, Diagnosis("unexplained", "possible", (), "discard"))


def an_estimate_was_too_high(case: Case) -> Diagnosis | None:
    """SAP fills in estimates where nobody read; one that was too high is replaced by the measured value."""
    if not case.fallen or not all(case.last[code].estimated for code in case.fallen):
        return None
    last = {code: case.last[code].value for code in case.fallen}
    said = [
        message("The last value of {code}, {value}, was an estimate.", code=code, value=last[code]) for code in last
    ]
    return Diagnosis("estimated_last", "certain", tuple(said), "accept")


def another_device_answers(case: Case) -> Diagnosis | None:
    """A name or address leads to another machine: its numbers belong to another contract."""
    if not another_serial(case):
        return None
    evidence = [_serials(case)]
    if case.owner:
        evidence.append(
            message("In the portal this serial number is equipment {number}.", number=case.owner.lstrip("0"))
        )
        return Diagnosis("wrong_device", "certain", tuple(evidence), "discard")
    if as_in_portal(case):
        return None
    if case.serial_in_portal:
        evidence.append(message("The portal has {serial} for this equipment.", serial=case.serial_in_portal))
    return Diagnosis("wrong_device", "possible", (*evidence, *_cards(case)), "discard")


def the_device_was_exchanged(case: Case) -> Diagnosis | None:
    """A whole new machine in the old one's place: it counts for itself, and the portal books it as replaced."""
    if not another_serial(case) or case.owner:
        return None
    if as_in_portal(case):
        known = message("The portal has the new serial number for this equipment.")
        return Diagnosis("device_swapped", "certain", (_serials(case), known), "replaced")
    sure: Likelihood = "likely" if another_card(case) and not case.serial_in_portal else "possible"
    return Diagnosis("device_swapped", sure, (_serials(case), *_cards(case)), "replaced")


def the_count_wrapped(case: Case) -> Diagnosis | None:
    """A counter of 31 or 32 bits that is full goes on from 0; only that counter falls, by nearly its whole range."""
    if another_serial(case) or not case.fallen:
        return None
    wrapped = {
        code: name for code in case.fallen for name, modulus in MODULI.items() if near_the_end(case, code, modulus)
    }
    if set(wrapped) != set(case.fallen):
        return None
    offsets = {code: case.offsets.get(code, 0) + MODULI[name] for code, name in wrapped.items()}
    said = [
        message(
            "The counter {code} was at {last}, just below {modulus}, and goes on from 0.",
            code=code,
            last=case.raw_last(code),
            modulus=name,
        )
        for code, name in wrapped.items()
    ]
    return _offset(case, "wrapped", "likely", said, offsets)


def the_board_was_exchanged(case: Case) -> Diagnosis | None:
    """A new main board, or one that lost its memory: the same machine counts from anew, all its counters."""
    if another_serial(case) or not case.fallen or not started_anew(case):
        return None
    said = [_began_anew(case)]
    kept, card = same_serial_number(case), another_card(case)
    if kept:
        said.append(message("The serial number is the same: {serial}.", serial=case.now.identity.serial_number))
    said += _cards(case)
    if booted_since(case):
        said.append(message("The printer was switched on anew since the last reading."))
    last = {code: case.last[code].value for code in case.values if code in case.last and restarted(case, code)}
    return _offset(case, "board_swapped", "likely" if kept or card else "possible", said, last)


def the_value_comes_from_elsewhere(case: Case) -> Diagnosis | None:
    """New firmware or another profile: the same pages in another unit, or from another object of the printer."""
    if another_serial(case):
        return None
    scaled = {code: factor for code in case.fallen for factor in FACTORS if counts_in(case, code, factor)}
    if scaled and set(scaled) == set(case.fallen):
        said = [_in_another_unit(code, factor) for code, factor in scaled.items()]
        return Diagnosis("format_changed", "likely", (*said, *_versions(case)), "discard")
    moved = [code for code in case.values if read_elsewhere(case, code)]
    if not moved:
        return None
    said = [
        message("The counter {code} comes from another place in the printer than before.", code=code) for code in moved
    ]
    evidence = (*said, *_versions(case))
    if not case.fallen:
        return Diagnosis("format_changed", "likely", evidence, "accept")
    offsets = {code: case.last[code].value - case.values[code] for code in case.fallen}
    return _offset(
        case, "format_changed", "likely" if set(case.fallen) <= set(moved) else "possible", evidence, offsets
    )


def one_counter_was_misread(case: Case) -> Diagnosis | None:
    """The others of the same machine went on: one value of one answer is wrong, and the next one will not be."""
    on = others_went_on(case)
    if another_serial(case) or not case.fallen or not on or started_anew(case):
        return None
    said = message("The other counters went on: {meters}.", meters=", ".join(on))
    return Diagnosis("misread", "possible", (said,), "discard")


RULES: Sequence[Callable[[Case], Diagnosis | None]] = (
    an_estimate_was_too_high,
    the_device_was_exchanged,
    another_device_answers,
    the_count_wrapped,
    the_value_comes_from_elsewhere,
    the_board_was_exchanged,
    one_counter_was_misread,
)


def another_serial(case: Case) -> bool:
    """Both told a serial number, and not the same one: another machine, whatever else is alike."""
    before, now = _identities(case)
    return bool(
        before
        and now.serial_number
        and before.serial_number
        and not same_serial(before.serial_number, now.serial_number)
    )


def same_serial_number(case: Case) -> bool:
    """Both told the same serial number: it is kept on the frame's memory, or was entered again by the technician."""
    before, now = _identities(case)
    return bool(
        before and now.serial_number and before.serial_number and same_serial(before.serial_number, now.serial_number)
    )


def another_card(case: Case) -> bool:
    """Both told their network cards, and none is in both: the card sits on the main board of most printers."""
    before, now = _identities(case)
    return bool(
        before and before.mac_addresses and now.mac_addresses and not set(before.mac_addresses) & set(now.mac_addresses)
    )


def as_in_portal(case: Case) -> bool:
    """The portal has the serial number that answers now: somebody entered the exchange there."""
    now = case.now.identity.serial_number
    return bool(now and case.serial_in_portal and same_serial(now, case.serial_in_portal))


def near_the_end(case: Case, code: str, modulus: int) -> bool:
    """The last count was so near to `modulus` that a plausible number of pages leads over it to the present one."""
    last, point = case.raw_last(code), case.points.get(code, MeasuringPoint("", code))
    pages = modulus - last + case.values[code]
    return last < modulus and pages <= most_expected(case.last[code], point, case.now.read_at)


def started_anew(case: Case) -> bool:
    """Every counter that is known of both times is lower now, but for those that were so small that they can have been
    counted again meanwhile."""
    pairs = _both(case) or {
        code: (case.reported(code), case.last[code].value) for code in case.values if code in case.last
    }
    most = max((before for _, before in pairs.values()), default=0)
    return all(now < before for now, before in pairs.values() if before * COUNTED_AGAIN > most)


def restarted(case: Case, code: str) -> bool:
    """This counter began again with the others: it fell, or it is no more than the total that fell."""
    return code in case.fallen or case.values[code] <= _total(case)


def booted_since(case: Case) -> bool:
    """The device is up for less time than has passed since the last reading (sysUpTime, RFC 3418)."""
    if case.now.uptime is None or case.before is None:
        return False
    return case.now.uptime < (case.now.read_at - case.before.read_at).total_seconds() * TICKS


def counts_in(case: Case, code: str, factor: int) -> bool:
    """The present value times `factor`, rounded, is the last one or little more; so are the printer's other counters.

    Little, and all of them: any fall fits some factor by chance.
    """
    pairs = [(case.values[code], case.raw_last(code)), *_both(case).values()]
    large = [(now, before) for now, before in pairs if before >= 10 * factor]
    return pairs[0] in large and all(
        before < (now + 1) * factor and now * factor <= before * LITTLE_MORE for now, before in large
    )


def read_elsewhere(case: Case, code: str) -> bool:
    """Another object or protocol than before, or nobody knows which it was: the two need not count the same."""
    before = case.last[code].origin if code in case.last else None
    now = case.now.origins.get(METER_OF_CODE.get(code, ""))
    return bool(before and now and before != now)


def others_went_on(case: Case) -> tuple[str, ...]:
    """Counters that are not lower than at the last reading, beside those that fell."""
    return tuple(sorted(meter for meter, (now, before) in _both(case).items() if now >= before > 0))


def _both(case: Case) -> dict[str, tuple[int, int]]:
    before = case.before.counters if case.before else {}
    return {meter: (now, before[meter]) for meter, now in case.now.counters.items() if meter in before}


def _identities(case: Case) -> tuple[Identity | None, Identity]:
    return case.before.identity if case.before else None, case.now.identity


def _total(case: Case) -> int:
    return case.values.get("total", max((case.values[code] for code in case.fallen), default=0))


def _offset(
    case: Case, cause: Cause, sure: Likelihood, said: Sequence[Message], offsets: Mapping[str, int]
) -> Diagnosis:
    """The diagnosis with its offsets; none is proposed unless all make their readings no smaller than the last."""
    sound = all(n >= 0 and case.values[code] + n >= case.last[code].value for code, n in offsets.items())
    return Diagnosis(
        cause, sure, tuple(said), "offset" if sound and offsets else "discard", dict(offsets) if sound else {}
    )


def _serials(case: Case) -> Message:
    before, now = _identities(case)
    told = before.serial_number if before else None
    return message("The serial number was {before} and is {now}.", before=told, now=now.serial_number)


def _cards(case: Case) -> list[Message]:
    before, now = _identities(case)
    if before is None or not before.mac_addresses or not now.mac_addresses:
        return []
    if another_card(case):
        was, is_now = before.mac_addresses[0], now.mac_addresses[0]
        return [message("The network card was {before} and is {now}.", before=was, now=is_now)]
    return [message("The network card is the same: {card}.", card=now.mac_addresses[0])]


def _began_anew(case: Case) -> Message:
    count = len(_both(case))
    if count:
        return message("All {count} counters that are known of before began anew.", count=count)
    code = case.fallen[0]
    return message(
        "The counter {code} is {now} after {before}; no others are known of before.",
        code=code,
        now=case.values[code],
        before=case.last[code].value,
    )


def _in_another_unit(code: str, factor: int) -> Message:
    return message(
        "Times {factor}, the counter {code} fits the last value: the printer counts in another unit now.",
        factor=factor,
        code=code,
    )


def _versions(case: Case) -> list[Message]:
    said = []
    if case.before and case.before.profile and case.before.profile != case.now.profile:
        said.append(
            message("It was read by {before} and is read by {now}.", before=case.before.profile, now=case.now.profile)
        )
    before, now = _identities(case)
    if before and before.firmware and now.firmware and before.firmware != now.firmware:
        said.append(message("The firmware was {before} and is {now}.", before=before.firmware, now=now.firmware))
    return said
