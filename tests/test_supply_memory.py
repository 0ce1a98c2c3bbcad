"""What is remembered of supplies and orders: it survives a restart, and damage costs what is damaged."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from agent.meters import Finding
from agent.store import Store
from agent.supplies.levels import EMPTY, SAID_LOW, SOME_LEFT, UNKNOWN, Supply, in_steps, percent_level
from agent.supplies.lives import Look
from agent.supplies.orders import Instruction, OrderedItem
from agent.supplies.slots import SlotState, after
from agent.supply_memory import SqlSupplies
from agent.texts import message

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEVELS = (UNKNOWN, SOME_LEFT, SAID_LOW, EMPTY, percent_level(41.5), in_steps(percent_level(30), 10, "up"))


def toner(level=LEVELS[4]) -> Supply:
    return Supply("1.1", "toner", "consumed", "cyan", "Cyan Toner", level)


def seen(looks: list[Look]) -> SlotState:
    """What follows from these looks."""
    state = None
    for look in looks:
        state = after(state, toner(), look)
    assert state is not None
    return state


looks = st.lists(
    st.tuples(st.sampled_from(LEVELS), st.none() | st.integers(0, 10**9), st.none() | st.text(max_size=8)),
    min_size=1,
    max_size=12,
)


@given(told=looks)
def test_what_follows_from_looks_comes_back_as_it_was(tmp_path_factory, told):
    """Whatever a slot said: looks, lives and the newest level are the same after a restart."""
    file = tmp_path_factory.mktemp("supplies") / "a.sqlite"
    made = [Look(NOON + hour * HOUR, pages, level, serial) for hour, (level, pages, serial) in enumerate(told)]
    with Store.open(file, exclusive=True) as store:
        for number, look in enumerate(made):
            state = seen(made[: number + 1])
            SqlSupplies(store).remember("E1", {"1.1": (str(number), look, state)}, {"total": number}, NOON.date())
    with Store.open(file, exclusive=True) as store:
        supplies = SqlSupplies(store)
        assert list(supplies.looks("E1", "1.1", NOON)) == made
        memory = supplies.slots(["E1"])["E1"]["1.1"]
        assert memory.seen == str(len(made) - 1)
        assert memory.state() == seen(made)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as opened:
        yield opened


def noted(store: Store, number: str, *slots: str) -> None:
    look = Look(NOON, 100, LEVELS[4])
    SqlSupplies(store).remember(number, {slot: ("x", look, seen([look])) for slot in slots}, {}, NOON.date())


def test_a_wish_lasts_from_its_first_cycle_without_a_break(store):
    """Asked for without a break since; whatever is not asked for once begins anew."""
    supplies = SqlSupplies(store)
    noted(store, "E1", "1.1", "1.2", "1.3")
    noted(store, "E2", "1.1")

    def since(number: str) -> dict[str, datetime]:
        return {slot: one.wished_since for slot, one in supplies.slots([number])[number].items() if one.wished_since}

    supplies.wish("E1", ["1.1", "1.2"], NOON)
    supplies.wish("E2", ["1.1"], NOON)
    supplies.wish("E1", ["1.2", "1.3"], NOON + HOUR)
    assert since("E1") == {"1.2": NOON, "1.3": NOON + HOUR}
    supplies.wish("E1", [], NOON + 2 * HOUR)
    supplies.wish("E1", ["1.2"], NOON + 3 * HOUR)
    assert since("E1") == {"1.2": NOON + 3 * HOUR}
    assert since("E2") == {"1.1": NOON}


def test_a_damaged_state_is_forgotten_and_nothing_else(store):
    """What can no longer be read begins anew; looks and orders stay."""
    noted(store, "E1", "1.1")
    with store.begin() as connection:
        connection.execute(text("UPDATE supply_slots SET state = substr(state, 2)"))
    supplies = SqlSupplies(store)
    assert supplies.slots(["E1"])["E1"]["1.1"].state() is None
    assert len(supplies.looks("E1", "1.1", NOON - HOUR)) == 1


def item(number: str, slot: str = "1.1", material: str = "A1", at: datetime = NOON, ref: str = "a") -> OrderedItem:
    why = Finding("runs_dry", message("Low."))
    return OrderedItem(ref * 32, number, slot, material, "0010", "Toner", at, why, chance=0.1, days=(1, 2, None))


def test_a_material_is_on_order_once(store):
    """Of two orders with a common material the second is not made at all, until the first is over."""
    supplies = SqlSupplies(store)
    assert supplies.order([item("E1"), item("E1", "1.2", "A2")])
    assert not supplies.order([item("E1", "1.3", "A3", ref="b"), item("E1", "1.2", "A2", ref="b")])
    assert [one.material_number for one in supplies.open_items("E1")] == ["A1", "A2"]
    assert supplies.order([item("E2", ref="c")])
    assert not supplies.order([item("E3", ref="d"), item("E3", ref="d")])
    supplies.follow(supplies.open_items("E1")[1], "installed", NOON + HOUR)
    assert supplies.order([item("E1", "1.2", "A2", ref="b")])


def test_an_order_comes_back_with_its_reasons(store):
    """Everything that explains it later."""
    supplies = SqlSupplies(store)
    supplies.order([item("E1")])
    [back] = supplies.items()
    assert (back.why.code, str(back.why.message), back.chance, back.days) == ("runs_dry", "Low.", 0.1, (1, 2, None))
    with store.begin() as connection:
        connection.execute(text("UPDATE ordered_items SET content = 'x'"))
    [back] = supplies.items()
    assert (back.material_number, back.status, back.why.code) == ("A1", "wanted", "earlier_version")


def test_pieces_are_counted_since_a_time(store):
    """For one equipment and for all, in whatever zone that time is given; each piece of an order counts."""
    supplies = SqlSupplies(store)
    supplies.order([item("E1"), item("E1", "1.2", "A2")])
    supplies.order([item("E1", "1.3", "A3", NOON + HOUR, "b")])
    supplies.order([item("E2", at=NOON + 2 * HOUR, ref="c")])
    berlin = timezone(timedelta(hours=1))
    assert supplies.pieces_since(NOON.astimezone(berlin), None) == 4
    assert supplies.pieces_since(NOON + timedelta(seconds=1), None) == 2
    assert supplies.pieces_since(NOON + timedelta(seconds=1), "E1") == 1


def test_who_was_not_asked_for_longest_comes_first(store):
    """Orders that go on are asked for in turn, and none again too soon."""
    supplies = SqlSupplies(store)
    for number in "abc":
        supplies.order([item(f"E{number}", ref=number)])
    supplies.asked(["a" * 32], NOON)
    supplies.asked(["b" * 32], NOON - HOUR)
    asked = [one.reference[0] for one in supplies.to_ask(NOON)]
    assert asked == ["c", "b"]
    for final in ("cancelled", "delivered"):
        supplies.follow(supplies.to_ask(NOON)[0], final, NOON)
        assert [one.reference[0] for one in supplies.to_ask(NOON)] == ["b"][: final == "cancelled"]


def test_what_is_over_stays_over(store):
    """A person closes an order while the portal is being asked about it: what it says then is too late."""
    supplies = SqlSupplies(store)
    supplies.order([item("E1")])
    [asked_about] = supplies.to_ask(NOON)
    supplies.follow(asked_about, "closed", NOON)
    supplies.follow(asked_about, "delivered", NOON + HOUR, "JJD1")
    assert [(one.status, one.tracking) for one in supplies.items()] == [("closed", None)]
    assert supplies.open_items() == []


def test_the_last_word_of_a_person_counts(store):
    """Held, then confirmed, then taken back."""
    supplies = SqlSupplies(store)
    held = Instruction("E1", "", "held", NOON, "Ada", "goes back")
    supplies.instruct(held)
    assert supplies.instructions("E1") == [held]
    supplies.instruct(Instruction("E1", "", "confirmed", NOON, "Ada", ""))
    assert [one.kind for one in supplies.instructions()] == ["confirmed"]
    assert supplies.withdraw("E1", "")
    assert not supplies.withdraw("E1", "")


def test_an_order_uses_up_what_confirmed_it_and_no_hold(store):
    """Of these slots and of the whole equipment; what was said of others, and a hold said meanwhile, stay."""
    supplies = SqlSupplies(store)
    for slot, kind in (("", "confirmed"), ("1.1", "confirmed"), ("1.2", "held"), ("1.3", "confirmed")):
        supplies.instruct(Instruction("E1", slot, kind, NOON, "Ada", ""))
    supplies.instruct(Instruction("E2", "", "confirmed", NOON, "Ada", ""))
    supplies.use_up("E1", ["1.1", "1.2"])
    assert {(one.equipment_number, one.slot, one.kind) for one in supplies.instructions()} == {
        ("E1", "1.2", "held"),
        ("E1", "1.3", "confirmed"),
        ("E2", "", "confirmed"),
    }


def test_what_is_old_is_forgotten_and_what_follows_from_it_stays(store):
    """Looks and days go; the state that was learnt from them is still there."""
    supplies = SqlSupplies(store)
    look = Look(NOON, 100, LEVELS[4])
    supplies.remember("E1", {"1.1": ("x", look, seen([look]))}, {"total": 5}, date(2026, 11, 23))
    assert supplies.forget_before(NOON - HOUR) == 0
    assert supplies.forget_before(NOON + 24 * HOUR) == 2
    assert supplies.looks("E1", "1.1", NOON - HOUR) == []
    assert supplies.slots(["E1"])["E1"]["1.1"].state() == seen([look])


def test_a_clock_that_was_ahead_fills_the_caps_for_a_day_and_not_for_a_year(store):
    """What it dated a year ahead counts until something that was ordered later is old."""
    supplies, year = SqlSupplies(store), timedelta(days=365)
    supplies.order([item("E1", at=NOON - 48 * HOUR, ref="a")])
    supplies.order([item("E1", "1.2", "A2", NOON + year, "b")])
    assert supplies.pieces_since(NOON - 24 * HOUR, "E1") == 1
    supplies.order([item("E2", at=NOON, ref="c")])
    assert supplies.pieces_since(NOON - 24 * HOUR, None) == 2
    assert supplies.pieces_since(NOON + HOUR, "E1") == supplies.pieces_since(NOON + HOUR, None) == 0


def test_a_clock_that_was_ahead_does_not_keep_the_portal_from_being_asked(store):
    """An order that was asked about next year is asked about today."""
    supplies = SqlSupplies(store)
    supplies.order([item("E1")])
    supplies.asked(["a" * 32], NOON + timedelta(days=365))
    assert [one.reference[0] for one in supplies.to_ask(NOON)] == ["a"]
    supplies.asked(["a" * 32], NOON)
    assert supplies.to_ask(NOON - HOUR) == []
