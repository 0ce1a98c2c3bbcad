"""Page counters from a printer's answers, each with its unit and where it came from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from agent.meters import Counter, Finding, Unit
from agent.snmp.counter_profile import UNITS, CounterPart
from agent.snmp.octets import records, text_of
from agent.snmp.profile import Profile
from agent.snmp.proofs import checked, cross_checks, without_partial, without_unproven
from agent.snmp.varbinds import Oid, Value, as_number, as_octets
from agent.snmp.witness import Witness
from agent.texts import Message, message

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
    """A value with the identifiers it came from, and the table index it stood at, if any.

    `partial` says that a part of the sum was not told: it may be too low. `rows` is how many rows of a table were
    added up without its being known how many there ought to be, `place` where the meters stood that it was made of.
    """

    value: int
    sources: tuple[str, ...]
    index: Oid = ()
    partial: bool = False
    rows: int = 0
    place: str = ""


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
    partial: set[str] = set()
    why: dict[str, str] = {}
    for part in profile.counters:
        if part.meter in counters or part.meter in cut or not part.about(model):
            continue
        if part.beside and part.beside not in counters:
            continue
        if lost and part.names & lost:
            cut.add(part.meter)
            continue
        found, odd = _wanted(part, witness, counters)
        if found:
            counters[part.meter] = counter = _counter(profile, part, witness, found)
            why[part.meter] = part.source
            unproven |= {part.meter} if part.confidence == "C" else set()
            partial |= {part.meter} if found.partial or not partial.isdisjoint(part.of) else set()
            odd = [*odd, *_oddities(part, counter.unit)]
        findings += [one for one in odd if one not in findings]
    findings += [Finding("counter_cut", _cut_short(meter)) for meter in sorted(cut)]
    findings += without_partial(profile.checks, counters, partial)
    mismatches = [finding for check in profile.checks for finding in checked(check, counters)]
    findings += without_unproven(profile.checks, counters, unproven)
    findings += cross_checks(counters, list(witness.numbers(LIFE_COUNT).values()), why)
    findings += mismatches
    return list(counters.values()), findings


def _touch(one: Oid, other: Oid) -> bool:
    """Whether one identifier is or lies below the other: a table cut short is cut for all that is read from it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _cut_short(meter: str) -> Message:
    return message("The counter {meter} is not read: the printer's answer about it was cut short.", meter=meter)


def _wanted(part: CounterPart, witness: Witness, read: Mapping[str, Counter]) -> tuple[Found | None, list[Finding]]:
    """What the device tells of this meter at this place, if it is a count."""
    rows = witness.numbers(part.first[0]) if part.fallback else {}
    if len(rows) > 1:
        # Adding up several markers is right for some engines and wrong for others; nothing in the MIB tells which.
        return None, [Finding("several_markers", message("The printer has {count} marking engines.", count=len(rows)))]
    found = _made(part, read) if part.of else _found(part, witness)
    if found is None or found.value == -1:  # -1 in a private counter: not offered
        return None, []
    if found.value < 0:
        return None, [Finding("negative_counter", message("The counter {meter} is negative.", meter=part.meter))]
    return found, []


def _counter(profile: Profile, part: CounterPart, witness: Witness, found: Found) -> Counter:
    service, color, size = key_of(part.meter)
    return Counter(
        meter=part.meter,
        service=service,
        color=color,
        size=size,
        unit=_unit(profile, part, witness, found.index),
        value=int(found.value * part.scale),
        source="+".join(found.sources),
        profile=part.origin or profile.label,
        place=_place(part, part.column, witness) if part.column else found.place,
        rows=found.rows,
    )


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
        return _sum(part, witness)
    return next((found for term in part.first if (found := _term(term, witness)) is not None), None)


