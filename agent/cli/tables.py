"""Tables for people: what a cycle did, in the words of the portal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.display import printable
from agent.language import _, number, show
from agent.matching import Matched
from agent.meters import Finding
from agent.notifications.policy import OPENED, Case, is_open
from agent.notifications.wording import TITLES
from agent.printers import Equipment, Printer
from agent.readout import Readout
from agent.supplies.levels import Level
from agent.upload.envelope import BY_HAND, Entry, Standing

if TYPE_CHECKING:  # tables of printers alone need nothing of the way to the portal
    from agent.notifying import FaultLine
    from agent.ordering import Ordering
    from agent.report import CycleReport, Line

LONGEST_WHOLE = 64  # characters of a word: a SHA-256


def print_report(console: Console, report: CycleReport) -> None:
    """A whole cycle: the equipment, then what is left over on either side, refusals, orders, and the sums."""
    done = [line for line in report.lines if isinstance(line.match, Matched)]
    if done:
        console.print(_equipment_table(done, by_hand=is_by_hand(report)))
    section(console, _("Equipment without a printer"), _without_printer(report))
    section(console, _("Printers without equipment"), _unclaimed(report.unclaimed))
    section(console, _("Answering, but no printers"), _strangers(report.strangers))
    section(console, _("Readings not reported, and why"), _refusals(done))
    section(console, _("Orders"), _orders([item for line in report.lines for item in line.orderings]))
    section(console, _("Faults and service notifications"), _faults(report.faults))
    for finding in report.findings:
        console.print(Text(show(finding.message)))
    console.print(_sums(report))


def is_by_hand(report: CycleReport) -> bool:
    """Whether nothing was sent because a person captures the readings."""
    return report.delivery is not None and report.delivery.by_hand


def new_table(*headings: str) -> Table:
    """An empty table with these headings."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def row(table: Table, *cells: str) -> None:
    """Cells are text, never markup: what a device or the portal says must not colour or link anything."""
    table.add_row(*(Text("\n".join(printable(line) for line in cell.split("\n"))) for cell in cells))


def section(console: Console, title: str, table: Table, *, counted: bool = True, whole: bool = False) -> None:
    """The table under its title with the number of its rows; nothing when it is empty.

    `whole` keeps words in one piece, on a narrow screen too: a broken object identifier cannot be searched for. Only
    blobs that are longer than a digest are broken.
    """
    if table.row_count:
        console.print(Text(f"\n{title} ({table.row_count})" if counted else f"\n{title}", style="bold"))
        if whole:
            for column in table.columns:
                words = [cell_len(word) for cell in column.cells for word in str(cell).split()]
                column.min_width = max((length for length in words if length <= LONGEST_WHOLE), default=1)
        console.print(table, crop=not whole)


def _equipment_table(lines: Sequence[Line], *, by_hand: bool) -> Table:
    table = new_table(_("Equipment"), _("Printer, matched by"), _("Counters"), _("Verdict"), _("Receipt"))
    for line in lines:
        row(
            table,
            f"{equipment_name(line.equipment)}\n{plain(line.equipment.technical_identification_number)}",
            f"{_printer_cell(line)}\n{_evidence_cell(line)}",
            _counters_cell(line.readout),
            verdict_text(line),
            receipt_text(line.entry, repeated=line.repeated, by_hand=by_hand),
        )
    return table


def equipment_name(equipment: Equipment) -> str:
    """The equipment number as people read it, without SAP's leading zeros."""
    return equipment.equipment_number.lstrip("0") or equipment.equipment_number


def _printer_cell(line: Line) -> str:
    if not isinstance(line.match, Matched):
        return ""
    identity = line.readout.identity if line.readout and line.readout.identity.model else line.match.printer.identity
    return f"{model_name(identity.manufacturer, identity.model)}\n{line.match.printer.endpoint}"


def model_name(manufacturer: str | None, model: str | None) -> str:
    """Maker and model in one, without saying the maker twice."""
    maker, name = plain(manufacturer), plain(model)
    return name if name.lower().startswith(maker.lower()) else f"{maker} {name}".strip()


def _evidence_cell(line: Line) -> str:
    if not isinstance(line.match, Matched):
        return ""
    return ", ".join(dict.fromkeys(rule_name(evidence.rule) for evidence in line.match.evidence))


