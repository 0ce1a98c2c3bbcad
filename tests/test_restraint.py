"""The courier's restraint keeps its laws whatever happens in whatever order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.upload.restraint import SHARE, WINDOW, BatchSize, RetryBudget

EVENTS = st.lists(st.tuples(st.floats(0, WINDOW / 20), st.booleans()), max_size=300)


@given(EVENTS)
def test_share(events: list[tuple[float, bool]]) -> None:
    """Repeats that the budget allows are never more than a tenth of what was sent for the first time in the window."""
    budget, now = RetryBudget(), 0.0
    firsts: list[float] = []
    extras: list[float] = []
    for pause, again in events:
        now += pause
        if again and budget.allows(now):
            extras.append(now)
            budget.sent(now, again=True)
            recent = [sum(at > now - WINDOW for at in times) for times in (extras, firsts)]
            assert recent[0] <= SHARE * recent[1]
        elif not again:
            firsts.append(now)
            budget.sent(now, again=False)
    assert len(events) < 11 or any(again for _, again in events) or budget.allows(now) == (len(firsts) >= 10)


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 400))
def test_size(most: int, limit: int, batches: int) -> None:
    """Whatever the portal takes at once is found, never left for long, and refusals stay below a fifth of requests."""
    batch, refused, taken = BatchSize(most), 0, 0
    while taken < batches:
        if batch.size > limit:
            refused += 1
            batch.refused(batch.size)
        else:
            taken += 1
            batch.taken(batch.size)
        assert 1 <= batch.size <= most
    assert refused <= 9 + taken / 10


def test_what_was_sent_long_ago_earns_no_repeats() -> None:
    """A tenth of what was sent in the last day: a busy week before buys nothing today."""
    budget = RetryBudget()
    for _ in range(100):
        budget.sent(0.0, again=False)
    assert budget.allows(WINDOW - 1)
    assert not budget.allows(WINDOW)
