"""Page counters from a printer's answers, each with its unit and where it came from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from agent.meters import Counter, Finding, Unit
from agent.snmp.octets import records, text_of
from agent.snmp.profile import COLOR_PARTS, UNITS, CheckPart, CounterPart, Profile
from agent.snmp.varbinds import Oid, Value, as_number, as_octets
from agent.snmp.witness import Witness
from agent.texts import Message, message

NOISE = 10  # pages; a printer may print while it is read
LOST_BY_JAMS = 10_000  # one page in so many is counted by one function and not by the other, or the other way round
LIFE_COUNT = "prtMarkerLifeCount"
SIZES = ("large", "small")
SERVICES = ("print", "copy", "fax", "scan", "report", "stored", "filed", "other", "feeder", "blank")
# Of a meter's name what says nothing of the color: sizes, sides, units, and by which way a scan or a fax went.
NO_COLOR = frozenset(
    {
        "total",
        "large",
        "small",
        "duplex",
        "sheets",
        "sides",
        "equivalent",
        "sent",
        "received",
        "network",
        "email",
        "stored",
    }
)


@dataclass(frozen=True, slots=True)
class Found:
    """A value with the identifiers it came from, and the table index it stood at, if any."""

    value: int
    sources: tuple[str, ...]
    index: Oid = ()


def read_counters(
    profile: Profile, witness: Witness, model: str | None, missing: Collection[Oid] = ()
) -> tuple[list[Counter], list[Finding]]:
    """Every counter of the profile that the device tells, the best place first; what is odd about them as findings.

    `missing` names objects and columns whose answer was cut short: a meter that needs one of them is not read at all,
    because a sum would lack a part of it, and a place further down would stand in for a better one.
    """
    lost = {name for name, oid in profile.oids.items() if any(_touch(oid, gone) for gone in missing)}
    cut: set[str] = set()
    counters: dict[str, Counter] = {}
    findings: list[Finding] = []
    unproven: set[str] = set()
    why: dict[str, str] = {}
    for part in profile.counters:
        if part.meter in counters or part.meter in cut or not part.about(model):
            continue
        if part.beside and part.beside not in counters:
            continue
        if lost and part.names & lost:
            cut.add(part.meter)
            continue
        counter, odd = _counter(profile, part, witness, counters)
        if counter:
            counters[part.meter], why[part.meter] = counter, part.source
            unproven |= {part.meter} if part.confidence == "C" else set()
        findings += [one for one in odd if one not in findings]
    findings += [Finding("counter_cut", _cut_short(meter)) for meter in sorted(cut)]
    findings += _without_unproven(counters, unproven)
    findings += _cross_checks(counters, witness, why)
    findings += [finding for check in profile.checks for finding in _checked(check, counters)]
    return list(counters.values()), findings


def _touch(one: Oid, other: Oid) -> bool:
    """Whether one identifier is or lies below the other: a table cut short is cut for all that is read from it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _cut_short(meter: str) -> Message:
    return message("The counter {meter} is not read: the printer's answer about it was cut short.", meter=meter)


def _without_unproven(counters: dict[str, Counter], unproven: Iterable[str]) -> list[Finding]:
    """Takes out what only the total could prove, where it does not; says so."""
    dropped = [] if _colors_make_total(counters) else [meter for meter in counters if meter in unproven]
    findings = []
    for meter in dropped:
        del counters[meter]
        said = message(
            "The counter {meter} is not read: black and color do not make the total, and only that would prove it.",
            meter=meter,
        )
        findings.append(Finding("unproven_counter", said))
    return findings


