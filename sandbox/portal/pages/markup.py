"""HTML that cannot be forgotten to be escaped: every text becomes safe unless it was made here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

VOID = frozenset({"br", "hr", "input", "link", "meta"})


class Markup(str):
    """Text that is HTML already; only this module makes it."""

    __slots__ = ()


Child: TypeAlias = "str | int | Iterable[Child] | None"


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """An element. `class_` and `for_` lose their underscore, others become hyphens; None and False leave one out."""
    said = "".join(
        f" {_attribute(key)}" if value is True else f' {_attribute(key)}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    start = f"<{name}{said}>"
    return Markup(start) if name in VOID else Markup(f"{start}{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """The children one after the other, texts escaped."""
    return Markup("".join(map(_safe, children)))


def document(*children: Child, lang: str) -> bytes:
    """A whole page."""
    return f"<!DOCTYPE html>\n{tag('html', *children, lang=lang)}\n".encode("utf-8", "replace")


def _safe(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str | int):
        return escape(_visible(str(child)))
    return join(child)


def _visible(text: str) -> str:
    """Control and direction characters of foreign texts as U+FFFD, so that nothing on a page can pose as another."""
    return "".join("\ufffd" if _misleads(one) else one for one in text)


def _misleads(one: str) -> bool:
    code = ord(one)
    bidi = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069 or code in (0x061C, 0x200E, 0x200F)
    return bidi or (code < 0x20 and one not in "\n\t") or 0x7F <= code <= 0x9F or 0xD800 <= code <= 0xDFFF


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
