"""What a poor network costs: requests that are lost, and addresses where nobody is."""

from __future__ import annotations

from benchmarks.contest import TIMEOUT, Contest, Sample
from benchmarks.page import Row, figure, quotients
from benchmarks.responder import SHARE, Rig
from benchmarks.sweepers import AT_ONCE, WORKERS, Found, by_fusion, has_fusion

LOSS = 2  # percent
TRIES = 2  # of a sweep
LONGEST_CALL = 5.0  # seconds
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


def known(rig: Rig, printers: int) -> list[Row]:
    """Finding a fleet whose addresses the portal has, in a /16 that is not searched."""
    if rig.responder is None:
        return []
    with rig.printers() as responder:
        contest = Contest.at(rig, responder, printers)
        sample = contest.search("known")
        read = contest.ours("snmp", 1)
    least = LONGEST_CALL + read.wall
    what = (
        f"{printers:,} printers known by address in a /16, at the pace as it comes: from the portal's list to matches"
    )
    told = f"{sample.wall:.1f} s, {sample.datagrams or 0:.2f} datagrams per printer, {sample.read} matched"
    return [Row(what, told, target="≤ 5 s and one read, no search", met=sample.valid and sample.wall <= least)]


def sweep(rig: Rig, addresses: int, beside: int) -> list[Row]:
    """Looking for printers where one address in a hundred answers; nothing refuses, everything else is silent.

    The other programs search as many addresses, fusioninventory-netdiscovery no more than `beside`: it takes minutes.
    """
    if rig.responder is None:
        return []
    with rig.printers(sparse=True) as responder, rig.printers() as full:
        plan = Contest.at(rig, full, 1).plan
        contest = Contest(rig, responder, plan, addresses, {"retries": TRIES - 1})
        sample, theirs = contest.search("sweep"), contest.searched_by_pysnmp()
        fusion = by_fusion(contest.job(min(beside, addresses)), rig.near) if has_fusion() else None
    rows = [*_own(sample, addresses), _beside_pysnmp(sample, theirs)]
    return [*rows, _beside_fusion(sample, fusion)] if fusion else rows


def _own(sample: Sample, addresses: int) -> list[Row]:
    right = sample.read == answering(addresses)
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


def _beside_pysnmp(ours: Sample, theirs: Sample) -> Row:
    wanted = answering(ours.printers)
    what = f"the same: wall time and CPU, beside pysnmp's own API ({AT_ONCE:,} at once)"
    if theirs.read != wanted or ours.read != wanted:
        return Row(what, f"void: {ours.read} and {theirs.read} of {wanted} found")
    ratios = f"{ours.wall / theirs.wall:.2f}, {ours.cpu / theirs.cpu:.3f}"
    return Row(what, f"{ours.wall:.1f} s, {ours.cpu:.2f} s", f"{theirs.wall:.1f} s, {theirs.cpu:.1f} s", ratios)


def _beside_fusion(ours: Sample, theirs: Found) -> Row:
    """By the clock per thousand addresses: every worker goes through its own share, so that time grows with them."""
    what = (
        f"the same per 1,000 addresses, beside fusioninventory-netdiscovery ({WORKERS} workers, {theirs.addresses:,})"
    )
    if theirs.found != answering(theirs.addresses):
        return Row(what, f"void: {theirs.found} of {answering(theirs.addresses)} found", target="≤ 1/50")
    mine, other = ours.wall / ours.printers * 1000, theirs.seconds_per_thousand
    cells = (f"{mine:.2f} s", f"{other:.0f} s, {theirs.cpu / theirs.addresses * 1000:.0f} CPU s")
    return Row(what, *cells, f"1/{other / mine:.0f}", "≤ 1/50", ours.read > 0 and other >= 50 * mine)


def large(rig: Rig, addresses: int = 65_536) -> list[Row]:
    """One pass over a /16, in which one address in a hundred answers and is then asked who it is."""
    if rig.responder is None:
        return []
    with rig.printers(sparse=True) as responder, rig.printers() as full:
        plan = Contest.at(rig, full, 1).plan
        sample = Contest(rig, responder, plan, addresses, {"retries": 0}).search("sweep")
    megabytes = (sample.rss_kib or 0) / 1024
    told = f"{sample.wall:.1f} s, {sample.cpu:.1f} CPU s, {megabytes:.0f} MB, {sample.read} found"
    right = sample.read == answering(addresses)
    met = right and sample.wall <= 8 and sample.cpu <= 2 and megabytes <= 60
    what = f"one pass over {addresses:,} addresses at {PER_SECOND:,}/s"
    return [Row(what, told, target="≤ 8 s, ≤ 2 CPU s, ≤ 60 MB", met=met)]


def answering(addresses: int) -> int:
    """How many of so many addresses answer: of the sparse responder one in a hundred does, from the first on."""
    return len([number for number in range(addresses) if (number + 1) % SHARE == 1])
