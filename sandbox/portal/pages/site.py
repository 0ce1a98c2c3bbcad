"""The pages as routes: who is signed in, which form is one of ours, and what a key user may change."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.portal.agents import Agents
from sandbox.portal.bodies import octets
from sandbox.portal.codes import codes_of
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import ORDER_BASE, Ledger, row_number
from sandbox.portal.moments import stamp
from sandbox.portal.pages.actions import Actions, Form
from sandbox.portal.pages.agent_pages import agent_list, agent_page
from sandbox.portal.pages.desk_pages import notification_list, order_list, order_page
from sandbox.portal.pages.frame import View
from sandbox.portal.pages.markup import tag
from sandbox.portal.pages.sessions import Sessions, is_known_host, is_same_site
from sandbox.portal.pages.style import STYLE
from sandbox.portal.pages.system_pages import reading_list, system_list, system_page
from sandbox.portal.pages.words import LANGUAGES, chosen
from sandbox.portal.problems import Refusal
from sandbox.portal.throttle import Throttle
from sandbox.portal.tokens import Gate

ROWS = 100  # on one page
MAX_FORM = 512 * 1024
LOGIN_TRIES = 5
SEARCHED = (
    "equipment_number",
    "description",
    "manufacturer",
    "model",
    "manufacturer_serial_number",
    "technical_identification_number",
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Page = Callable[[Request, View], bytes]
Action = Callable[[Request, Form], str]


class Site:
    """The key user's pages of the customer that the portal was seeded with."""

    def __init__(self, agents: Agents, gate: Gate, faults: Faults, *, secure: bool) -> None:
        self._agents = agents
        self._gate = gate
        self._faults = faults
        self._sessions = Sessions(secure=secure)
        self._throttle = Throttle()
        self._actions = Actions(agents, gate, faults)

    @property
    def _ledger(self) -> Ledger:
        return self._agents.ledger

    def routes(self) -> list[Route]:
        """The routes below /portal, and the way there."""
        do = self._actions
        pages: list[tuple[str, Page]] = [
            ("systems", self.systems),
            ("systems/{number}", self.system),
            ("readings", self.readings),
            ("orders", self.orders),
            ("orders/{number}", self.order),
            ("notifications", self.notifications),
            ("agents", self.agent_overview),
            ("agents/{agent_id}", self.agent),
        ]
        actions: list[tuple[str, Action]] = [
            ("systems/{number}/name", do.rename),
            ("systems/{number}/readings", do.capture),
            ("readings/{number}/reversal", do.reverse),
            ("orders/{number}/status", do.move_order),
            ("notifications/{number}/status", do.move_notification),
            ("agents/codes", do.new_code),
            ("agents/codes/{number}/cancellation", do.cancel_code),
            ("agents/{agent_id}/rights", do.set_rights),
            ("agents/{agent_id}/keys/{kid}/revocation", do.revoke_key),
            ("agents/{agent_id}/revocation", do.revoke),
        ]
        return [
            Route("/", _to_systems),
            Route("/portal/", _to_systems),
            Route("/portal/style.css", _style),
            Route("/portal/login", self._served(self.login_form), methods=["GET"]),
            Route("/portal/login", self._served(self.login), methods=["POST"]),
            Route("/portal/logout", self._served(self.logout), methods=["POST"]),
            *(Route(f"/portal/{path}", self._served(self._page(page)), methods=["GET"]) for path, page in pages),
            *(Route(f"/portal/{path}", self._served(self._action(do)), methods=["POST"]) for path, do in actions),
        ]

    def _served(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """With the headers that keep a page a page, and only under this machine's own names."""

        async def served(request: Request) -> Response:
            if not is_known_host(request):
                return Response("Misdirected", status_code=421, media_type="text/plain")
            try:
                response = await handler(request)
            except Refusal as refusal:
                response = self._failed(request, refusal)
            response.headers.update(HEADERS)
            language = request.query_params.get("lang")
            if language in LANGUAGES:
                response.set_cookie("lang", language, path="/portal", samesite="strict", max_age=365 * 86_400)
            return response

        return served

    def _page(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def shown(request: Request) -> Response:
            view = self._view(request)
            if view.session is None:
                return RedirectResponse("/portal/login", 303)
            return Response(page(request, view), media_type="text/html")

        return shown

    def _action(self, act: Action) -> Callable[[Request], Awaitable[Response]]:
        async def acted(request: Request) -> Response:
            form = Form(parse_qs((await octets(request, MAX_FORM)).decode("ascii", "replace"), keep_blank_values=True))
            view = self._view(request)
            if view.session is None:
                return RedirectResponse("/portal/login", 303)
            if not is_same_site(request) or not view.session.is_own_form(form.one("csrf")):
                return self._told(view, view.words("foreign_form"), 403)
            target = act(request, form)
            view.session.notice = (view.words(form.notice), view.words.known(form.secret))
            return RedirectResponse(target, 303)

        return acted

    def _view(self, request: Request) -> View:
        words = chosen(
            request.query_params.get("lang"), request.cookies.get("lang"), request.headers.get("Accept-Language", "")
        )
        return View(words, self._sessions.of(request), request.url.path)

    def _failed(self, request: Request, refusal: Refusal) -> Response:
        view = self._view(request)
        text = view.words("not_found") if refusal.slug == "not-found" else refusal.detail
        return self._told(view, text, refusal.status)

    def _told(self, view: View, text: str, status: int) -> Response:
        back = tag("p", tag("a", view.words("back"), href="/portal/systems"))
        wrong = tag("p", text, class_="notice wrong", role="alert")
        page = View(view.words, view.session, "/portal/systems").page("", view.words("error"), wrong, back)
        return Response(page, status, media_type="text/html")

    async def login_form(self, request: Request) -> Response:
        """The form to sign in."""
        return Response(_login_page(self._view(request)), media_type="text/html")

    async def login(self, request: Request) -> Response:
        """Signs in whoever knows the password; who guesses has to wait."""
        view, sender = self._view(request), request.client.host if request.client else "-"
        wait = self._throttle.seconds_to_wait(sender, LOGIN_TRIES)
        if wait:
            page = _login_page(view, view.words("too_many"))
            return Response(page, 429, {"Retry-After": str(wait)}, "text/html")
        form = Form(parse_qs((await octets(request, 4096)).decode("ascii", "replace")))
        if not is_same_site(request):
            return self._told(view, view.words("foreign_form"), 403)
        if not self._gate.is_key_user(form.one("password")):
            self._throttle.failed(sender)
            return Response(_login_page(view, view.words("wrong_password")), 401, media_type="text/html")
        self._throttle.forgive(sender)
        response = RedirectResponse("/portal/systems", 303)
        self._sessions.start(response)
        return response

    async def logout(self, request: Request) -> Response:
        """Signs out; with the form's token, so that no other site can do it."""
        form = Form(parse_qs((await octets(request, 4096)).decode("ascii", "replace")))
        session = self._sessions.of(request)
        response = RedirectResponse("/portal/login", 303)
        if session is not None and session.is_own_form(form.one("csrf")):
            self._sessions.end(request, response)
        return response

    def systems(self, request: Request, view: View) -> bytes:
        """The customer's equipment, searched and page by page."""
        query, after = request.query_params.get("q", "").strip(), request.query_params.get("after", "")
        records = self._ledger.records(
            "json_extract(content, '$.customer_number')=? AND equipment_number > ?", (self._ledger.customer, after)
        )
        found = [
            record
            for record in records
            if query.lower() in " ".join(str(record.content.get(name) or "") for name in SEARCHED).lower()
        ]
        more = found[ROWS - 1].content["equipment_number"] if len(found) > ROWS and not query else None
        return system_list(view, found[: None if query else ROWS], self._ledger, query, more)

    def system(self, request: Request, view: View) -> bytes:
        """One equipment."""
        record = self._ledger.equipment(request.path_params["number"])
        if record is None or record.content["customer_number"] != self._ledger.customer:
            raise Refusal("not-found", "There is no such equipment.")
        return system_page(view, record, self._ledger)

    def readings(self, request: Request, view: View) -> bytes:
        """Measurement documents."""
        equipment = request.query_params.get("equipment", "")
        rows, more = self._newest("documents", request, "(? = '' OR equipment_number = ?)", (equipment, equipment))
        return reading_list(view, rows, equipment, more)

    def orders(self, request: Request, view: View) -> bytes:
        """Orders."""
        return order_list(view, *self._newest("orders", request))

    def order(self, request: Request, view: View) -> bytes:
        """One order."""
        number = row_number(request.path_params["number"], ORDER_BASE)
        row = self._ledger.db.execute("SELECT * FROM orders WHERE number=?", (number,)).fetchone()
        if row is None or not self._actions.is_own(row["equipment_number"]):
            raise Refusal("not-found", "There is no such order.")
        return order_page(view, row)

    def notifications(self, request: Request, view: View) -> bytes:
        """Service notifications."""
        return notification_list(view, *self._newest("notifications", request))

    def agent_overview(self, request: Request, view: View) -> bytes:
        """Agents and enrolment codes."""
        customer = self._ledger.customer
        return agent_list(view, self._agents, customer, codes_of(self._ledger, customer), stamp(self._faults.now()))

    def agent(self, request: Request, view: View) -> bytes:
        """One agent."""
        agent = self._actions.agent(request)
        records = self._ledger.records("json_extract(content, '$.customer_number')=?", (agent.customer_number,))
        return agent_page(view, self._agents, agent, records)

    def _newest(
        self, table: str, request: Request, condition: str = "1", parameters: tuple[str, ...] = ()
    ) -> tuple[list[sqlite3.Row], int | None]:
        """Rows of the customer, the newest first, and the number before which the next page begins."""
        before = request.query_params.get("before", "")
        start = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else 2**53
        rows = self._ledger.db.execute(
            f"SELECT * FROM {table} WHERE number < ? AND {condition} AND equipment_number IN"  # noqa: S608  constants
            " (SELECT equipment_number FROM equipments WHERE json_extract(content, '$.customer_number')=?)"
            " ORDER BY number DESC LIMIT ?",
            (start, *parameters, self._ledger.customer, ROWS + 1),
        ).fetchall()
        return rows[:ROWS], rows[ROWS - 1]["number"] if len(rows) > ROWS else None


async def _to_systems(request: Request) -> Response:
    return RedirectResponse("/portal/systems", 303)


async def _style(request: Request) -> Response:
    return Response(STYLE, media_type="text/css", headers={**HEADERS, "Cache-Control": "max-age=300"})


def _login_page(view: View, wrong: str | None = None) -> bytes:
    words = view.words
    form = view.form(
        "/portal/login",
        tag("p", wrong, class_="notice wrong", role="alert") if wrong else None,
        tag(
            "label",
            tag("span", words("password")),
            tag("input", type="password", name="password", required=True, autocomplete="current-password", size=44),
            class_="field",
        ),
        tag("p", words("password_hint"), class_="faint"),
        tag("button", words("sign_in")),
        class_="card login",
    )
    return View(words, None, "/portal/login").page("", words("sign_in"), form)
