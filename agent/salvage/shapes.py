"""What rows the tables of a database have, as it says itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from agent.salvage.records import Row, Value

NOT_OURS = ("sqlite_schema", "sqlite_sequence", "alembic_version")  # made with the database
TYPES: dict[str, tuple[type, ...]] = {"INT": (int,), "CHAR": (str,), "TEXT": (str,), "BLOB": (bytes,), "": (bytes,)}


@dataclass(frozen=True, slots=True)
class Shape:
    """A table: its columns in the order in which they are stored, and the types of their values."""

    name: str
    columns: tuple[str, ...]
    types: tuple[tuple[type, ...], ...]
    required: tuple[bool, ...]
    with_rowids: bool
    rowid_first: bool

    def values(self, row: Row) -> tuple[Value, ...] | None:
        """What is to be inserted for a row; `None` for one that cannot be of this table."""
        if len(row.values) > len(self.columns):
            return None
        values = row.values + (None,) * (len(self.columns) - len(row.values))  # of before its last columns were added
        return (row.rowid, *values[1:]) if self.rowid_first else values

    def looks_like(self, row: Row) -> bool:
        """Whether a row may well be of this table: every value is of its column's type."""
        if not self.with_rowids or len(row.values) != len(self.columns):
            return False
        values = self.values(row) or ()
        checked = zip(values, self.types, self.required, strict=True)
        return all(not required if value is None else isinstance(value, types) for value, types, required in checked)

    @property
    def insertion(self) -> str:
        """The statement that inserts `values`, unless they contradict what is there."""
        names = ", ".join(f'"{name}"' for name in self.columns)
        return f'INSERT OR IGNORE INTO "{self.name}" ({names}) VALUES ({", ".join("?" * len(self.columns))})'  # noqa: S608  names of our own tables


def shapes_of(connection: Connection) -> Sequence[Shape]:
    """All tables of a database."""
    listed = connection.exec_driver_sql("PRAGMA table_list").all()
    return [
        _shape(connection, name, with_rowids=not without)
        for _, name, kind, _, without, *_ in listed
        if kind == "table" and name not in NOT_OURS and not name.startswith("sqlite_")
    ]


def _shape(connection: Connection, name: str, *, with_rowids: bool) -> Shape:
    columns = connection.exec_driver_sql(f'PRAGMA table_info("{name}")').all()
    if not with_rowids:  # stored with the key in front, in its own order
        columns = sorted(columns, key=lambda column: (not column.pk, column.pk))
    keys = [column for column in columns if column.pk]
    return Shape(
        name=name,
        columns=tuple(column.name for column in columns),
        types=tuple(_types(column.type) for column in columns),
        required=tuple(bool(column.notnull) for column in columns),
        with_rowids=with_rowids,
        rowid_first=with_rowids and len(keys) == 1 and keys[0].type == "INTEGER" and columns[0] is keys[0],
    )


def _types(declared: str) -> tuple[type, ...]:
    """The types of what a column holds (sqlite.org/datatype3.html, section 3.1)."""
    return next((types for part, types in TYPES.items() if part in declared and part), (int, float, str, bytes))
