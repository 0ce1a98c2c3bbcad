"""Where searches stand and what was searched for last, in the database, so that a restart loses nothing of it."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import delete, insert, select

from agent.migrations.rows import instant, moment_of
from agent.migrations.tables import searched_for, searches
from agent.printers import Endpoint
from agent.store import Store
from agent.sweep import Bookmark


class SqlBookmarks:
    """The `Bookmarks` of the sweep, and the `Diary` of what was searched for. Raises `StoreError`, its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def recall(self, scope: str) -> Bookmark | None:
        """Where the search of this scope stands; a damaged row is a search that begins anew."""
        with self._store.connect() as connection:
            row = connection.execute(select(searches).where(searches.c.scope == scope)).one_or_none()
        try:
            if row is None:
                return None
            heard = tuple(Endpoint(str(address), int(port)) for address, port in json.loads(row.heard))
            return Bookmark(row.scope, moment_of(row.begun_at), row.done, heard)
        except (ValueError, TypeError):
            return None

    def keep(self, bookmark: Bookmark) -> None:
        """Keeps it alone: who begins another search will not go on with this one."""
        heard = json.dumps([[place.address, place.port] for place in bookmark.heard])
        values = {
            "scope": bookmark.scope,
            "begun_at": instant(bookmark.begun_at),
            "done": bookmark.done,
            "heard": heard,
        }
        with self._store.begin() as connection:
            connection.execute(delete(searches))
            connection.execute(insert(searches).values(values))

    def drop(self, scope: str) -> None:
        """The search is over."""
        with self._store.begin() as connection:
            connection.execute(delete(searches).where(searches.c.scope == scope))

    def last(self) -> tuple[datetime, frozenset[str]] | None:
        """When a search ended last, and for which equipment it was."""
        with self._store.connect() as connection:
            row = connection.execute(select(searched_for)).one_or_none()
        try:
            return None if row is None else (moment_of(row.at), frozenset(map(str, json.loads(row.equipments))))
        except (ValueError, TypeError):
            return None

    def note(self, at: datetime, equipments: frozenset[str]) -> None:
        """A search for this equipment has ended."""
        with self._store.begin() as connection:
            connection.execute(delete(searched_for))
            row = {"id": 1, "at": instant(at), "equipments": json.dumps(sorted(equipments))}
            connection.execute(insert(searched_for).values(row))
