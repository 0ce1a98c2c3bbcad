"""The sandbox portal's pages show a key user what happened, in German and English, and let nobody else in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from agent.meters import METER_OF_CODE
from sandbox.portal.pages.markup import Markup, join, tag
from sandbox.portal.pages.words import LANGUAGES, METERS, SUPPLIES, TEXTS, Words
from tests.portal_keys import Key
from tests.portal_process import PortalProcess, contract
from tests.portal_seed import equipment, item, keyed, measuring_point, number_of, order, point_of, seed_file

HOSTILE = '<script>alert("x")</script>&\u202e\x07'
# Who may fetch what: nothing but the own style sheet; no script, no frame around it, forms only to itself.
POLICY = {"default-src 'none'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"}
PLACES = ("systems", "readings", "orders", "notifications", "agents")


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    folder = tmp_path_factory.mktemp("portal")
    others = (
        equipment(50, third_party=True, manufacturer="Ricoh", description=HOSTILE, location={"room": HOSTILE}),
        equipment(51, automatic_supply=True),
        equipment(90, customer_number="0000999999", description="somebody else's"),
        equipment(91, measuring_points=[measuring_point(91, counter_overflow_value=2000)]),
    )
    seed = seed_file(folder / "seed.json", *(equipment(number) for number in range(1, 10)), *others)
    with PortalProcess(folder / "data", "--seed", str(seed)) as process:
        yield process


@pytest.fixture
def agent(portal: PortalProcess) -> Iterator[httpx.Client]:
    with portal.client() as client:
        yield client


@pytest.fixture
def stranger(portal: PortalProcess) -> Iterator[httpx.Client]:
    """A browser in which nobody is signed in."""
    with httpx.Client(base_url=portal.url, verify=portal.context(), trust_env=False) as client:
        yield client


@pytest.fixture
def browser(portal: PortalProcess, stranger: httpx.Client) -> httpx.Client:
    """A browser in which the key user is signed in."""
    answer = stranger.post("/portal/login", data={"password": portal.key_user_password})
    assert answer.status_code == 303, answer.text
    return stranger


class Forms(HTMLParser):
    """The forms of a page, by their action: names and values as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, Any]] = {}
        self._open: dict[str, Any] = {}
        self.feed(page)

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        said = dict(attributes)
        if name == "form":
            self._open = self.found.setdefault(said.get("action") or "", {})
        boxes = said.get("type") in ("checkbox", "radio")
        if name == "input" and said.get("name") and (not boxes or "checked" in said):
            self._open.setdefault(str(said["name"]), []).append(said.get("value") or "")


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def send(browser: httpx.Client, page: str, action: str, **changes: object) -> str:
    """Sends a form of a page as a browser does; the text of the page that comes then."""
    fields = Forms(browser.get(page).text).found[action]
    answer = browser.post(action, data={**fields, **changes}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


def test_nobody_looks_in(portal: PortalProcess, stranger: httpx.Client) -> None:
    """Without signing in every page leads to the form, and every action as well; a wrong password opens nothing."""
    for place in (*PLACES, f"systems/{number_of(1)}", "agents/agent-sandbox"):
        answer = stranger.get(f"/portal/{place}")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/portal/login"), place
    for action in ("agents/codes", "agents/agent-sandbox/revocation", "readings/1/reversal"):
        answer = stranger.post(f"/portal/{action}", data={"csrf": "x"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/portal/login"), action
    wrong = stranger.post("/portal/login", data={"password": "wrong"}, headers={"Accept-Language": "de-DE,de;q=0.9"})
    assert wrong.status_code == 401
    assert "Das Kennwort ist falsch." in text_of(wrong.text)
    assert "set-cookie" not in wrong.headers
    assert stranger.get("/", follow_redirects=True).url.path == "/portal/login"


def test_guessing_the_password_is_slow(tmp_path: Any) -> None:
    """After a few wrong passwords the right one has to wait as well."""
    with (
        PortalProcess(tmp_path) as portal,
        httpx.Client(base_url=portal.url, verify=portal.context(), trust_env=False) as browser,
    ):
        statuses = [browser.post("/portal/login", data={"password": "no"}).status_code for _ in range(7)]
        assert statuses == [401] * 5 + [429] * 2
        assert browser.post("/portal/login", data={"password": portal.key_user_password}).status_code == 429


def test_what_a_browser_is_told(portal: PortalProcess, browser: httpx.Client) -> None:
    """Every page forbids scripts and frames; its cookie is out of reach for scripts and other sites."""
    for place in (*PLACES, f"systems/{number_of(50)}", "nowhere", "login", "style.css"):
        answer = browser.get(f"/portal/{place}")
        if place != "nowhere":
            assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY, place
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "<script" not in answer.text
        assert "style=" not in answer.text
    cookie = httpx.post(
        f"{portal.url}/portal/login", data={"password": portal.key_user_password}, verify=portal.context()
    ).headers["Set-Cookie"]
    assert cookie.startswith("__Host-portal=")
    assert {"HttpOnly", "Path=/", "SameSite=strict", "Secure"} <= set(cookie.split("; "))


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}])
def test_forms_of_other_sites(browser: httpx.Client, headers: dict[str, str]) -> None:
    """A form that comes from another site, or without the session's token, changes nothing."""
    csrf = Forms(browser.get("/portal/agents").text).found["/portal/logout"]["csrf"][0]
    token = {"csrf": csrf} if headers else {"csrf": "guessed"}
    answer = browser.post("/portal/agents/agent-sandbox/revocation", data=token, headers=headers)
    assert answer.status_code == 403
    assert "agent-sandbox" in browser.get("/portal/agents").text
    assert browser.post("/portal/logout", data={"csrf": "guessed"}).status_code == 303
    assert browser.get("/portal/systems").status_code == 200


