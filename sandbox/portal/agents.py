"""The agents of a customer: which areas and which equipment the key user has unlocked for each, and revocation."""

from __future__ import annotations

import datetime as dt
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.portal.ledger import Ledger, Record
from sandbox.portal.moments import stamp

EquipmentAccess = Literal["all", "listed"]
VISIBLE = """equipment_number IN (
  SELECT e.equipment_number FROM equipments e WHERE json_extract(e.content, '$.customer_number') = ?
  AND (? = 'all' OR EXISTS (
    SELECT 1 FROM assignments a WHERE a.agent_id = ? AND a.equipment_number = e.equipment_number)))"""


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent of a customer. `equipment_access`: every equipment of the customer, or those listed for it alone."""

    agent_id: str
    customer_number: str
    name: str
    equipment_access: EquipmentAccess
    created_at: str
    revoked_at: str | None
    seen_at: str | None
    user_agent: str | None

    @property
    def scoping(self) -> tuple[str, str, str]:
        """The parameters of `VISIBLE`."""
        return (self.customer_number, self.equipment_access, self.agent_id)


class Agents:
    """The agents in the ledger. What changes them is to be called inside a transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def known(self, agent_id: str) -> Agent | None:
        """An agent, revoked or not."""
        row = self.ledger.db.execute("SELECT * FROM agents WHERE agent_id=?", (agent_id,)).fetchone()
        return _agent(row) if row else None

    def of(self, customer: str) -> list[Agent]:
        """All agents of a customer, the oldest first."""
        rows = self.ledger.db.execute("SELECT * FROM agents WHERE customer_number=? ORDER BY rowid", (customer,))
        return [_agent(row) for row in rows]

    def add(self, customer: str, name: str, scopes: Iterable[str], now: dt.datetime) -> Agent:
        """A new agent with a number of its own."""
        agent_id = f"agent-{secrets.token_hex(8)}"
        self.ledger.db.execute(
            "INSERT INTO agents (agent_id, customer_number, name, created_at) VALUES (?, ?, ?, ?)",
            (agent_id, customer, name, stamp(now)),
        )
        self.unlock(agent_id, scopes)
        return Agent(agent_id, customer, name, "all", stamp(now), None, None, None)

    def keep_first(self, agent_id: str, scopes: Sequence[str], now: dt.datetime) -> None:
        """The agent that the sandbox begins with: of the seed's customer, and at first with every area."""
        with self.ledger.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO agents (agent_id, customer_number, name, created_at) VALUES (?, '', ?, ?)",
                (agent_id, "Sandbox", stamp(now)),
            )
            db.execute("UPDATE agents SET customer_number=? WHERE agent_id=?", (self.ledger.customer, agent_id))
            row = (f"unlocked {agent_id}", "yes")
            if db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", row).rowcount and not self.scopes(agent_id):
                self.unlock(agent_id, scopes)

    def scopes(self, agent_id: str) -> list[str]:
        """The areas that the key user has unlocked for an agent."""
        rows = self.ledger.db.execute("SELECT scope FROM scopes WHERE agent_id=? ORDER BY scope", (agent_id,))
        return [row["scope"] for row in rows]

    def unlock(self, agent_id: str, scopes: Iterable[str]) -> None:
        """Unlocks exactly these areas."""
        self.ledger.db.execute("DELETE FROM scopes WHERE agent_id=?", (agent_id,))
        rows = [(agent_id, scope) for scope in sorted(set(scopes))]
        self.ledger.db.executemany("INSERT INTO scopes VALUES (?, ?)", rows)

    def assigned(self, agent_id: str) -> list[str]:
        """The equipment that is listed for an agent."""
        query = "SELECT equipment_number FROM assignments WHERE agent_id=? ORDER BY equipment_number"
        return [row["equipment_number"] for row in self.ledger.db.execute(query, (agent_id,))]

    def assign(self, agent_id: str, access: EquipmentAccess, equipments: Iterable[str]) -> None:
        """Opens all equipment of the customer to an agent, or exactly these."""
        db = self.ledger.db
        db.execute("UPDATE agents SET equipment_access=? WHERE agent_id=?", (access, agent_id))
        db.execute("DELETE FROM assignments WHERE agent_id=?", (agent_id,))
        db.executemany("INSERT INTO assignments VALUES (?, ?)", [(agent_id, one) for one in sorted(set(equipments))])

    def revoke(self, agent_id: str, now: dt.datetime) -> None:
        """Locks an agent out for good, with all its keys; what it has booked stays."""
        db = self.ledger.db
        db.execute("UPDATE agents SET revoked_at=? WHERE agent_id=? AND revoked_at IS NULL", (stamp(now), agent_id))
        db.execute("UPDATE agent_keys SET revoked_at=? WHERE agent_id=? AND revoked_at IS NULL", (stamp(now), agent_id))

    def saw(self, agent_id: str, user_agent: str, now: dt.datetime) -> None:
        """Notes when an agent asked for a token last, and as what."""
        row = (stamp(now), user_agent[:120], agent_id)
        self.ledger.db.execute("UPDATE agents SET seen_at=?, user_agent=? WHERE agent_id=?", row)

    def may_see(self, agent: Agent, record: Record) -> bool:
        """Whether the equipment belongs to the agent's customer and is open to the agent."""
        if record.content["customer_number"] != agent.customer_number:
            return False
        return agent.equipment_access == "all" or record.content["equipment_number"] in self.assigned(agent.agent_id)

    def records(self, agent: Agent, after: str = "") -> list[Record]:
        """The equipment open to the agent, by number, behind the number `after`."""
        return self.ledger.records(f"{VISIBLE} AND equipment_number > ?", (*agent.scoping, after))


def _agent(row: sqlite3.Row) -> Agent:
    return Agent(**{name: row[name] for name in Agent.__slots__})