def rule_name(rule: str) -> str:
    """A matching rule in the reader's words."""
    names = {
        "host_name": _("host name"),
        "dns_name": _("DNS name"),
        "address": _("address"),
        "mac_address": _("MAC address"),
        "serial_number": _("serial number"),
        "serial_as_number": _("serial number"),
        "mdns_name": _("announced name"),
        "asset_tag": _("asset tag"),
        "announced_card": _("announced network card"),
        "printer_name": _("printer name"),
        "spelling": _("another spelling"),
        "loose_spelling": _("similar spelling"),
        "confirmed": _("confirmed by a person"),
    }
    return names.get(rule, rule)


def way_name(how: str) -> str:
    """How a printer was found, in the reader's words."""
    names = {
        "configured": _("config file"),
        "dns": _("name"),
        "mdns": _("announcement"),
        "range": _("search"),
        "known": _("known from before"),
    }
    return names.get(how, how)


def _counters_cell(readout: Readout | None) -> str:
    if readout is None or not readout.counters:
        return "–"
    values = {counter.meter: counter.value for counter in readout.counters}
    return "\n".join(f"{meter_name(meter)} {number(values[meter])}" for meter in METERS if meter in values) or "–"


METERS = ("total", "monochrome", "full_color", "scan_total")


def meter_name(meter: str) -> str:
    """A meter in the reader's words."""
    names = {
        "total": _("Total"),
        "monochrome": _("Black"),
        "full_color": _("Color"),
        "scan_total": _("Scans"),
    }
    return names.get(meter, meter)


def verdict_text(line: Line) -> str:
    """One word for what became of the reading, and the notice if there is one."""
    if line.readout is not None and line.verdict is None:
        return {
            "unreachable": _("no answer"),
            "asleep": _("asleep"),
            "refused": _("another device answered"),
            "not_a_printer": _("no printer"),
        }.get(line.readout.status, line.readout.status)
    if line.verdict is None:
        return "–"
    word = {
        "accepted": _("accepted"),
        "suspect": _("accepted, with a notice"),
        "quarantined": _("held back"),
        "unreadable": _("nothing to report"),
    }[line.verdict.outcome]
    notices = [show(reason.message) for reason in line.verdict.reasons] if line.verdict.outcome == "suspect" else []
    return "\n".join([word, *notices])


def receipts_text(entry: Entry | Standing) -> str:
    """The portal's document numbers, as people read them, and whether a person captured it."""
    return ", ".join(
        _("captured by hand") if receipt == BY_HAND else receipt.lstrip("0") or receipt for receipt in entry.receipts
    )


def receipt_text(entry: Standing | None, *, repeated: bool = False, by_hand: bool = False) -> str:
    """The portal's document number, or where the envelope is."""
    if entry is None:
        return "–"
    if entry.state == "waiting" and by_hand:
        return _("to be captured by hand")
    if entry.state == "accepted":
        receipts = receipts_text(entry)
        return "\n".join((receipts, _("reported before"))) if repeated else receipts
    return state_name(entry.state)


def state_name(state: str) -> str:
    """The state of an envelope in the reader's words."""
    names = {
        "waiting": _("not yet in the portal"),
        "accepted": _("accepted"),
        "rejected": _("rejected by the portal"),
        "parked": _("waiting for a right or a change in the portal"),
        "quarantined": _("held back"),
        "discarded": _("discarded"),
    }
    return names.get(state, state)


def _without_printer(report: CycleReport) -> Table:
    table = new_table(_("Equipment"), _("Technical ID number"), _("Why"))
    for line in report.lines:
        if not isinstance(line.match, Matched):
            number_text = plain(line.equipment.technical_identification_number)
            known = _reasons(line.readout.findings) if line.readout else ""
            row(table, equipment_name(line.equipment), number_text, known or show(line.match.reason.message))
    return table


def _unclaimed(printers: Iterable[Printer]) -> Table:
    table = new_table(_("Printer"), _("Address"), _("Host name"), _("Serial number"))
    for printer in printers:
        identity = printer.identity
        name = model_name(identity.manufacturer, identity.model)
        row(table, name, str(printer.endpoint), plain(identity.host_name), plain(identity.serial_number))
    return table


def _strangers(printers: Iterable[Printer]) -> Table:
    table = new_table(_("Address"), _("Says of itself"))
    for printer in printers:
        row(table, str(printer.endpoint), plain(printer.identity.description))
    return table


def _refusals(lines: Iterable[Line]) -> Table:
    table = new_table(_("Equipment"), _("Printer"), _("Why"), _("What to do"))
    for line in lines:
        reasons = _refusal(line)
        if reasons:
            row(table, equipment_name(line.equipment), _printer_cell(line), reasons, _remedy(line))
    return table


