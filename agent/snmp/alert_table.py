"""prtAlertTable (RFC 3805 section 2.2.14) in words: what is the matter with a printer, as the printer itself says."""

from __future__ import annotations

from agent.readout import Alert
from agent.snmp.profile import Profile
from agent.snmp.varbinds import Oid
from agent.snmp.witness import Witness

MOST = 256  # rows that are looked at; no printer has so much to tell
LAST_ROW = 65_535  # of the tables that prtAlertGroupIndex points into


def read_alerts(profile: Profile, witness: Witness) -> list[Alert]:
    """The rows that have a description or a code; a code that no list knows stays a number."""
    table = _Table(profile, witness)
    return [table.alert(index) for index in sorted({*table.codes, *table.texts})[:MOST]]


class _Table:
    """The columns by index."""

    def __init__(self, profile: Profile, witness: Witness) -> None:
        self._words = profile.words
        self._severities = witness.numbers("prtAlertSeverityLevel")
        self._trainings = witness.aside("prtAlertTrainingLevel")
        self._groups = witness.aside("prtAlertGroup")
        self._rows = witness.aside("prtAlertGroupIndex")
        self._times = witness.aside("prtAlertTime")
        self.codes = witness.numbers("prtAlertCode")
        self.texts = witness.texts("prtAlertDescription")

    def alert(self, index: Oid) -> Alert:
        code, raised = self.codes.get(index), self._times.get(index)
        return Alert(
            severity=self._words.alert_severity.get(self._severities.get(index, 0), "other"),
            code=self._words.alert_code.get(code or 0, str("" if code is None else code)),
            description=self.texts.get(index, ""),
            group=self._words.alert_group.get(self._groups.get(index, 0), ""),
            training=self._words.alert_training.get(self._trainings.get(index, 0), ""),
            key=self._key(index),
            raised=raised if raised is not None and raised > 0 else None,
        )

    def _key(self, index: Oid) -> str:
        """Group, row and code. -1 is no row (RFC 3805), and what no table can have is none either."""
        group, row, code = self._groups.get(index, 0), self._rows.get(index, 0), self.codes.get(index, 0)
        if group not in self._words.alert_group or code not in self._words.alert_code:
            return ""
        return f"{group}.{row}.{code}" if 0 < row <= LAST_ROW else f"{group}.{code}"
