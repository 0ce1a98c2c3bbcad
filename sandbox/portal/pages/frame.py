"""What every page has around it: title, navigation, language, notice; and the small parts that pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandbox.portal.pages.markup import Child, Markup, document, join, tag
from sandbox.portal.pages.sessions import Session
from sandbox.portal.pages.words import LANGUAGES, Words

AREAS = ("systems", "readings", "orders", "notifications", "agents")
# What a state looks like: good, waiting, bad; everything else is plain.
LOOKS = {
    "delivered": "good",
    "completed": "good",
    "valid": "good",
    "booked": "good",
    "received": "waiting",
    "in_process": "waiting",
    "partially_delivered": "waiting",
    "open": "waiting",
    "deviation": "waiting",
    "counter-overflow": "waiting",
    "counter-replaced": "waiting",
    "code_unused": "waiting",
    "cancelled": "bad",
    "rejected": "bad",
    "reversed": "bad",
    "revoked": "bad",
    "decommissioned": "bad",
    "contract_none": "bad",
}


@dataclass(frozen=True, slots=True)
class View:
    """For whom a page is made: the language, the session (None: nobody is signed in), and the page's own address."""

    words: Words
    session: Session | None
    path: str

    def page(self, area: str, title: str, *content: Child) -> bytes:
        """A whole page in `area` of the navigation."""
        notice = None
        if self.session and self.session.notice:
            (text, extra), self.session.notice = self.session.notice, None
            notice = tag(
                "p", text, " " if extra else None, tag("code", extra) if extra else None, class_="notice", role="status"
            )
        head = tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", f"{title} – {self.words('portal')}"),
            tag("link", rel="stylesheet", href="/portal/style.css"),
        )
        body = tag(
            "body",
            tag("a", self.words("skip"), href="#content", class_="skip"),
            self._header(area),
            tag("main", tag("h1", title), notice, *content, id="content"),
            tag("footer", self.words("utc")),
        )
        return document(head, body, lang=self.words.language)

    def _header(self, area: str) -> Markup:
        links = [
            tag("a", self.words(one), href=f"/portal/{one}", aria_current="page" if one == area else None)
            for one in AREAS
        ]
        languages = [
            tag("a", name, href=f"{self.path}?lang={code}", lang=code, hreflang=code)
            for code, name in LANGUAGES.items()
            if code != self.words.language
        ]
        out = (
            self.form("/portal/logout", tag("button", self.words("sign_out"), class_="quiet")) if self.session else None
        )
        return tag(
            "header",
            tag("strong", self.words("portal")),
            tag("nav", links, aria_label=self.words("portal")) if self.session else None,
            tag("span", languages, out, class_="corner"),
        )

    def form(self, action: str, *content: Child, class_: str | None = None) -> Markup:
        """A form that changes something; it carries the session's token."""
        token = tag("input", type="hidden", name="csrf", value=self.session.csrf) if self.session else None
        return tag("form", token, *content, method="post", action=action, class_=class_)

    def confirmed(self, label: str, action: str, sure: str, *content: Child) -> Markup:
        """A button that asks once more before it does something."""
        return tag("details", tag("summary", label), self.form(action, *content, tag("button", sure, class_="danger")))

    def badge(self, code: str) -> Markup:
        """A state as a word that also has a colour."""
        return tag("span", self.words.known(code), class_=f"badge {LOOKS.get(code, 'plain')}")

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[Child]], caption: str | None = None) -> Markup:
        """A table; where there is no row, a sentence that says so."""
        made = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
        if not made:
            return tag("p", self.words("nothing"), class_="faint")
        head = tag("thead", tag("tr", *(tag("th", self.words(one) if one else "", scope="col") for one in headings)))
        table = tag("table", tag("caption", caption) if caption else None, head, tag("tbody", made))
        return tag("div", table, class_="wide", tabindex="0", role="region", aria_label=caption or self.words("portal"))

    def facts(self, *pairs: tuple[str, Child]) -> Markup:
        """Names and values of one thing; what has no value is left out."""
        kept = [(name, value) for name, value in pairs if value not in (None, "")]
        return tag("dl", [tag("div", tag("dt", self.words(name)), tag("dd", value)) for name, value in kept])


def number_of(text: str) -> str:
    """A number without the zeros that SAP fills it up with."""
    return text.lstrip("0") or "0"


def system_link(number: str) -> Markup:
    """A link to an equipment's page."""
    return tag("a", number_of(number), href=f"/portal/systems/{number}", class_="number")


def order_link(number: str) -> Markup:
    """A link to an order's page."""
    return tag("a", number_of(number), href=f"/portal/orders/{number}", class_="number")


def spaced(parts: Iterable[Child]) -> Markup:
    """Parts with blanks between them."""
    return join([part, " "] for part in parts if part is not None)
