"""A note beside the database why little or nothing is sent just now, for `status`, which is another process."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agent.state_file import opened
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
        """Notes it, or that there is none. What cannot be noted stops no delivery: a full disk shows at the outbox."""
        with suppress(OSError):
            if pause is None:
                self.file.unlink(missing_ok=True)
                return
            # In place: Windows replaces no file that somebody reads at that moment.
            with os.fdopen(opened(self.file), "r+b") as note:
                note.truncate()
                note.write(json.dumps(_written(pause)).encode())

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