def _sum(part: CounterPart, witness: Witness) -> Found | None:
    """The terms together; -1 says that a term is not offered, one that is not told may be more than nothing."""
    terms = [_term(term, witness) for term in part.sum]
    less = [_term(term, witness) for term in part.minus]
    told = [term for term in terms if term is not None and term.value >= -1]
    there = [term for term in told if term.value >= 0]
    taken = [term for term in less if term is not None and term.value >= 0]
    partial = len(told) < len(terms)
    if terms[0] is None or not there or len(taken) < len(less) or (part.rows == "each" and partial):
        return None
    sources = tuple(source for term in there for source in term.sources)
    sources += tuple(f"-{source}" for term in taken for source in term.sources)
    return Found(sum(term.value for term in there) - sum(term.value for term in taken), sources, partial=partial)


def _made(part: CounterPart, read: Mapping[str, Counter]) -> Found | None:
    """The sum of other meters; none where one of them is not read, as it would be too low."""
    if any(meter not in read for meter in part.of):
        return None
    made = [read[meter] for meter in part.of]
    return Found(
        value=sum(counter.value for counter in made),
        sources=tuple(counter.source for counter in made),
        rows=sum(counter.rows for counter in made),
        place="+".join(counter.place or counter.source for counter in made),
    )


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
    found = _rows_of_each(part, wanted, rows) if part.rows in ("each", "some") else [1]
    told = [index for index in rows if numbers[index] != -1]
    rows = [index for index in told if numbers[index] >= 0]
    if not rows or len(rows) < len(told) or (part.rows == "one" and len(rows) > 1) or max(found) > 1:
        return None
    if (part.rows == "each" and min(found) < 1) or (part.rows == "sum" and _torn(part, numbers, wanted)):
        return None
    if part.rows == "same":
        if len({numbers[index] for index in rows}) > 1:
            return None
        rows = rows[:1]
    return Found(
        value=sum(numbers[index] for index in rows),
        sources=tuple(witness.oid_text(column, index) for index in rows),
        index=rows[0],
        partial=part.rows == "some" and min(found) < 1,
        rows=len(rows) if part.rows == "sum" else 0,
    )


def _torn(part: CounterPart, numbers: Mapping[Oid, int], columns: Mapping[str, Mapping[Oid, Value]]) -> bool:
    """Whether a cell is missing of a row that may belong to the sum: it would be too low."""
    cells = [numbers, *columns.values()]
    for index in set().union(*cells):
        told = [_is(columns[name][index], value) for name, value in part.where.items() if index in columns[name]]
        if all(told) and any(index not in column for column in cells):
            return True
    return False


def _place(part: CounterPart, column: str, witness: Witness) -> str:
    """The column and what its rows must be, without their numbers, which may change."""
    meaning = [f"{witness.oid_text(name)}={wanted}" for name, wanted in sorted(part.where.items())]
    return f"{witness.oid_text(column)}?{','.join((*meaning, *part.at))}"


def _rows_of_each(part: CounterPart, columns: dict[str, dict[Oid, Value]], rows: list[Oid]) -> list[int]:
    """How many rows each of the several wanted values or places has: one, or a sum of them is too low or too high."""
    if len(part.at) > 1:
        return [sum(_stands(index, place) for index in rows) for place in part.at]
    name, values = next((name, wanted) for name, wanted in part.where.items() if isinstance(wanted, tuple))
    return [sum(_is(columns[name].get(index), value) for index in rows) for value in values]


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
    if part.fallback and LIFE_COUNT not in part.names:
        said = message("The total is not the printer's billing counter, which it does not tell, but another one.")
        odd.append(Finding("other_count_as_total", said))
    elif part.fallback:
        said = message("The total is the printer's life count; nothing better is known for this model.")
        odd.append(Finding("life_count_as_total", said))
        if unit == "sheets":
            odd.append(Finding("counts_sheets", message("The printer says that it counts sheets, not pages.")))
    if unit == "unknown":
        odd.append(Finding("unit_unknown", message("The printer does not say what its counter counts.")))
    return odd
