"""What is kept no longer: gone with a link that says so, and never anything that something still rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from agent.ledger import place_of, verify
from agent.memory import SqlMemory
from agent.migrations.tables import envelopes, history, proofs
from agent.schedule import Daily
from agent.store import Store
from agent.supply_memory import SqlSupplies
from agent.upload.envelope import Accepted, Envelope, Rejected, canonical, new_reference
from agent.upload.outbox import SqlOutbox
from agent.upload.retention import PERIOD, prune
from tests.test_supply_memory import item
from tests.year import FIRST_DAY, YearlyPrinter

KEEP = timedelta(days=100)


def day(number: int) -> datetime:
    return FIRST_DAY + timedelta(days=number)


def filled(store: Store, printers: int, days: int, verdicts: bool = True) -> list[list[str]]:
    """Readings of some printers, one a day each, booked on the day; their references by printer."""
    outbox, memory = SqlOutbox(store), SqlMemory(store)
    found: list[list[str]] = [[] for _ in range(printers)]
    for number in range(days):
        before = memory.last_reported([YearlyPrinter(one).equipment.equipment_number for one in range(printers)])
        parcels = []
        for one in range(printers):
            printer = YearlyPrinter(one)
            parcels.append(printer.parcel(number, day(number), before[printer.equipment.equipment_number]))
        outbox.put_all(parcels)
        for one, parcel in enumerate(parcels):
            found[one].append(parcel.envelope.reference)
        if verdicts:
            told = {parcel.envelope.reference: Accepted((f"D{number}",)) for parcel in parcels}
            outbox.settle_all(told, day(number))
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as opened:
        yield opened


def left(store: Store) -> list[str]:
    return [entry.envelope.reference for entry in SqlMemory(store).entries(limit=100_000)]


def test_what_was_booked_long_ago_goes_and_the_chain_stays_whole(store: Store) -> None:
    """Every reading older than is kept is gone with its proof and history; the ledger follows, and says so of each."""
    made = filled(store, 2, 160)
    now = day(160)
    while prune(store, KEEP, now, 50):
        pass
    kept = set(left(store))
    for references in made:
        young = references[60:]
        assert set(young) <= kept
        # A keyframe stays as long as proofs are told by it.
        assert len(kept & set(references[:60])) <= 1
        gone = next(one for one in references[:60] if one not in kept)
        assert [link.item.kind for link in place_of(store, gone)] == ["sealed", "accepted", "pruned"]
        assert all(SqlMemory(store).proof(one) is not None for one in young)
    assert verify(store).broken is None
    with store.connect() as connection:
        for table in (history.c.envelope, proofs.c.envelope):
            orphans = select(func.count()).select_from(table.table).where(table.not_in(select(envelopes.c.id)))
            assert connection.execute(orphans).scalar_one() == 0


def test_what_waits_is_never_too_old(store: Store) -> None:
    """A portal that was away for years finds everything."""
    made = filled(store, 1, 40, verdicts=False)
    assert prune(store, KEEP, day(5000)) == 0
    assert sorted(left(store)) == sorted(made[0])


def test_the_newest_booked_reading_of_an_equipment_stays(store: Store) -> None:
    """Also after years: the next one is judged by it."""
    [references] = filled(store, 1, 40)
    while prune(store, KEEP, day(5000)):
        pass
    number = YearlyPrinter(0).equipment.equipment_number
    assert references[-1] in left(store)
    assert SqlMemory(store).last_reported([number])[number]["total"].read_at == day(39)


def order(number: str, at: datetime) -> Envelope:
    reference = new_reference()
    return Envelope(reference, "order", number, f"{number}/{reference}", at, canonical({"client_reference": reference}))


def test_an_order_stays_until_it_is_over(store: Store) -> None:
    """Booked long ago and not in the printer yet: it stays; installed, it goes. A rejected one waits for a person."""
    outbox, supplies = SqlOutbox(store), SqlSupplies(store)
    booked, refused = order("E1", day(0)), order("E2", day(0))
    for envelope in (booked, refused):
        assert outbox.put(envelope, None)
    outbox.settle(booked.reference, Accepted(("4500000001",)), day(0))
    outbox.settle(refused.reference, Rejected("no", "no"), day(0))
    told = item("E1", at=day(0))
    supplies.order([type(told)(**{**{n: getattr(told, n) for n in told.__slots__}, "reference": booked.reference})])
    assert prune(store, KEEP, day(400)) == 0
    supplies.follow(supplies.open_items("E1")[0], "installed", day(300))
    assert prune(store, KEEP, day(400)) == 1
    assert left(store) == [refused.reference]


def test_a_notification_stays_as_long_as_it_stands_in_the_way(store: Store) -> None:
    """Opened long ago and not completed: without it the same fault would be reported twice. Completed, it goes."""
    outbox, reference = SqlOutbox(store), new_reference()
    body = canonical({"client_reference": reference, "cause": "jam"})
    assert outbox.put(Envelope(reference, "notification", "E1", "E1/jam", day(0), body), None)
    outbox.settle(reference, Accepted(("720000000000",)), day(0))
    assert prune(store, KEEP, day(400)) == 0
    outbox.close(reference, day(200))
    assert prune(store, KEEP, day(400)) == 1
    assert left(store) == []


@given(keep=st.integers(0, 400), age=st.integers(0, 400))
@example(keep=0, age=PERIOD.days)
@example(keep=0, age=PERIOD.days + 1)
@settings(max_examples=25)
def test_nothing_goes_before_its_time(tmp_path_factory: pytest.TempPathFactory, keep: int, age: int) -> None:
    """Kept for so many days, and in any case until no reporting period can be open: then there is no second reading."""
    with Store.open(tmp_path_factory.mktemp("kept") / "a.sqlite", exclusive=True) as store:
        envelope = order("E1", day(0))
        assert SqlOutbox(store).put(envelope, None)
        SqlOutbox(store).settle(envelope.reference, Accepted(("1",)), day(0))
        assert prune(store, timedelta(days=keep), day(age)) == (age > max(keep, PERIOD.days))


def test_once_a_day() -> None:
    """At the first call, then after a day; a clock that was set back delays nothing."""
    done: list[datetime] = []
    daily = Daily(done.append)
    for hours in (0, 1, 23, 24, 30, 20):
        daily(day(0) + timedelta(hours=hours))
    assert [(one - day(0)) / timedelta(hours=1) for one in done] == [0, 24, 20]
