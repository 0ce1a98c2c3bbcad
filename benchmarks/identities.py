"""Who a recorded printer is, against what its recording's description says: manufacturer, model, serial, firmware."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from agent.printers import Identity
from agent.serials import same_serial
from benchmarks.score import Score

# Where a person reads another model than the recording is named by, and why.
OTHER_MODEL = {
    "github_misc/hp_envy6000": ("ENVY 6000 All-in-One Printer series", "the printer's whole name"),
    "github_misc/konica_accuriopress_43": ("AccurioPress C4070 IC-609", "the press with its controller, as it says"),
    "lac/xerox_phaser6600": ("Phaser 6600DN", "the names of its supplies have the whole model"),
    "librenms/jetdirect_supplies_context": ("Color LaserJet Test", "made by hand for a test"),
    "librenms/jetdirect_supplies_context_at_Jetdirect": ("Color LaserJet Test", "made by hand for a test"),
    "librenms/konica": ("Develop ineo+ 280", "spliced from two printers; the private model is this one"),
    "librenms/zebra": ("TLP 2824 Plus", "the printer; the expected name is its print server's"),
    "quoted/hp_laser_mfp135w_89": ("Laser MFP 131 133 135-138", "the family; the variant is told nowhere"),
}
UNTOLD = "the recording does not hold it; known only to who made it"
BRANDS = ("lanier", "copystar", "fujixerox")  # of the makers: the agent takes them off or keeps them as it finds them
DESCRIPTION = "1.3.6.1.2.1.1.1.0|"


def compare_identity(
    score: Score, identity: Identity, expected: dict[str, Any], derived: dict[str, Any], file: Path
) -> None:
    """Notes the values of a recording's identity, as far as its description expects any."""
    if score.vendor not in ("?", "none"):
        maker = identity.manufacturer
        score.compare("identity", "manufacturer", maker, score.vendor, (maker or "").lower() == score.vendor.lower())
    _model(score, identity.model, derived, file)
    serials = [str(value) for value in (derived.get("serials") or {}).values() if value]
    serials += [str(expected["serial"])] if expected.get("serial") else []
    serials = sorted({serial for serial in serials if same_serial(serial, serial)})
    if serials:
        serial = identity.serial_number_raw
        same = any(same_serial(serial, one) for one in serials)
        score.compare("identity", "serial number", serial, " or ".join(serials), same)
    firmwares = sorted({str(value) for value in (derived.get("firmware") or {}).values() if value})
    if firmwares:
        same = identity.firmware in firmwares
        score.compare("identity", "firmware", identity.firmware, " or ".join(firmwares), same)


def _model(score: Score, model: str | None, derived: dict[str, Any], file: Path) -> None:
    if not derived.get("model_by_hand"):
        return
    expected, why = OTHER_MODEL.get(score.name, (str(derived["model_by_hand"]), ""))
    score.compare("identity", "model", model, expected, _plain(model) == _plain(expected))
    if why:
        score.remark(why)
    elif model is None and _plain(expected) and _nameless(file):
        score.remark(UNTOLD)


def _plain(model: str | None) -> str | None:
    """A model for comparing: no case, no blanks, no remark, no brand, no `series`; unknown is none."""
    text = re.sub(r"\(.*\)|\s", "", model or "").lower().removesuffix("series")
    for brand in BRANDS:
        text = text.removeprefix(brand)
    return None if text in ("", "unknown") else text


def _nameless(file: Path) -> bool:
    """A recording of counters alone, without the system group."""
    return not any(line.startswith(DESCRIPTION) for line in file.read_text("utf-8", "replace").splitlines())