def test_another_name_for_this_machine(browser: httpx.Client) -> None:
    """The pages answer to this machine's names alone, so that no web site can be made to lead to them."""
    assert browser.get("/portal/login", headers={"Host": "evil.example"}).status_code == 421


def test_equipment(agent: httpx.Client, browser: httpx.Client) -> None:
    """The key user sees the customer's systems, which are third parties', and what SAP says of each."""
    listed = text_of(browser.get("/portal/systems?lang=de").text)
    assert "Fremdsystem" in listed
    assert "automatische Belieferung" in listed
    assert "somebody else's" not in listed
    found = text_of(browser.get("/portal/systems", params={"q": "prn-3"}).text)
    assert "PRN-3" in found
    assert "PRN-4" not in found
    page = text_of(browser.get(f"/portal/systems/{number_of(50)}").text)
    for word in (
        "Messpunkte",
        "Stückliste",
        "Bestellungen",
        "Servicemeldungen",
        "nein: Nicht Teil des Vertrags.",
        "Ricoh",
    ):
        assert word in page, word
    assert "wird automatisch beliefert" in text_of(browser.get(f"/portal/systems/{number_of(51)}").text)
    assert browser.get(f"/portal/systems/{number_of(90)}").status_code == 404
    assert browser.get("/portal/systems/none").status_code == 404


def test_nothing_foreign_becomes_html(browser: httpx.Client) -> None:
    """What a printer, SAP or an agent says is shown as text, without characters that could pose as something else."""
    page = browser.get(f"/portal/systems/{number_of(50)}").text
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;\ufffd\ufffd" in page
    assert "\u202e" not in page
    query = browser.get("/portal/systems", params={"q": '"><script>'}).text
    assert "<script" not in query


def test_both_languages(browser: httpx.Client) -> None:
    """The language is chosen by link, remembered, and taken from the browser at first."""
    english = {"Accept-Language": "en-GB"}
    assert "Systems" in text_of(browser.get("/portal/systems", headers=english).text)
    german = browser.get("/portal/systems?lang=de", headers=english).text
    assert 'lang="de"' in german
    assert "Systeme" in text_of(german)
    assert "Systeme" in text_of(browser.get("/portal/systems", headers=english).text)
    assert "Systems" in text_of(browser.get("/portal/systems?lang=en").text)
    assert all(len(texts) == len(LANGUAGES) and all(texts) for texts in TEXTS.values())


def test_codes_have_words_beside_them(browser: httpx.Client) -> None:
    """A counter is named as an office calls it, with the code that the interface uses; supplies have words alone."""
    german = text_of(browser.get(f"/portal/systems/{number_of(1)}?lang=de").text)
    assert "Gesamt (total)" in german
    assert "Heftklammern" in german
    english = text_of(browser.get(f"/portal/systems/{number_of(1)}?lang=en").text)
    assert "Total (total)" in english
    assert "Staples" in english
    words = Words("de")
    assert (words.meter("black"), words.meter("sap_own"), words.supply("")) == ("Schwarzweiß (black)", "sap_own", "")
    assert set(METERS) == set(METER_OF_CODE), "every counter that the agent can report"
    item = contract().content["components"]["schemas"]["BomItem"]["properties"]
    assert set(SUPPLIES) == {*item["component_type"]["enum"], *item["colorant"]["enum"]} - {None}
    assert all(len(texts) == len(LANGUAGES) and all(texts) for texts in (*METERS.values(), *SUPPLIES.values()))


