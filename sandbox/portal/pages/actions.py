"""What a key user does on the pages: each action changes one thing and names the page that shows it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from starlette.requests import Request

from sandbox.portal.agents import Agent, Agents
from sandbox.portal.areas import AREAS
from sandbox.portal.booking import Clerk, book_item
from sandbox.portal.codes import cancel_code, make_code
from sandbox.portal.equipments import TIDNR, rename
from sandbox.portal.faults import Faults
from sandbox.portal.keys import revoke_key
from sandbox.portal.ledger import ORDER_BASE, row_number
from sandbox.portal.moments import stamp
from sandbox.portal.notifications import NOTIFICATION_BASE, move_notification
from sandbox.portal.orders import STATUSES, Move, move
from sandbox.portal.problems import Refusal
from sandbox.portal.tokens import Gate

LONGEST_NAME = 60
KEY_USER = "key-user"  # in the place of an agent's id
POINT = "point-"
WHOLE = re.compile(r"[0-9]{1,16}|[0-9]{1,3}(\.[0-9]{3}){1,5}|[0-9]{1,3}(,[0-9]{3}){1,5}")  # thousands apart or not


@dataclass(slots=True)
class Form:
    """The fields that were sent; `notice` is the word for what has happened, `secret` what is shown once."""

    fields: dict[str, list[str]]
    notice: str = "saved"
    secret: str = ""

    def one(self, name: str) -> str:
        """A field's value; empty where it was not sent."""
        return self.fields.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """All values of a field."""
        return self.fields.get(name, [])


