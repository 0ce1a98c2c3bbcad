"""What a poor network costs: requests that are lost, and addresses where nobody is."""

from __future__ import annotations

from benchmarks.contest import TIMEOUT, Contest, Sample
from benchmarks.page import Row, figure, quotients
from benchmarks.responder import SHARE, Rig

LOSS = 2  # percent
TRIES = 2  # of a sweep
PER_SECOND = 10_000  # datagrams, the fastest pace that may be set


def loss(rig: Rig, printers: int, rounds: int) -> list[Row]:
    """Reading with lost requests, beside reading without, in turns."""
    if rig.responder is None:
        return []  # our own fleet drops every n-th request of a printer, and no printer gets so many
    with rig.printers() as sound, rig.printers(loss=LOSS) as lossy:
        without, with_loss = Contest.at(rig, sound, printers), Contest.at(rig, lossy, printers)
        pairs = [(without.ours("snmp"), with_loss.ours("snmp")) for _ in range(rounds)]
    what, target = f"{LOSS} % of the requests lost, {printers:,} printers: wall time", f"≤ 2 × lossless + {TIMEOUT:g} s"
    unread = max(lossless.printers - lost.read for lossless, lost in pairs)
    walls = [figure([pair[place].wall for pair in pairs]) for place in (0, 1)]
    ratio = quotients([lost.wall for _, lost in pairs], [lossless.wall for lossless, _ in pairs])
    met = all(lost.wall <= 2 * lossless.wall + TIMEOUT for lossless, lost in pairs) and not unread
    note = f" ({unread} printers unread)" if unread else ""
    cells = (f"{walls[1].shown()} s{note}", f"lossless {walls[0].shown()} s", ratio.shown(), target)
    return [Row(what, *cells, met, walls[1].spread())]


def sweep(rig: Rig, addresses: int) -> list[Row]:
    """Looking for printers where one address in a hundred answers; nothing refuses, everything else is silent."""
    if rig.responder is None:
        return []
    sample, right = _swept(rig, addresses, TRIES)
    sent = round((sample.datagrams or 0) * addresses)
    least = TRIES * TIMEOUT + sent / PER_SECOND
    found = f"{sample.read} found" if right else f"**wrong: {sample.read} found**"
    micro = sample.cpu / sent * 1e6 if sent else 0.0
    what = f"sweep of {addresses:,} addresses, 1 % answering ({TRIES} tries of {TIMEOUT:g} s, {PER_SECOND:,}/s)"
    wall = f"≤ {least + 0.3:.1f} s (time-outs + sending + 0.3 s)"
    in_time = sample.wall <= least + 0.3
    return [
        Row(f"{what}: wall time", f"{sample.wall:.1f} s, {found}", target=wall, met=right and in_time),
        Row("the same: CPU per datagram", f"{micro:.0f} µs", target="≤ 40 µs", met=right and micro <= 40),
    ]


def large(rig: Rig, addresses: int = 65_536) -> list[Row]:
    """One pass over a /16, in which one address in a hundred answers and is then asked who it is."""
    if rig.responder is None:
        return []
    sample, right = _swept(rig, addresses, 1)
    megabytes = (sample.rss_kib or 0) / 1024
    told = f"{sample.wall:.1f} s, {sample.cpu:.1f} CPU s, {megabytes:.0f} MB, {sample.read} found"
    met = right and sample.wall <= 8 and sample.cpu <= 2 and megabytes <= 60
    what = f"one pass over {addresses:,} addresses at {PER_SECOND:,}/s"
    return [Row(what, told, target="≤ 8 s, ≤ 2 CPU s, ≤ 60 MB", met=met)]


def _swept(rig: Rig, addresses: int, tries: int) -> tuple[Sample, bool]:
    """What a sweep cost, and whether it found everybody."""
    with rig.printers(sparse=True) as responder, rig.printers() as full:
        plan = Contest.at(rig, full, 1).plan
        contest = Contest(rig, responder, plan, addresses, {"retries": tries - 1, "warm": 0})
        sample = contest.ours("sweep")
    return sample, sample.read == len([number for number in range(addresses) if (number + 1) % SHARE == 1])
