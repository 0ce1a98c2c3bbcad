"""What a printer's counters prove of one another: which of them may be believed, and what does not add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agent.meters import Counter, Finding
from agent.snmp.counter_profile import COLOR_PARTS, CheckPart
from agent.texts import message

NOISE = 10  # pages; a printer may print while it is read
FEW = 1000  # pages; of a new printer even twice as many are a few
LOST_BY_JAMS = 10_000  # one page in so many is counted by one function and not by the other, or the other way round
COLORS = CheckPart(whole="total", parts=COLOR_PARTS, relation="=", source="a page has one kind of colour")


def without_partial(checks: Sequence[CheckPart], counters: dict[str, Counter], partial: Iterable[str]) -> list[Finding]:
    """Takes out the sums of which a part was not told, where no whole proves them; says so.

    They can only be too low, so that where several of them make a whole, to the page, each is right.
    """
    findings = []
    for meter in _not_exact(checks, counters, partial):
        said = message(
            "The counter {meter} is not read: parts of it are not told, and the others do not make the whole.",
            meter=meter,
        )
        findings.append(Finding("unproven_counter", said))
    return findings


def without_unproven(
    checks: Sequence[CheckPart], counters: dict[str, Counter], doubted: Iterable[str]
) -> list[Finding]:
    """Takes out what only others could prove (confidence C), where they do not; says so.

    Colours have to make the total, functions what a check says.
    """
    colors = [meter for meter in doubted if meter in counters and is_color(meter)]
    findings = []
    for meter in [] if _colors_make_total(counters) else colors:
        del counters[meter]
        said = message(
            "The counter {meter} is not read: black and color do not make the total, and only that would prove it.",
            meter=meter,
        )
        findings.append(Finding("unproven_counter", said))
    for meter in _not_near(checks, counters, [meter for meter in doubted if not is_color(meter)]):
        said = message(
            "The counter {meter} is not read: it does not make the whole with others, and only that would prove it.",
            meter=meter,
        )
        findings.append(Finding("unproven_counter", said))
    return findings


def is_color(meter: str) -> bool:
    """Whether the meter is a colour of the whole machine, which the total can prove."""
    return meter.removeprefix("large_") in COLOR_PARTS


def _not_exact(checks: Sequence[CheckPart], counters: dict[str, Counter], partial: Iterable[str]) -> list[str]:
    """Takes out the sums that no whole proves; what is proven proves others."""
    open_ = [meter for meter in counters if meter in set(partial)]
    proofs = [check for check in (COLORS, *checks) if check.relation == "="]
    while proven := [meter for meter in open_ if any(_makes(check, meter, counters, open_) for check in proofs)]:
        open_ = [meter for meter in open_ if meter not in proven]
    for meter in open_:
        del counters[meter]
    return open_


def _not_near(checks: Sequence[CheckPart], counters: dict[str, Counter], doubted: Iterable[str]) -> list[str]:
    """Takes out the functions that no whole proves; a whole that is proven itself proves its parts."""
    unproven = [meter for meter in counters if meter in set(doubted)]
    while proven := [meter for meter in unproven if any(_near_whole(c, meter, counters, unproven) for c in checks)]:
        unproven = [meter for meter in unproven if meter not in proven]
    for meter in unproven:
        del counters[meter]
    return unproven


def _near_whole(check: CheckPart, meter: str, counters: Mapping[str, Counter], unproven: Sequence[str]) -> bool:
    """Whether this meter and the others that are told make a whole that is known, but for a few pages."""
    if meter not in check.parts or check.whole not in counters or check.whole in unproven:
        return False
    whole, told = counters[check.whole].value, [counters[one].value for one in check.parts if one in counters]
    proves = check.relation == "=" or len(told) > 1  # one part alone is as large as the whole by chance at most
    return proves and abs(sum(told) - whole) <= min(NOISE, whole // 100)


def _makes(check: CheckPart, meter: str, counters: Mapping[str, Counter], open_: Sequence[str]) -> bool:
    """Whether this meter and the others that are told make the whole, which is whole itself."""
    if meter not in check.parts or check.whole not in counters or check.whole in open_:
        return False
    return counters[check.whole].value == sum(counters[part].value for part in check.parts if part in counters)


def _colors_make_total(counters: Mapping[str, Counter]) -> bool:
    """Whether black and full colour are told and, with the other colours that are told, make the total."""
    total = counters.get("total")
    if total is None or not {"monochrome", "full_color"} <= set(counters):
        return False
    made = sum(counters[name].value for name in COLOR_PARTS if name in counters)
    return abs(made - total.value) <= min(NOISE, total.value // 100)  # of a new printer nearly every sum is near


def cross_checks(counters: Mapping[str, Counter], life: Sequence[int], why: Mapping[str, str]) -> list[Finding]:
    """Whether the parts make the whole, and whether the maker's total is the standard's; a difference is shown.

    `life` are the standard's life counts; `why` says by meter why the profile believes it.
    """
    total = counters.get("total")
    if total is None:
        return []
    findings = []
    parts = [counters[name].value for name in COLOR_PARTS if name in counters]
    if {"monochrome", "full_color"} <= set(counters) and not _near(sum(parts), total.value):
        said = message(
            "Black and color make {sum} ({parts}), the total is {total} ({source}).",
            sum=sum(parts),
            parts=", ".join(counters[name].source for name in COLOR_PARTS if name in counters),
            total=total.value,
            source=total.source,
        )
        findings.append(Finding("sum_mismatch", said))
    if len(life) == 1 and not _near(life[0], total.value):
        said = message(
            "The standard's life count is {life}, the total is {total} ({source}). The total counts, because: {why}.",
            life=life[0],
            total=total.value,
            source=total.source,
            why=why.get("total", "–").rstrip("."),
        )
        findings.append(Finding("life_count_differs", said))
        if is_far(total.value, life[0]):
            far = message("One of the two is more than twice the other: the total may be another counter.")
            findings.append(Finding("life_count_far", far))
    return findings


def is_far(one: int, other: int) -> bool:
    """Whether two counters of all pages cannot both be that, even where one counts large sheets as two."""
    return max(one, other) > FEW and max(one, other) > 2 * min(one, other)


def checked(check: CheckPart, counters: Mapping[str, Counter]) -> list[Finding]:
    """Whether the parts that a maker's sum is made of make it; a difference is shown."""
    parts = [name for name in check.parts if name in counters]
    if check.whole not in counters or not parts or (check.relation == "=" and len(parts) == 1 < len(check.parts)):
        return []
    whole, made = counters[check.whole].value, sum(counters[name].value for name in parts)
    complete = check.relation == "=" and len(parts) == len(check.parts)
    noise = NOISE + whole // LOST_BY_JAMS
    if made <= whole + noise and (not complete or made >= whole - noise):
        return []
    said = message(
        "The functions {parts} make {sum}, {whole} is {value} ({source}).",
        parts=", ".join(f"{name} ({counters[name].source})" for name in parts),
        sum=made,
        whole=check.whole,
        value=whole,
        source=counters[check.whole].source,
    )
    return [Finding("parts_mismatch", said)]


def _near(one: int, other: int) -> bool:
    return abs(one - other) <= NOISE
