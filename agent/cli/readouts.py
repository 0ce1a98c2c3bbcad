"""One printer's readout for people: who it is, what it counts, what is left, what is odd."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from agent.cli.tables import level_text, model_name, new_table, percent_text, plain, row, section
from agent.language import _, number, show
from agent.meters import Counter
from agent.printers import Identity
from agent.readout import Readout
from agent.snmp.counters import key_of
from agent.supplies.levels import Level, Supply


def print_readout(console: Console, target: str, readout: Readout) -> None:
    """Everything one printer told."""
    identity = readout.identity
    name = model_name(identity.manufacturer, identity.model)
    console.print(f"{plain(target)}: {status_text(readout.status)}  {plain(name)}".rstrip(), style="bold", markup=False)
    if readout.datagrams:
        said = _("Profile {profile}, {count} packets sent.")
        said = said.replace("{profile}", readout.profile or "–").replace("{count}", number(readout.datagrams))
        console.print(said, markup=False, highlight=False)
    section(console, _("Who it is"), _identity_table(identity), counted=False)
    section(console, _("Counters"), _counters_table(readout))
    section(console, _("Supplies"), _supplies_table(readout))
    table = new_table(_("Severity"), _("Alert"))
    for alert in readout.alerts:
        row(table, severity_text(alert.severity), plain(alert.description) or alert.code)
    section(console, _("Alerts"), table)
    table = new_table(_("Finding"), _("Meaning"))
    for finding in readout.findings:
        row(table, finding.code, show(finding.message))
    section(console, _("Findings"), table)


def _identity_table(identity: Identity) -> Table:
    serial = identity.serial_number or ""
    if identity.serial_number_raw and identity.serial_number_raw != serial:
        serial = f"{serial}  ({identity.serial_number_raw})".strip()
    table = new_table("", "")
    table.show_header = False
    for title, text in (
        (_("Serial number"), serial),
        (_("Host name"), identity.host_name),
        (_("Printer name"), identity.printer_name),
        (_("Asset tag"), identity.asset_tag),
        (_("Firmware"), identity.firmware),
        (_("MAC address"), ", ".join(identity.mac_addresses)),
    ):
        if text:
            row(table, title, plain(text))
    return table


def _counters_table(readout: Readout) -> Table:
    table = new_table(_("Counter"), _("Value"), _("Unit"), _("Meter"), _("Source"))
    for counter in readout.counters:
        row(
            table,
            meter_text(counter.meter),
            number(counter.value),
            unit_text(counter.unit),
            counter.meter,
            _source(counter, readout.profile),
        )
    return table


def _source(counter: Counter, profile: str) -> str:
    """The objects one below the other, and the profile where it is another than the readout's."""
    objects = counter.source.replace("+", "\n+ ").replace("+ -", "− ")
    return objects if counter.profile == profile else f"{objects}\n({counter.profile})"


def _supplies_table(readout: Readout) -> Table:
    table = new_table(_("Slot"), _("Supply"), _("Color"), _("Level"), _("Part number"), _("Serial number"))
    for supply in readout.supplies:
        row(
            table,
            supply.slot,
            plain(supply.description) or supply.type,
            color_text(supply.colorant),
            _level(supply),
            plain(supply.part_number),
            plain(supply.serial_number),
        )
    return table


def _level(supply: Supply) -> str:
    text = level_text(supply.level) + _bounds(supply.level)
    if supply.supply_class == "receptacle" and supply.level.percent is not None:
        return _("{level} free").replace("{level}", text)
    return text


def _bounds(level: Level) -> str:
    """How finely the printer tells it, where that is not to the percent."""
    if level.percent is None or level.low is None or level.high is None or level.high - level.low < 1:
        return ""
    return f" ({percent_text(level.low)}–{percent_text(level.high)})"


def status_text(status: str) -> str:
    """How the reading went, in the reader's words."""
    names = {
        "ok": _("read"),
        "partial": _("read in part"),
        "asleep": _("asleep"),
        "unreachable": _("no answer"),
        "refused": _("not read"),
        "not_a_printer": _("no printer"),
    }
    return names.get(status, status)


def unit_text(unit: str) -> str:
    """What a counter counts, in the reader's words."""
    return {"impressions": _("sides"), "sheets": _("sheets"), "unknown": _("unknown")}.get(unit, unit)


def severity_text(severity: str) -> str:
    """How bad an alert is (PrtAlertSeverityLevelTC), in the reader's words."""
    names = {"critical": _("critical"), "warning": _("warning"), "warning_binary_change": _("warning")}
    return names.get(severity, _("other"))


def color_text(colorant: str | None) -> str:
    """A colorant in the reader's words; the rarer shades of ink keep their English name."""
    names = {
        "black": _("black"),
        "cyan": _("cyan"),
        "magenta": _("magenta"),
        "yellow": _("yellow"),
        "gray": _("gray"),
        "tri_color": _("three colors"),
    }
    return names.get(colorant or "", plain((colorant or "").replace("_", " ")))


def meter_text(meter: str) -> str:
    """A meter in the reader's words: service, size, sides, color."""
    service, color, size = key_of(meter)
    services = {"print": _("Prints"), "copy": _("Copies"), "fax": _("Faxes"), "scan": _("Scans")}
    colors = {
        "any": "",
        "monochrome": _("black"),
        "full_color": _("color"),
        "highlight_color": _("one color"),
        "two_color": _("two colors"),
    }
    sizes = {"large": _("large"), "small": _("small")}
    parts = (
        services.get(service, _("Total")),
        sizes.get(size, ""),
        _("two-sided") if "duplex" in meter else "",
        colors.get(color, color.replace("_", " ")),
        _("sheets") if "sheets" in meter else "",
        _("large ones count twice") if meter.endswith("_equivalent") else "",
    )
    return ", ".join(filter(None, parts))
