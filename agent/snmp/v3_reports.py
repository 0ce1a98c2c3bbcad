"""What an SNMPv3 engine says instead of an answer, and what that means for a person (RFC 3412, RFC 3414)."""

from __future__ import annotations

from typing import Final

from agent.errors import PrinterRefuses
from agent.printers import Endpoint
from agent.snmp.codec import Response
from agent.snmp.varbinds import Oid
from agent.texts import Message, message

NOT_IN_TIME_WINDOW: Final = "v3_not_in_time_window"
UNKNOWN_ENGINE: Final = "v3_unknown_engine"
NO_ANSWER: Final = "v3_no_answer"

_USM_STATS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1)
_CODES: dict[Oid, str] = {
    (*_USM_STATS, 1): "v3_security_level",
    (*_USM_STATS, 2): NOT_IN_TIME_WINDOW,
    (*_USM_STATS, 3): "v3_unknown_user",
    (*_USM_STATS, 4): UNKNOWN_ENGINE,
    (*_USM_STATS, 5): "v3_wrong_digest",
    (*_USM_STATS, 6): "v3_decryption",
    (1, 3, 6, 1, 6, 3, 12, 1, 4): "v3_context",  # snmpUnavailableContexts
    (1, 3, 6, 1, 6, 3, 12, 1, 5): "v3_context",  # snmpUnknownContexts
}
_UNKNOWN = "v3_refused"

_WHAT: dict[str, Message] = {
    "v3_security_level": message(
        'The printer at {place} does not offer this security level to the SNMPv3 user "{user}".'
    ),
    NOT_IN_TIME_WINDOW: message("The clock of SNMPv3 in the printer at {place} does not stay the same."),
    "v3_unknown_user": message('The printer at {place} does not know the SNMPv3 user "{user}".'),
    UNKNOWN_ENGINE: message("The printer at {place} gives itself another SNMPv3 engine id with every answer."),
    "v3_wrong_digest": message(
        'The printer at {place} knows the SNMPv3 user "{user}" with another authentication password or protocol.'
    ),
    "v3_decryption": message('The printer at {place} cannot decrypt what the SNMPv3 user "{user}" asks.'),
    "v3_context": message('The printer at {place} has no SNMPv3 context "{context}".'),
    NO_ANSWER: message('The printer at {place} speaks SNMPv3 but does not answer the user "{user}".'),
    _UNKNOWN: message('The printer at {place} refuses the SNMPv3 user "{user}".'),
}
_REMEDIES: dict[str, Message] = {
    "v3_security_level": message(
        "Set authentication and privacy of this user in the printer and at [[snmp.users]] to the same."
    ),
    NOT_IN_TIME_WINDOW: message("Switch the printer off and on; if this stays, renew its firmware."),
    "v3_unknown_user": message("Make this user in the printer's SNMPv3 settings, or correct name at [[snmp.users]]."),
    UNKNOWN_ENGINE: message("Switch the printer off and on; if this stays, renew its firmware."),
    "v3_wrong_digest": message(
        "Compare authentication with the printer's setting, and store the password anew with: meter-agent secret set"
    ),
    "v3_decryption": message(
        "Compare privacy with the printer's setting, and store the password anew with: meter-agent secret set"
    ),
    "v3_context": message("Correct context at [[snmp.users]]; most printers have only the empty one."),
    NO_ANSWER: message(
        "Compare privacy, its password and the context with the printer's settings, and what this user may see."
    ),
    _UNKNOWN: message("Compare this user with the printer's SNMPv3 settings."),
}


def report_code(report: Response) -> str:
    """The short word for a Report, by the counter it carries; `v3_refused` for one that no standard names."""
    for oid, _ in report.varbinds:
        code = _CODES.get(oid[:-1])
        if code:
            return code
    return _UNKNOWN


def refusal(code: str, endpoint: Endpoint, user: str, context: str) -> PrinterRefuses:
    """The error for a printer that ended an exchange with this code: what, where, remedy."""
    values = {"place": str(endpoint), "user": user, "context": context}
    return PrinterRefuses(Message(_WHAT[code].template, values), _REMEDIES[code], code=code)
