"""The rows of reading: the whole pipeline, and the SNMP part beside other programs."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contest import Sample
from benchmarks.page import Row, figure, quotients, void

Samples = dict[str, list[Sample]]


def rows(samples: Samples) -> list[Row]:
    """Ours against the targets, then ours against each other contender that ran."""
    found = [*_pipeline("whole pipeline, first cycle", samples["pipeline"])]
    found += [*_pipeline("whole pipeline, every later cycle", samples["later"]), _parts(samples)]
    if (peer := samples.get("exporter")) is not None:
        found.append(_cpu(samples["snmp"], peer, "prometheus-snmp-exporter", 0.25))
        found.append(_rate(samples["snmp"], peer, "prometheus-snmp-exporter", 4))
    if (peer := samples.get("gufo")) is not None:
        found.append(_rate(samples["snmp"], peer, "gufo_snmp", 2))
        found.append(_cpu(samples["snmp"], peer, "gufo_snmp", None))
    if (peer := samples.get("aiosnmp")) is not None:
        found.append(_cpu(samples["snmp"], peer, "aiosnmp", None))
    return [*found, _cpu(samples["snmp"], samples["limit"], "the limit in C", 15)]


def _pipeline(what: str, samples: Sequence[Sample]) -> list[Row]:
    target = "≤ 2 ms"
    if not all(sample.valid for sample in samples):
        return [void(what, target, samples)]
    cpu, rate = figure([sample.ms for sample in samples]), figure([1000 / sample.ms for sample in samples])
    wall = figure([sample.rate for sample in samples])
    return [
        Row(
            f"{what}: CPU per printer",
            f"{cpu.shown()} ms",
            target=target,
            met=cpu.median <= 2,
            spread=cpu.spread(),
        ),
        Row(
            f"{what}: printers/s of one core (1 / CPU; by the clock {wall.shown('{:,.0f}')})",
            rate.shown("{:,.0f}"),
            target="≥ 500",
            met=rate.median >= 500,
            spread=rate.spread("{:,.0f}"),
        ),
    ]


def _parts(samples: Samples) -> Row:
    """Where a printer's CPU goes; no target of its own."""
    asked, understood = (figure([sample.ms for sample in samples[part]]) for part in ("snmp", "interpretation"))
    if not all(sample.valid for sample in samples["interpretation"]):
        return void("interpretation", "–", samples["interpretation"])
    return Row(
        "interpretation (identity, profile, counters, supplies): CPU per printer",
        f"{understood.shown()} ms",
        peer=f"SNMP part {asked.shown()} ms",
        spread=understood.spread(),
    )


def _cpu(ours: Sequence[Sample], theirs: Sequence[Sample], peer: str, most: float | None) -> Row:
    """CPU per printer, ours by theirs: the less the better."""
    what, target = f"SNMP part: CPU per printer, beside {peer}", f"≤ {most:g}" if most is not None else "–"
    if invalid := next((one for one in (ours, theirs) if not all(sample.valid for sample in one)), None):
        return void(what, target, invalid)
    ratio = quotients([one.ms for one in ours], [one.ms for one in theirs])
    return Row(
        what,
        f"{figure([one.ms for one in ours]).shown('{:.3f}')} ms",
        f"{figure([one.ms for one in theirs]).shown('{:.3f}')} ms",
        ratio.shown(),
        target,
        None if most is None else ratio.median <= most,
        ratio.spread(),
    )


def _rate(ours: Sequence[Sample], theirs: Sequence[Sample], peer: str, least: float) -> Row:
    """Printers per second by the clock, ours by theirs: the more the better."""
    what, target = f"SNMP part: printers/s, beside {peer}", f"≥ {least:g}"
    if invalid := next((one for one in (ours, theirs) if not all(sample.valid for sample in one)), None):
        return void(what, target, invalid)
    ratio = quotients([one.rate for one in ours], [one.rate for one in theirs])
    return Row(
        what,
        figure([one.rate for one in ours]).shown("{:,.0f}"),
        figure([one.rate for one in theirs]).shown("{:,.0f}"),
        ratio.shown(),
        target,
        ratio.median >= least,
        ratio.spread(),
    )


def v3(samples: Samples) -> list[Row]:
    """SNMPv3 beside gufo_snmp: CPU, and datagrams with the engine's discovery."""
    ours, theirs = samples["ours"], samples["gufo"]
    what, target = "SNMPv3 (SHA-1, AES-128), new session: CPU per printer, beside gufo_snmp", "≤ 0.5"
    if invalid := next((one for one in (ours, theirs) if not all(sample.valid for sample in one)), None):
        return [void(what, target, invalid)]
    ratio = quotients([one.ms for one in ours], [one.ms for one in theirs])
    cells = [f"{figure([one.ms for one in each]).shown('{:.3f}')} ms" for each in (ours, theirs)]
    sent = ours[0].datagrams
    row = Row(what, cells[0], cells[1], ratio.shown(), target, ratio.median <= 0.5, ratio.spread())
    if sent is None:
        return [row]
    return [row, Row("SNMPv3: datagrams per printer", f"{sent:.2f}", target="≤ 5", met=sent <= 5.05)]


def table(samples: Samples) -> list[str]:
    """Every contender's own figures, in Markdown."""
    lines = [
        "| contender | CPU ms per printer | spread | printers/s | datagrams | peak RSS MB | read rightly |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, rounds in samples.items():
        cpu, rate = figure([one.ms for one in rounds]), figure([one.rate for one in rounds])
        told = [one.rss_kib for one in rounds if one.rss_kib]
        rss = f"{max(told) / 1024:.0f}" if told else "–"
        sent = rounds[0].datagrams
        datagrams = "–" if sent is None or sent < 0.5 else f"{sent:.2f}"
        read = f"{min(one.read for one in rounds)} of {rounds[0].printers}"
        cells = (NAMES.get(name, name), cpu.shown("{:.3f}"), cpu.spread("{:.3f}"), rate.shown("{:,.0f}"))
        lines.append(f"| {' | '.join((*cells, datagrams, rss, read))} |")
    return lines


NAMES = {
    "limit": "limit (C, decodes nothing)",
    "snmp": "ours: SNMP part",
    "interpretation": "ours: interpretation",
    "pipeline": "ours: whole pipeline, first cycle",
    "later": "ours: whole pipeline, later cycle",
    "gufo": "gufo_snmp, walk",
    "aiosnmp": "aiosnmp, walk",
    "exporter": "prometheus-snmp-exporter, walk",
}
