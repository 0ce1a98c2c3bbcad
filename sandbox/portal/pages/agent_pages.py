"""Pages of agents: the rights that a key user unlocks for each, its keys, and one-time codes for new ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any

from sandbox.portal.agents import Agent, Agents
from sandbox.portal.areas import SCOPES, USUAL, area_title
from sandbox.portal.keys import listed_keys
from sandbox.portal.ledger import Record
from sandbox.portal.pages.frame import View, number_of
from sandbox.portal.pages.markup import Markup, join, tag


def agent_list(view: View, agents: Agents, customer: str, codes: Sequence[sqlite3.Row], now: str) -> bytes:
    """All agents with what they may do, and the enrolment codes."""
    words = view.words
    rows = [_agent_row(view, agents, agent) for agent in agents.of(customer)]
    code_rows = [_code_row(view, row, now) for row in codes]
    return view.page(
        "agents",
        words("agents"),
        view.table(("name", "areas", "equipment_access", "seen", "version", "state"), rows),
        tag("h2", words("new_code")),
        _code_form(view),
        tag("h2", words("codes")),
        view.table(("name", "areas", "created", "expires", "state", ""), code_rows),
    )


def _agent_row(view: View, agents: Agents, agent: Agent) -> list[Any]:
    words = view.words
    listed = f"{len(agents.assigned(agent.agent_id))} {words('systems')}"
    return [
        [tag("a", agent.name, href=f"/portal/agents/{agent.agent_id}"), tag("br"), tag("small", agent.agent_id)],
        _titles(view, agents.scopes(agent.agent_id)),
        words("access_all") if agent.equipment_access == "all" else listed,
        words.moment(agent.seen_at) or words("never"),
        agent.user_agent or "",
        view.badge("revoked" if agent.revoked_at else "valid"),
    ]


def _titles(view: View, scopes: Sequence[str]) -> Markup:
    return join([area_title(scope, view.words.language), tag("br")] for scope in scopes)


def _areas_field(view: View, ticked: Collection[str]) -> Markup:
    boxes = [
        tag(
            "label",
            tag("input", type="checkbox", name="scope", value=scope, checked=scope in ticked),
            " ",
            area_title(scope, view.words.language),
        )
        for scope in SCOPES
    ]
    return tag("fieldset", tag("legend", view.words("areas")), boxes)


def _code_form(view: View) -> Markup:
    words = view.words
    return view.form(
        "/portal/agents/codes",
        tag("p", words("new_code_hint"), class_="faint"),
        tag(
            "label",
            tag("span", words("name")),
            tag("input", name="name", required=True, maxlength=60, size=40),
            class_="field",
        ),
        _areas_field(view, USUAL),
        tag("button", words("make_code")),
        class_="card",
    )


def _code_row(view: View, row: sqlite3.Row, now: str) -> list[Any]:
    words = view.words
    if row["used_at"]:
        state = "code_used"
    elif row["cancelled_at"]:
        state = "code_cancelled"
    else:
        state = "code_expired" if row["expires_at"] <= now else "code_unused"
    cancel = view.form(
        f"/portal/agents/codes/{row['number']}/cancellation", tag("button", words("cancel_code"), class_="quiet")
    )
    used = tag("a", row["agent_id"], href=f"/portal/agents/{row['agent_id']}") if row["agent_id"] else None
    return [
        row["name"],
        _titles(view, [scope for scope in SCOPES if f'"{scope}"' in row["scopes"]]),
        words.moment(row["created_at"]),
        words.moment(row["expires_at"]),
        [view.badge(state), " ", used],
        cancel if state == "code_unused" else "",
    ]


def agent_page(view: View, agents: Agents, agent: Agent, records: Sequence[Record]) -> bytes:
    """One agent: what the key user has unlocked for it, its keys, and locking it out."""
    words = view.words
    facts = view.facts(
        ("state", view.badge("revoked" if agent.revoked_at else "valid")),
        ("created", words.moment(agent.created_at)),
        ("seen", words.moment(agent.seen_at) or words("never")),
        ("version", agent.user_agent),
    )
    rights = None if agent.revoked_at else _rights_form(view, agents, agent, records)
    revoke = view.confirmed(
        words("revoke"),
        f"/portal/agents/{agent.agent_id}/revocation",
        words("revoke_sure"),
        tag("p", words("revoke_hint")),
    )
    return view.page(
        "agents",
        f"{agent.name} · {agent.agent_id}",
        facts,
        rights,
        tag("h2", words("keys")),
        _keys(view, agents, agent),
        tag("p"),
        None if agent.revoked_at else revoke,
    )


def _rights_form(view: View, agents: Agents, agent: Agent, records: Sequence[Record]) -> Markup:
    words, assigned = view.words, set(agents.assigned(agent.agent_id))
    choices = [
        tag(
            "label",
            tag("input", type="radio", name="access", value=access, checked=agent.equipment_access == access),
            " ",
            words(f"access_{access}"),
        )
        for access in ("all", "listed")
    ]
    boxes = [_equipment_box(record.content, assigned) for record in records]
    access = tag("fieldset", tag("legend", words("equipment_access")), choices, tag("div", boxes, class_="many"))
    return tag(
        "div",
        view.form(
            f"/portal/agents/{agent.agent_id}/rights",
            _areas_field(view, agents.scopes(agent.agent_id)),
            access,
            tag("button", words("save")),
            class_="card",
        ),
    )


def _equipment_box(one: dict[str, Any], assigned: Collection[str]) -> Markup:
    number = one["equipment_number"]
    said = " · ".join(
        filter(None, (number_of(number), one["description"] or one["model"], one["technical_identification_number"]))
    )
    box = tag("input", type="checkbox", name="equipment", value=number, checked=number in assigned)
    return tag("label", box, " ", said)


def _keys(view: View, agents: Agents, agent: Agent) -> Markup:
    words = view.words
    keys = listed_keys(agents.ledger, agent.agent_id)
    if not keys:
        return tag("p", words("no_keys"), class_="faint")
    rows = []
    for key in keys:
        until = f"{words('valid_until')} {words.moment(key['valid_until'])}" if key["valid_until"] else ""
        state = [view.badge("revoked"), " ", words.moment(key["revoked_at"])] if key["revoked_at"] else until
        revoke = view.confirmed(
            words("revoke_key"),
            f"/portal/agents/{agent.agent_id}/keys/{key['kid']}/revocation",
            words("revoke_sure"),
        )
        shown = state or view.badge("valid")
        rows.append(
            [
                tag("code", key["kid"]),
                key["kind"],
                words.moment(key["created_at"]),
                shown,
                "" if key["revoked_at"] else revoke,
            ]
        )
    return view.table(("key", "kind", "created", "state", ""), rows)
