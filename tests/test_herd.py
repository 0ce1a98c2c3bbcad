"""A thousand agents after an outage: they come back evenly, and repeat little."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.herd import simulate


def test_no_herd(record_property: Callable[[str, object], None]) -> None:
    """After an hour without a portal the peak is at most twice the mean, a tenth is repeated, and all arrives."""
    figures = simulate(1000, failing=0.03)
    assert figures.left == 0
    assert figures.ratio <= 2
    assert figures.repeated <= 0.1
    record_property("agents", figures.agents)
    record_property("peak / mean of the rate after an hour's outage", round(figures.ratio, 2))
    record_property("repeated requests, of 3 % that fail", f"{figures.repeated:.1%}")
    record_property("minutes until all was booked", round(figures.seconds_to_drain / 60, 1))


def test_a_herd_would_be_seen() -> None:
    """With one phase for all agents the same measurement says so: the test of the test."""
    assert simulate(200, failing=0.0, name=lambda number: "one", jitter=0.0).ratio > 5
