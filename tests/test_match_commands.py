"""match confirm, release and write as a user runs them: against virtual printers and the sandbox portal over TLS."""

from __future__ import annotations

from tests.agent_world import NAMES, equipment, lines


def named(number: str, name: str | None):
    """An equipment with another technical identification number than its printer's name."""
    return equipment(number) | {"technical_identification_number": name}


def test_a_persons_word_matches_what_no_rule_does(world):
    """Shown with the nearest printer, confirmed, read and booked; released, it is as before."""
    one = world(named("1", "KMBT5A17C9"), equipment("2"))
    (refused,) = [each for each in lines(one.agent("match", "--json")) if each["outcome"] == "not_found"]
    (candidate,) = refused["candidates"]
    assert candidate["target"] == f"127.33.0.1:{one.port}"
    assert candidate["detail"] == "Its name is similar: kmbt5a17c2."
    assert f"match confirm 1 127.33.0.1:{one.port}" in candidate["remedy"]
    assert "match write 1 KMBT5A17C2" in candidate["remedy"]
    (unclaimed,) = [each for each in lines(one.agent("match", "--json")) if each["outcome"] == "unclaimed"
                    and each["target"] == f"127.33.0.1:{one.port}"]  # fmt: skip
    assert [number.lstrip("0") for number in unclaimed["near"]] == ["1"]
    confirmed = one.agent("match", "confirm", "1", f"127.33.0.1:{one.port}")
    assert confirmed.returncode == 0, confirmed.stdout + confirmed.stderr
    assert f"127.33.0.1:{one.port}" in confirmed.stdout
    done = one.agent("run", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [number for number, _ in one.booked()] == ["1", "2"]
    (matched, _) = lines(one.agent("match", "--json"))[:2]
    assert [each["rule"] for each in matched["evidence"]] == ["confirmed"]
    assert one.agent("match", "release", "1").returncode == 0
    assert {each["outcome"] for each in lines(one.agent("match", "--json"))} == {"matched", "not_found", "unclaimed"}
    assert one.agent("match", "release", "1").returncode == 1


def test_what_cannot_be_confirmed_is_said(world):
    """An equipment that the portal does not have, a printer that does not answer."""
    one = world(equipment("1"))
    unknown = one.agent("match", "confirm", "4711", f"127.33.0.1:{one.port}")
    assert unknown.returncode != 0
    assert "4711" in unknown.stderr
    silent = one.agent("match", "confirm", "1", f"127.33.0.77:{one.port}")
    assert silent.returncode == 4
    assert "127.33.0.77" in silent.stderr


def test_a_number_is_written_into_the_portal_on_a_persons_word_only(world):
    """Asked for, and not done unless said so; the new number then matches by itself."""
    one = world(named("1", "old-name"))
    assert one.agent("match", "confirm", "1", f"127.33.0.1:{one.port}").returncode == 0
    one.portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read", "readings:write"]})
    refused = one.agent("match", "write", "1", "--yes")
    assert refused.returncode == 3
    assert "technical-identification:write" in refused.stderr
    one.portal.admin("PUT", "/admin/scopes", {"scopes": [
        "equipments:read", "technical-identification:write", "readings:write"]})  # fmt: skip
    unsaid = one.agent("match", "write", "1")  # nobody answers the question
    assert unsaid.returncode != 0
    (before,) = [each for each in lines(one.agent("match", "--json")) if each["equipment_number"]]
    assert before["technical_identification_number"] == "old-name"
    written = one.agent("match", "write", "1", "--yes")
    assert written.returncode == 0, written.stdout + written.stderr
    assert one.agent("match", "release", "1").returncode == 0
    (after,) = [each for each in lines(one.agent("match", "--json")) if each["equipment_number"]]
    assert (after["technical_identification_number"], after["outcome"]) == (NAMES["1"], "matched")
    long = one.agent("match", "write", "1", "x" * 26, "--yes")
    assert long.returncode != 0
    assert "25" in long.stderr


def test_explain_tells_from_a_printer_which_equipment_it_is(world):
    """By its address: the equipment with the rules, the nearest with what would make it match, or nobody's; what does
    not answer is said, and what can be no printer is refused."""
    one = world(equipment("1"), named("2", "KM7C4D1E"))
    assert one.agent("run", "--once").returncode in (0, 1)

    def told(target: str) -> str:
        done = one.agent("explain", f"{target}:{one.port}", COLUMNS="300")
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())

    mine, near, free, silent = (told(f"127.33.0.{low}") for low in (1, 2, 3, 6))
    assert "It is equipment 1 with the number KMBT5A17C2." in mine
    assert "It calls itself KMBT5A17C2." in mine
    assert "It may be equipment 2, but is not taken for it:" in near
    assert "match write 2 KM7C4D1F" in near
    assert "No equipment in the portal has its name" in free
    assert "match write EQUIPMENT NPI3C91D4" in free
    assert "Nobody answers SNMP at" in silent
    unknown = one.agent("explain", "not a printer")
    assert unknown.returncode != 0
    assert "not a printer" in unknown.stderr
