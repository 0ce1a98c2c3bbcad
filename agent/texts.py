"""Sentences for a person: an English template and the values it names, translated only when shown.

A `Message` crosses every layer and the database unchanged, so that a reason found by a German
service at night can be read in English by an engineer next week.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | None


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence. `str()` gives it in English; `agent.language.show` in the reader's language."""

    template: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return fill(self.template, self.values)

    def to_json(self) -> dict[str, object]:
        """The form kept in the database and in JSON output."""
        return {"template": self.template, "values": dict(self.values)}

    @staticmethod
    def from_json(stored: Mapping[str, object]) -> Message:
        """The message that `to_json` wrote; raises `ValueError` when it is not one."""
        template, values = stored.get("template"), stored.get("values")
        if not isinstance(template, str) or not isinstance(values, Mapping):
            raise ValueError("not a stored message")
        return Message(template, dict(values))


def message(template: str, **values: Value) -> Message:
    """A `Message`; its template is a literal, because the German catalogue is made from literals."""
    return Message(template, values)


def fill(template: str, values: Mapping[str, Value]) -> str:
    """The template with its `{names}` replaced; a name without a value stays visible, nothing raises."""
    text = template
    for name, value in values.items():
        text = text.replace("{" + name + "}", "–" if value is None else str(value))
    return text
