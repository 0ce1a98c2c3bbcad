"""What the commands say where there are thousands of items: nothing is left out without a word, no number is cut."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from agent.cli.entries import list_entries
from agent.cli.explain import explain_item
from agent.cli.status import show_status
from agent.memory import SqlMemory
from agent.ports import Parcel
from agent.printers import Equipment
from agent.store import Store
from agent.upload.envelope import Envelope, Kept, canonical
from agent.upload.outbox import SqlOutbox
from tests.crash_writer import START, reading

MANY = 1200
OURS = "000000000000001234"


def beginning_with(digits: str, number: int) -> Envelope:
    one = reading("E9", 2000 + number)
    reference = digits + one.reference[len(digits) :]
    body = canonical({**one.content, "client_reference": reference})
    return Envelope(reference, "reading", "E9", one.slot_key, one.created_at, body)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with many parked readings of other equipment, made after those of ours."""
    folder = tmp_path_factory.mktemp("site")
    file = folder / "meter-agent.toml"
    file.write_text(f"language = 'en'\n[storage]\ndatabase = '{folder / 'a.sqlite'}'\n", encoding="utf-8")
    with Store.open(folder / "a.sqlite", exclusive=True) as store:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        outbox.put_all([Parcel(reading(OURS, 1)), Parcel(reading(OURS, 2))])
        others = [reading(f"{n:018d}", 3 + n) for n in range(1_000_000, 1_000_000 + MANY)]
        outbox.put_all([Parcel(one) for one in others])
        missing = Kept("scope-not-unlocked", "no", area="readings:write")
        outbox.settle_all({one.reference: missing for one in others}, START + timedelta(days=40))
        # References that begin like the number of our equipment, as some of many do.
        outbox.put_all([Parcel(beginning_with("1234", n)) for n in range(2)])
        memory.remember_cycle([Equipment(OURS), Equipment("E9")], (), START)
    return file


def test_every_parked_item_is_counted(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many items wait for a right is said to the last one."""
    assert show_status(config, as_json=False) == 1
    assert "1,200 items wait for a right or a change in the portal" in capsys.readouterr().out
    show_status(config, as_json=True)
    assert len(json.loads(capsys.readouterr().out.splitlines()[0])["parked"]) == 1


def test_a_cut_list_says_so(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person sees the newest and is told how many there are; a script gets all of them."""
    list_entries(config, None, as_json=False)
    assert "the newest 1,000 of 1,204; all of them: meter-agent outbox list --json" in capsys.readouterr().err
    list_entries(config, "waiting", as_json=False)
    assert capsys.readouterr().err == ""
    list_entries(config, None, as_json=True)
    assert len(capsys.readouterr().out.splitlines()) == MANY + 4
    list_entries(config, "parked", as_json=True)
    assert len(capsys.readouterr().out.splitlines()) == MANY


def test_an_equipment_is_explained_with_its_own_items(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However many newer ones of others there are, and though references begin like its number."""
    assert explain_item(config, "1234") == 0
    said = capsys.readouterr().out
    assert "Outbox (2)" in said
    assert "What leaves" not in said, "the page of an item of another equipment"