def test_a_reading_by_hand(portal: PortalProcess, agent: httpx.Client, browser: httpx.Client) -> None:
    """A person reports a reading by the same rules, and alone may say that the counter was replaced."""
    page = f"/portal/systems/{number_of(6)}"
    action, point = f"{page}/readings", f"point-{point_of(6)}"
    assert "Der Zählerstand ist gebucht." in send(browser, f"{page}?lang=de", action, **{point: "1.250"})
    assert "auffällige Abweichung" in send(browser, page, action, **{point: "900000"})
    token = Forms(browser.get(page).text).found[action]
    for wrong, said in (
        ("20", "below the last"),
        ("many", "no whole number"),
        ("1300.5", "no whole number"),
        ("", "readings is missing"),
    ):
        refused = browser.post(action, data={**token, point: wrong})
        assert refused.status_code in (400, 422)
        assert said in text_of(refused.text)
    assert browser.post(action, data={**token, point: "900001", "read_at": "tomorrow"}).status_code == 400
    other = browser.post(f"/portal/systems/{number_of(90)}/readings", data={**token, point: "1"})
    assert other.status_code == 403
    assert "Zähler getauscht" in send(browser, page, action, **{point: "20", "replaced": "yes"})
    documents = agent.get("/measurement-documents", params={"equipment_number": number_of(6)}).json()["items"]
    told = [(one["value"], one["agent_id"]) for one in documents]
    assert told == [(1000, None), (1250, "key-user"), (900_000, "key-user"), (20, "key-user")]


def test_reversing_a_reading(portal: PortalProcess, agent: httpx.Client, browser: httpx.Client) -> None:
    """A reading with its notice is seen, and reversed by the key user, after which a lower one is right again."""
    assert agent.post("/measurement-documents", json=item(2, "high", 900_000)).status_code == 201
    page = "/portal/readings?lang=en"
    shown = text_of(browser.get(page).text)
    assert "900,000" in shown
    assert "clear deviation" in shown
    number = [one["client_reference"] for one in portal.ledger()["measurement_documents"]].index("high") + 1
    after = send(browser, page, f"/portal/readings/{number}/reversal")
    assert "The measurement document is reversed." in after
    document = next(one for one in portal.ledger()["measurement_documents"] if one["client_reference"] == "high")
    assert (document["reversed"], document["reversal_reason"]) == (True, "key user")
    assert agent.post("/measurement-documents", json=item(2, "right", 1200)).status_code == 201


def test_the_way_of_an_order(agent: httpx.Client, browser: httpx.Client) -> None:
    """The key user follows an order; moved as the warehouse would, its pieces and history change for the agent too."""
    placed = agent.post("/orders", json=order(3, "watched", quantity=2), headers=keyed("watched")).json()
    page = f"/portal/orders/{placed['order_number']}"
    assert "eingegangen" in text_of(browser.get(f"{page}?lang=de").text)
    moved = send(
        browser, page, f"{page}/status", status="partially_delivered", tracking="1Z999", **{"delivered-0010": "1"}
    )
    assert "teilweise geliefert" in moved
    now = agent.get(f"/orders/{placed['order_number']}").json()
    assert (now["status"], now["tracking"], now["items"][0]["delivered_quantity"]) == (
        "partially_delivered",
        "1Z999",
        1,
    )
    send(browser, page, f"{page}/status", status="delivered")
    now = agent.get(f"/orders/{placed['order_number']}").json()
    assert [one["status"] for one in now["status_history"]] == ["received", "partially_delivered", "delivered"]
    assert now["items"][0]["delivered_quantity"] == 2
    assert f"{page}/status" not in Forms(browser.get(page).text).found


def test_the_way_of_a_notification(agent: httpx.Client, browser: httpx.Client) -> None:
    """A service notification is seen and completed; then its cause may be told again."""
    body = {"equipment_number": number_of(4), "cause": "fuser-fault", "short_text": "Fixierung", "priority": "high"}
    made = agent.post("/service-notifications", json={**body, "client_reference": "p1"}).json()["notification_number"]
    page = "/portal/notifications"
    assert "Fixierung" in text_of(browser.get(f"{page}?lang=de").text)
    send(browser, page, f"{page}/{made}/status", status="in_process")
    again = agent.post("/service-notifications", json={**body, "client_reference": "p2"})
    assert again.json()["notification_number"] == made
    send(browser, page, f"{page}/{made}/status", status="completed")
    assert agent.get(f"/service-notifications/{made}").json()["status"] == "completed"
    assert agent.post("/service-notifications", json={**body, "client_reference": "p2"}).status_code == 201