class Actions:
    """The actions; each raises `Refusal` where it cannot."""

    def __init__(self, agents: Agents, gate: Gate, faults: Faults) -> None:
        self._agents = agents
        self._ledger = agents.ledger
        self._gate = gate
        self._faults = faults

    def agent(self, request: Request) -> Agent:
        """The agent of the address, if it is the customer's own."""
        agent = self._agents.known(request.path_params["agent_id"])
        if agent is None or agent.customer_number != self._ledger.customer:
            raise Refusal("not-found", "There is no such agent.")
        return agent

    def is_own(self, equipment: str) -> bool:
        """Whether an equipment is the customer's own."""
        record = self._ledger.equipment(equipment)
        return record is not None and record.content["customer_number"] == self._ledger.customer

    def rename(self, request: Request, form: Form) -> str:
        """Another technical identification number, over the one that was shown."""
        number = request.path_params["number"]
        record = self._ledger.equipment(number)
        if record is None or not self.is_own(number):
            raise Refusal("not-found", "There is no such equipment.")
        if form.one("version") != str(record.version):
            raise Refusal("precondition-failed", "The equipment was changed meanwhile. Look at it again.")
        value = form.one("number").strip()
        if not TIDNR.fullmatch(value):
            raise Refusal("malformed-request", "The number has more than 25 characters or unprintable ones.")
        rename(self._ledger, record, value, self._faults.now())
        return f"/portal/systems/{number}"

    def capture(self, request: Request, form: Form) -> str:
        """A reading by hand, by the rules for an agent's; a person may say that the counter was replaced."""
        number = request.path_params["number"]
        customer = self._ledger.customer
        person = Agent(KEY_USER, customer, "Key user", "all", "", None, None, None)
        clerk = Clerk(self._agents, person, self._faults.now(), self._faults.future_tolerance_seconds)
        moment, replaced = form.one("read_at"), form.one("replaced") == "yes"
        item = {
            "client_reference": f"{KEY_USER}-{secrets.token_hex(12)}",
            "equipment_number": number,
            "read_at": f"{moment[:16]}:00Z" if moment else stamp(clerk.now),
            "readings": [
                {"measuring_point": name.removeprefix(POINT), "value": _whole(values[0]), "counter_replaced": replaced}
                for name, values in form.fields.items()
                if name.startswith(POINT) and values[0].strip()
            ],
            "acknowledge_deviation": form.one("acknowledge") == "yes",
        }
        result = book_item(clerk, item)
        if result["problem"]:
            raise Refusal(result["problem"]["code"], result["problem"]["detail"])
        form.notice = "captured"
        form.secret = next((finding["code"] for finding in result["findings"]), "")
        return f"/portal/systems/{number}"

    def reverse(self, request: Request, form: Form) -> str:
        """Takes a measurement document back."""
        text = request.path_params["number"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
        row = self._ledger.db.execute("SELECT equipment_number FROM documents WHERE number=?", (number,)).fetchone()
        if row is None or not self.is_own(row["equipment_number"]):
            raise Refusal("not-found", "There is no such measurement document.")
        with self._ledger.transaction():
            self._ledger.reverse("number=?", (number,), "key user", self._faults.now())
        form.notice = "reversed_done"
        return f"/portal/readings?equipment={row['equipment_number']}"

    def move_order(self, request: Request, form: Form) -> str:
        """Another status of an order."""
        number, status = request.path_params["number"], form.one("status")
        if status not in STATUSES:
            raise Refusal("malformed-request", "There is no such status.")
        row = row_number(number, ORDER_BASE)
        self._check_own("orders", row)
        delivered = {
            name.removeprefix("delivered-"): int(values[0])
            for name, values in form.fields.items()
            if name.startswith("delivered-") and values[0].isascii() and values[0].isdigit() and len(values[0]) < 10
        }
        change = Move(status, form.one("tracking").strip()[:LONGEST_NAME] or None, delivered)
        move(self._ledger, row, change, self._faults.now())
        form.notice = "moved"
        return f"/portal/orders/{number}"

    def move_notification(self, request: Request, form: Form) -> str:
        """Another status of a service notification."""
        row = row_number(request.path_params["number"], NOTIFICATION_BASE)
        self._check_own("notifications", row)
        move_notification(self._ledger, row, form.one("status"), self._faults.now())
        form.notice = "moved"
        return "/portal/notifications"

    def _check_own(self, table: str, number: int) -> None:
        query = f"SELECT equipment_number FROM {table} WHERE number=?"  # noqa: S608  a constant
        row = self._ledger.db.execute(query, (number,)).fetchone()
        if row is None or not self.is_own(row["equipment_number"]):
            raise Refusal("not-found", "There is nothing with this number.")

    def new_code(self, request: Request, form: Form) -> str:
        """A one-time enrolment code, shown once."""
        name = form.one("name").strip()[:LONGEST_NAME]
        if not name:
            raise Refusal("malformed-request", "The new agent needs a name.")
        with self._ledger.transaction():
            scopes = [scope for scope in form.all("scope") if scope in AREAS]
            form.secret = make_code(self._ledger, self._ledger.customer, name, scopes, self._faults.now())
        form.notice = "code_made"
        return "/portal/agents"

    def cancel_code(self, request: Request, form: Form) -> str:
        """Makes an unused code worthless."""
        text = request.path_params["number"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
        with self._ledger.transaction():
            cancel_code(self._ledger, self._ledger.customer, number, self._faults.now())
        return "/portal/agents"

    def set_rights(self, request: Request, form: Form) -> str:
        """Exactly the ticked areas and equipment."""
        agent = self.agent(request)
        access = form.one("access")
        listed = [number for number in form.all("equipment") if self.is_own(number)]
        with self._ledger.transaction():
            self._agents.unlock(agent.agent_id, [scope for scope in form.all("scope") if scope in AREAS])
            self._agents.assign(agent.agent_id, "listed" if access == "listed" else "all", listed)
        return f"/portal/agents/{agent.agent_id}"

    def revoke_key(self, request: Request, form: Form) -> str:
        """Ends one of an agent's keys at once, even the last one."""
        agent, kid = self.agent(request), request.path_params["kid"]
        with self._ledger.transaction():
            revoke_key(self._ledger, agent.agent_id, kid, self._faults.now())
        self._gate.end(agent.agent_id, kid)
        return f"/portal/agents/{agent.agent_id}"

    def revoke(self, request: Request, form: Form) -> str:
        """Locks an agent out for good."""
        agent = self.agent(request)
        with self._ledger.transaction():
            self._agents.revoke(agent.agent_id, self._faults.now())
        self._gate.end(agent.agent_id)
        return f"/portal/agents/{agent.agent_id}"


def _whole(text: str) -> int | str:
    """The number in a field; what is none, 1.5 say, stays a text for the rules to refuse."""
    number = text.strip()
    return int(re.sub("[.,]", "", number)) if WHOLE.fullmatch(number) else number