def _colors_make_total(counters: dict[str, Counter]) -> bool:
    """Whether black and full colour are told and, with the other colours that are told, make the total."""
    total = counters.get("total")
    if total is None or not {"monochrome", "full_color"} <= set(counters):
        return False
    made = sum(counters[name].value for name in COLOR_PARTS if name in counters)
    return abs(made - total.value) <= min(NOISE, total.value // 100)  # of a new printer nearly every sum is near


def _counter(
    profile: Profile, part: CounterPart, witness: Witness, read: Mapping[str, Counter]
) -> tuple[Counter | None, list[Finding]]:
    rows = witness.numbers(part.first[0]) if part.fallback else {}
    if len(rows) > 1:
        # Adding up several markers is right for some engines and wrong for others; nothing in the MIB tells which.
        return None, [Finding("several_markers", message("The printer has {count} marking engines.", count=len(rows)))]
    found = _made(part, read) if part.of else _found(part, witness)
    if found is None or found.value == -1:  # -1 in a private counter: not offered
        return None, []
    if found.value < 0:
        return None, [Finding("negative_counter", message("The counter {meter} is negative.", meter=part.meter))]
    unit = _unit(profile, part, witness, found.index)
    service, color, size = key_of(part.meter)
    source = "+".join(found.sources)
    value = int(found.value * part.scale)
    place = _place(part, part.column, witness) if part.column else ""
    counter = Counter(part.meter, service, color, size, unit, value, source, part.origin or profile.label, place)
    return counter, _oddities(part, unit)


@lru_cache(maxsize=500)
def key_of(meter: str) -> tuple[str, str, str]:
    """Service, colour class and size class of a meter's name: `copy_full_color` is copy, full_color, any.

    `…_equivalent` counts a large sheet as two, as some contracts do: a meter of its own, never mixed with impressions.
    """
    words = meter.split("_")
    service = words.pop(0) if words[0] in SERVICES and len(words) > 1 else "total"
    size = next((word for word in words if word in SIZES), "any")
    return service, "_".join(word for word in words if word not in NO_COLOR) or "any", size


def _found(part: CounterPart, witness: Witness) -> Found | None:
    if part.column:
        return _joined(part, part.column, witness)
    if part.sum:
        terms = [_term(term, witness) for term in part.sum]
        there = [term for term in terms if term is not None and term.value >= 0]
        less = [_term(term, witness) for term in part.minus]
        if terms[0] is None or not there or any(term is None or term.value < 0 for term in less):
            return None
        if part.rows == "each" and len(there) < len(terms):
            return None
        taken = [term for term in less if term is not None]
        sources = tuple(source for term in there for source in term.sources)
        sources += tuple(f"-{source}" for term in taken for source in term.sources)
        return Found(sum(term.value for term in there) - sum(term.value for term in taken), sources)
    return next((found for term in part.first if (found := _term(term, witness)) is not None), None)


def _made(part: CounterPart, read: Mapping[str, Counter]) -> Found | None:
    """The sum of other meters; none where one of them is not read, as it would be too low."""
    if any(meter not in read for meter in part.of):
        return None
    return Found(sum(read[meter].value for meter in part.of), tuple(read[meter].source for meter in part.of))


def _term(term: str, witness: Witness) -> Found | None:
    """The value of an object, of a column's only row, or of a record in a blob."""
    name, _, record = term.partition("#")
    value = witness.value(name)
    if record:
        octets = as_octets(value)
        number = records(octets).get(int(record, 16)) if octets else None
        return Found(number, (f"{witness.oid_text(name)}#{record}",)) if number is not None else None
    if (number := as_number(value)) is not None:
        return Found(number, (witness.oid_text(name),))
    rows = witness.numbers(name)
    if len(rows) != 1:
        return None
    index, number = next(iter(rows.items()))
    return Found(number, (witness.oid_text(name, index),), index)


def _joined(part: CounterPart, column: str, witness: Witness) -> Found | None:
    """The rows whose other columns are as the profile says: joined by meaning, never by row number."""
    wanted = {name: witness.column(name) for name in part.where}
    numbers = witness.numbers(column)
    rows = [index for index in numbers if any(_stands(index, place) for place in part.at)] if part.at else list(numbers)
    for name, value in part.where.items():
        rows = [index for index in rows if _is(wanted[name].get(index), value)]
    rows = [index for index in rows if numbers[index] >= 0]
    if not rows or (part.rows == "one" and len(rows) > 1) or (part.rows == "each" and not _each(part, wanted, rows)):
        return None
    if part.rows == "same":
        if len({numbers[index] for index in rows}) > 1:
            return None
        rows = rows[:1]
    sources = tuple(witness.oid_text(column, index) for index in rows)
    return Found(sum(numbers[index] for index in rows), sources, rows[0])


def _place(part: CounterPart, column: str, witness: Witness) -> str:
    """The column and what its rows must be, without their numbers, which may change."""
    meaning = [f"{witness.oid_text(name)}={wanted}" for name, wanted in sorted(part.where.items())]
    return f"{witness.oid_text(column)}?{','.join((*meaning, *part.at))}"


def _each(part: CounterPart, columns: dict[str, dict[Oid, Value]], rows: list[Oid]) -> bool:
    """Whether each of the several wanted values has exactly one row: a sum with a part missing would be too low."""
    if len(part.at) > 1:
        return all(sum(_stands(index, place) for index in rows) == 1 for place in part.at)
    name, values = next((name, wanted) for name, wanted in part.where.items() if isinstance(wanted, tuple))
    return all(sum(_is(columns[name].get(index), value) for index in rows) == 1 for value in values)


def _stands(index: Oid, place: str) -> bool:
    """Whether an index is of this form: its numbers, with a star for any."""
    form = _form(place)
    return len(index) == len(form) and form[-1] in (-1, index[-1]) and all(map(_fits, index, form))


def _fits(number: int, wanted: int) -> bool:
    return wanted in (-1, number)


@lru_cache(maxsize=1000)
def _form(place: str) -> Oid:
    """The numbers of such a form, -1 for a star."""
    return tuple(-1 if number == "*" else int(number) for number in place.split("."))


def _is(value: Value | None, wanted: int | str | tuple[int | str, ...]) -> bool:
    if isinstance(wanted, tuple):
        return any(_is(value, one) for one in wanted)
    if value is None:
        return False
    if isinstance(wanted, int):
        return as_number(value) == wanted
    octets = as_octets(value)
    return octets is not None and (text_of(octets) or "").casefold() == wanted.casefold()


def _unit(profile: Profile, part: CounterPart, witness: Witness, index: Oid) -> Unit:
    word = part.unit
    if word not in UNITS:
        code = witness.numbers(part.unit).get(index)
        word = profile.words.counter_unit.get(code if code is not None else -1, "unknown")
    return "impressions" if word == "impressions" else "sheets" if word == "sheets" else "unknown"


def _oddities(part: CounterPart, unit: Unit) -> list[Finding]:
    odd: list[Finding] = []
    if part.fallback:
        said = message("The total is the printer's life count; nothing better is known for this model.")
        odd.append(Finding("life_count_as_total", said))
        if unit == "sheets":
            odd.append(Finding("counts_sheets", message("The printer says that it counts sheets, not pages.")))
    if unit == "unknown":
        odd.append(Finding("unit_unknown", message("The printer does not say what its counter counts.")))
    return odd


def _cross_checks(counters: dict[str, Counter], witness: Witness, why: Mapping[str, str]) -> list[Finding]:
    """Whether the parts make the whole, and whether the maker's total is the standard's; a difference is shown.

    `why` says by meter why the profile believes it.
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
    life = list(witness.numbers(LIFE_COUNT).values())
    if len(life) == 1 and not _near(life[0], total.value):
        said = message(
            "The standard's life count is {life}, the total is {total} ({source}). The total counts, because: {why}.",
            life=life[0],
            total=total.value,
            source=total.source,
            why=why.get("total", "–").rstrip("."),
        )
        findings.append(Finding("life_count_differs", said))
    return findings


def _checked(check: CheckPart, counters: dict[str, Counter]) -> list[Finding]:
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