def test_renaming_on_the_page(agent: httpx.Client, browser: httpx.Client) -> None:
    """The key user changes the technical identification number; over a change that happened meanwhile it is refused."""
    page = f"/portal/systems/{number_of(5)}"
    stale = Forms(browser.get(page).text).found[f"{page}/name"]
    assert "PRN-NEU" in send(browser, page, f"{page}/name", number=" PRN-NEU ")
    assert agent.get(f"/equipments/{number_of(5)}").json()["technical_identification_number"] == "PRN-NEU"
    assert browser.post(f"{page}/name", data={**stale, "number": "ALT"}).status_code == 412
    fresh = Forms(browser.get(page).text).found[f"{page}/name"]
    assert browser.post(f"{page}/name", data={**fresh, "number": "x" * 26}).status_code == 400


def test_rights_on_the_page(portal: PortalProcess, browser: httpx.Client) -> None:
    """A key user makes a code, an agent enrols with it, and is given and taken areas, equipment, its key and entry."""
    shown = send(browser, "/portal/agents?lang=de", "/portal/agents/codes", name="Filiale", scope=["readings:write"])
    code = re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){4}", shown)
    assert code
    assert code[0] not in browser.get("/portal/agents").text
    key = Key.made()
    with httpx.Client(base_url=f"{portal.url}/v1", verify=portal.context(), trust_env=False) as other:
        agent_id = other.post("/enrolments", json=key.registration(enrolment_code=code[0])).json()["agent_id"]
        other.headers["Authorization"] = (
            f"Bearer {other.post('/oauth2/token', data=key.form(agent_id)).json()['access_token']}"
        )
        assert other.get("/agents/me").json()["scopes"] == ["readings:write"]
        page = f"/portal/agents/{agent_id}"
        assert "Filiale" in text_of(browser.get(page).text)
        send(browser, page, f"{page}/rights", scope=["equipments:read"], access="listed", equipment=[number_of(7)])
        me = other.get("/agents/me").json()
        assert (me["scopes"], me["equipment_access"]) == (["equipments:read"], "listed")
        assert [one["equipment_number"] for one in other.get("/equipments").json()["items"]] == [number_of(7)]
        send(browser, page, f"{page}/keys/{key.kid}/revocation")
        assert other.get("/agents/me").status_code == 401
        send(browser, page, f"{page}/revocation")
    assert "endgültig" not in text_of(browser.get(page).text)
    assert browser.get("/portal/agents/nobody").status_code == 404


def test_withdrawing_a_code(portal: PortalProcess, browser: httpx.Client) -> None:
    """A code that was withdrawn on the page opens nothing."""
    shown = send(browser, "/portal/agents?lang=en", "/portal/agents/codes", name="Withdrawn", scope=[])
    code = re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){4}", shown)
    assert code
    forms = Forms(browser.get("/portal/agents").text).found
    newest = next(action for action in forms if action.endswith("/cancellation"))
    assert "withdrawn" in send(browser, "/portal/agents", newest)
    body = Key.made().registration(enrolment_code=code[0])
    answer = httpx.post(f"{portal.url}/v1/enrolments", json=body, verify=portal.context())
    assert answer.json()["code"] == "enrolment-code-rejected"


def test_signing_out(browser: httpx.Client) -> None:
    """Signed out, the old cookie opens nothing."""
    cookie = browser.cookies["__Host-portal"]
    token = Forms(browser.get("/portal/systems").text).found["/portal/logout"]
    browser.post("/portal/logout", data=token)
    browser.cookies.set("__Host-portal", cookie)
    assert browser.get("/portal/systems").status_code == 303


def test_markup_escapes_what_is_not_markup() -> None:
    """Texts and attributes are escaped once; what is markup stays; empty attributes go."""
    assert tag("p", "a<b", tag("b", 1), None, class_="x", hidden=False, required=True) == Markup(
        '<p class="x" required>a&lt;b<b>1</b></p>'
    )
    assert tag("input", value='"><x', aria_label="&") == '<input value="&quot;&gt;&lt;x" aria-label="&amp;">'
    assert join(["<", Markup("<br>")]) == "&lt;<br>"
