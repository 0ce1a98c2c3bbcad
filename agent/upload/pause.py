"""A note beside the database why little or nothing is sent just now, for `status`, which is another process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agent.store import not_writable
from agent.texts import Message
from agent.upload.restraint import Pause


@dataclass(frozen=True, slots=True)
class PauseNote:
    """The note of the courier at this database. It is no record: lost or torn, it says nothing, and nothing is lost."""

    database: Path

    @property
    def file(self) -> Path:
        """Where it stands."""
        return self.database.with_name(f"{self.database.name}.pause")

    def write(self, pause: Pause | None) -> None:
        """Notes it, or that there is none. Raises `StoreError`."""
        try:
            if pause is None:
                self.file.unlink(missing_ok=True)
            else:
                # In place: Windows replaces no file that somebody reads at that moment.
                self.file.write_text(json.dumps(_written(pause)), "utf-8")
        except OSError as error:
            raise not_writable(self.file, error) from error

    def read(self) -> Pause | None:
        """What is noted, if anything."""
        try:
            return _read(json.loads(self.file.read_text("utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None


def _written(pause: Pause) -> dict[str, object]:
    return {
        "at": pause.at.isoformat(),
        "why": pause.why.to_json(),
        "remedy": pause.remedy and pause.remedy.to_json(),
        "until": pause.until and pause.until.isoformat(),
        "probing": pause.probing,
    }


def _read(noted: dict[str, object]) -> Pause:
    at, until, why, remedy = noted["at"], noted["until"], noted["why"], noted["remedy"]
    return Pause(
        datetime.fromisoformat(str(at)),
        Message.from_json(why) if isinstance(why, dict) else Message(""),
        Message.from_json(remedy) if isinstance(remedy, dict) else None,
        datetime.fromisoformat(str(until)) if until else None,
        bool(noted["probing"]),
    )