def _refusal(line: Line) -> str:
    if not isinstance(line.match, Matched):
        return ""
    if line.readout is not None and line.verdict is None:
        return _reasons(line.readout.findings) or verdict_text(line)
    if line.verdict and line.verdict.outcome in ("quarantined", "unreadable"):
        return _reasons(line.verdict.reasons)
    if line.entry and line.entry.state in ("rejected", "parked"):
        return _reasons(line.entry.reasons) or state_name(line.entry.state)
    return ""


def _reasons(reasons: Iterable[Finding]) -> str:
    return "\n".join(show(reason.message) for reason in reasons)


def _remedy(line: Line) -> str:
    if line.entry and line.entry.state == "quarantined":
        return f"meter-agent resolve {line.entry.reference[:12]}"
    if isinstance(line.match, Matched):
        return f"meter-agent read {line.match.printer.endpoint}"
    return ""


def _orders(orderings: Iterable[Ordering]) -> Table:
    table = new_table(_("Equipment"), _("Supply"), _("Level"), _("Decision"), _("Order"))
    for ordering in orderings:
        supply = ordering.decision.supply
        item = ordering.decision.item
        name = plain(item.description if item else supply.description)
        decision = show(ordering.decision.reason.message)
        order = receipt_text(ordering.entry) if ordering.entry else _("not ordered")
        row(table, equipment_name(ordering.equipment), name, level_text(supply.level), decision, order)
    return table


def _faults(lines: Iterable[FaultLine]) -> Table:
    table = new_table(_("Equipment"), _("Fault"), _("Decision"), _("Service notification"))
    for line in lines:
        decision = show(line.case.reason.message) if line.case.reason else ""
        notification = receipts_text(line.entry) if line.entry else ""
        row(
            table,
            equipment_name(line.equipment),
            fault_text(line.case),
            decision,
            notification or notice_text(line.case),
        )
    return table


def fault_text(case: Case) -> str:
    """The kind of a fault with its cause, and what the printer says of it."""
    title = show(TITLES[case.classes[0]]) if case.classes else case.alert.code
    return "\n".join(filter(None, (f"{title} ({case.cause})", plain(case.alert.description))))


def notice_text(case: Case) -> str:
    """The portal's number of a fault's notification and how far it is there, or where it waits."""
    notice = case.notice
    if notice is None:
        return _("not opened")
    states = {
        "open": _("open"),
        "in_process": _("in process"),
        "completed": _("completed"),
        "rejected": _("rejected by the portal"),
    }
    waits = _("not yet in the portal") if notice.number is None and is_open(notice) else ""
    state = states.get(notice.status, plain(notice.status)) or waits
    return ", ".join(filter(None, (notice.number or notice.reference[:12], state)))


def level_text(level: Level) -> str:
    """A level as people say it; nothing is invented where nothing is known."""
    if level.percent is not None:
        return f"{percent_text(level.percent)} %"
    if level.kind == "at_most" and level.high is None:
        return _("low")
    words = {
        "some_left": _("some left"),
        "no_limit": _("not limited"),
        "empty": _("empty"),
        "at_least": _("at least {percent} %"),
        "at_most": _("at most {percent} %"),
    }
    bound = level.low if level.kind == "at_least" else level.high
    return words.get(level.kind, _("unknown")).replace("{percent}", "?" if bound is None else percent_text(bound))


def percent_text(percent: float) -> str:
    """A percentage with a decimal only where it has one."""
    return number(percent, 0 if percent == round(percent) else 1)


def _sums(report: CycleReport) -> Text:
    booked = sum(1 for line in report.lines if line.entry and line.entry.state == "accepted" and not line.repeated)
    before = sum(1 for line in report.lines if line.entry and line.entry.state == "accepted" and line.repeated)
    held = sum(1 for line in report.lines if line.entry and line.entry.state == "quarantined")
    orders = [item for line in report.lines for item in line.orderings if item.entry]
    counts = [
        (_("readings booked"), booked),
        (_("reported before"), before),
        (_("held back"), held),
        (_("orders placed"), len(orders)),
    ]
    if report.faults:
        opened = sum(1 for line in report.faults if line.case.reason and line.case.reason.code == OPENED)
        counts.append((_("service notifications opened"), opened))
    if is_by_hand(report):
        waiting = sum(1 for line in report.lines if line.entry and line.entry.state == "waiting")
        counts[0] = (_("readings to be captured by hand: meter-agent outbox export FILE"), waiting)
    return Text("\n" + " · ".join(f"{number(count)} {name}" for name, count in counts), style="bold")


def plain(text: str | None) -> str:
    """Foreign text as one short line, empty when there is none."""
    return printable(text, 80) if text else ""
