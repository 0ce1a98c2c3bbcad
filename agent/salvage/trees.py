"""Which rows belong to which table: by the trees, and by their looks where no tree leads to them any more."""

from __future__ import annotations

from collections.abc import Iterator

from agent.salvage.image import Image
from agent.salvage.records import INDEX_INNER, TABLE_INNER, TABLE_LEAF, Row, children, kind_of, rows

SCHEMA_ROOT = 1
DEEPEST = 12  # pages from a root to a leaf: more than any file of ours has


class Forest:
    """The trees of a file. Walk the known ones first; what is left over then is lost."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._seen: set[int] = set()

    def roots(self) -> dict[str, int]:
        """The roots of the tables by name, as far as the schema can be read."""
        found = {}
        for row in self.rows(SCHEMA_ROOT, with_rowids=True):
            if row is not None and len(row.values) == 5:
                kind, name, _, root, _ = row.values
                if kind == "table" and isinstance(name, str) and isinstance(root, int):
                    found[name] = root
        return found

    def rows(self, root: int, *, with_rowids: bool) -> Iterator[Row | None]:
        """The rows of a table; `None` for what is not to be read, and where there may have been more."""
        for number in self._pages(root, with_rowids, 0):
            if number is None:
                yield None
            else:
                yield from self._in_order(number, of_table=with_rowids)

    def lost(self) -> Iterator[Row]:
        """The rows of tables with rowids to which no tree leads; none where it is not known which pages are free."""
        free = self._image.free()
        if free is None:
            return
        for number in range(1, self._image.pages + 1):
            if number in self._seen or number in free:
                continue
            if kind_of(number, self._image.page(number)) == TABLE_LEAF:
                yield from (row for row in self._in_order(number, of_table=True) if row is not None)

    def _pages(self, number: int, with_rowids: bool, depth: int) -> Iterator[int | None]:
        """The pages with rows below a root, each once; `None` where the way leads nowhere.

        In a tree without rowids inner pages have rows as well. A page that is of no kind is read as one with rows.
        """
        if number in self._seen or not 1 <= number <= self._image.pages or depth > DEEPEST:
            yield None
            return
        self._seen.add(number)
        page = self._image.page(number)
        inner = kind_of(number, page) == (TABLE_INNER if with_rowids else INDEX_INNER)
        if not inner or not with_rowids:
            yield number
        if inner:
            for child in children(number, page):
                yield from self._pages(child, with_rowids, depth + 1)

    def _in_order(self, number: int, *, of_table: bool) -> Iterator[Row | None]:
        """The rows of a page; one whose number does not fit between its neighbours has another one's number."""
        found = list(rows(number, self._image.page, of_table=of_table))
        last: int | None = None
        for at, row in enumerate(found):
            if row is None or row.rowid is None:
                yield row
                continue
            following = next((one.rowid for one in found[at + 1 :] if one is not None), None)
            if (last is not None and row.rowid <= last) or (following is not None and row.rowid >= following):
                yield None
                continue
            last = row.rowid
            yield row
