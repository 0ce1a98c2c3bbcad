"""What a service notification says: its own words first, the printer's only bounded and without what names anybody.

Printers write into their alerts what they like: addresses, mail addresses, numbers of faxes, names of hosts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from agent.display import SHORTENED, printable
from agent.notifications.faults import FaultClass
from agent.notifications.policy import Case
from agent.texts import Message, message

MOST_SHORT = 40  # characters of short_text, by the contract
MOST_SAID = 300  # characters of the printer's own text
MOST_WORD = 60  # characters of a keyword
LEAST_NAME = 4  # characters of a name that is looked for inside other texts
HIDDEN = SHORTENED

TITLES: dict[FaultClass, Message] = {
    "jam": message("Paper jam"),
    "cover": message("Cover or door open"),
    "media": message("Paper supply or output"),
    "supply": message("Supply empty or missing"),
    "marker": message("Fuser or print unit failed"),
    "subunit": message("Part of the device failed"),
    "service": message("Device asks for service"),
}
# Hosts in web addresses and shares, mail addresses, IPv4, MAC and IPv6 addresses, telephone numbers.
PERSONAL = (
    re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{1,15}://\S+"),
    re.compile(r"\\\\\S+"),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*"),
    re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"),
    re.compile(r"(?<![\w:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:-])"),
    re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}(?:%\w+)?(?![\w:])"),
    re.compile(r"(?<!\w)(?:\+\d[\d ()/-]{6,20}\d|0\d{1,5}[ /-]{1,3}\d[\d -]{3,14}\d)"),
)


def short_text(case: Case, speak: Callable[[Message], str]) -> str:
    """What it is about, in the agent's words, with the number of the alert's code; at most 40 characters."""
    title = TITLES[case.classes[0]] if case.classes else message("Fault")
    return printable(f"{speak(title)} ({case.cause.rpartition('.')[2]})", MOST_SHORT)


def long_text(case: Case, names: Iterable[str], speak: Callable[[Message], str]) -> str:
    """Since when, how often seen, the alert by its standard names, and what the printer itself says of it."""
    alert = case.alert
    said = cleaned(alert.description, names)
    since = case.since.strftime("%Y-%m-%d %H:%M UTC") if case.since else "–"
    lines = [message("The printer has reported this since {since}, in {times} rounds.", since=since, times=case.times)]
    code, group, who = (printable(word, MOST_WORD) or "–" for word in (alert.code, alert.group, alert.training))
    lines.append(message("Alert: {code}, group {group}, {who}.", code=code, group=group, who=who))
    if said:
        lines.append(message("The printer's text: {text}", text=said))
    lines.append(message("Opened by meter-agent without a person."))
    return "\n".join(speak(line) for line in lines)


def cleaned(text: str, names: Iterable[str]) -> str:
    """One line of the printer's text without control characters, addresses, numbers of people, and these names."""
    line = " ".join(text[: 4 * MOST_SAID].split())
    for pattern in PERSONAL:
        line = pattern.sub(HIDDEN, line)
    for name in sorted({name for name in names if len(name) >= LEAST_NAME}, key=len, reverse=True):
        line = re.sub(re.escape(name), HIDDEN, line, flags=re.IGNORECASE)
    return printable(line, MOST_SAID)
