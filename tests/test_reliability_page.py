"""The page about reliability says of every promise what proves it, and never more than was proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.reliability import NOT_PROVEN, PROMISES, ROOT, Outcome, Promise, outcomes, section

PASSED = Outcome("test_a", "passed", (("kills", "1000"),))


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_every_test_that_is_named_is_there(promise) -> None:
    """A renamed test would prove nothing."""
    for test in promise.tests:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text("utf-8") if name else (ROOT / file).exists()


@pytest.mark.parametrize("state", ["failure", "error", "skipped"])
def test_what_did_not_pass_is_not_proven(state: str) -> None:
    """One test that failed, or could not run here, and the page says so and which."""
    assert NOT_PROVEN not in section(PROMISES[0], [PASSED])
    assert "| kills | 1000 |  |" in section(PROMISES[0], [PASSED])
    text = section(PROMISES[0], [PASSED, Outcome("test_b", state, ())])
    assert NOT_PROVEN in text
    assert f"test_b: {state}" in text
    assert NOT_PROVEN in section(PROMISES[0], [])


def test_the_report_of_pytest_is_understood(tmp_path: Path) -> None:
    """States and figures come from what pytest writes."""
    file = tmp_path / "report.xml"
    file.write_text(
        '<testsuites><testsuite><testcase name="test_a"><properties><property name="kills" value="1000"/></properties>'
        '</testcase><testcase name="test_b"><failure message="x"/></testcase></testsuite></testsuites>'
    )
    assert outcomes(file) == [PASSED, Outcome("test_b", "failure", ())]
    assert outcomes(tmp_path / "missing.xml") == []


@pytest.mark.parametrize(("measured", "kept"), [("1.9", True), ("2.0", True), ("2.01", False), ("nan", False)])
def test_a_figure_above_its_bound_keeps_no_promise(measured: str, kept: bool) -> None:
    """What a test measures is judged by the promise's bounds; a figure that nobody measured proves nothing."""
    promise = Promise("P0", "Soon.", (), bounds={"seconds": 2.0})
    text = section(promise, [Outcome("test_a", "passed", (("seconds", measured),))])
    assert (NOT_PROVEN not in text) is kept
    assert f"| seconds | {measured} | 2.0 |" in text
    assert "seconds: not measured" in section(promise, [PASSED])
