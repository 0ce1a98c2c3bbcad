"""The areas that a key user unlocks per agent: the contract's OAuth scopes, with their names in the portal."""

from __future__ import annotations

AREAS = {
    "equipments:read": "Systeme ansehen / View systems",
    "technical-identification:write": "Referenznummer aktualisieren / Update the technical identification number",
    "readings:write": "Zählerstände melden / Report meter readings",
    "orders:write": "Verbrauchsmaterial bestellen / Order consumables",
    "orders:read": "Bestellungen verfolgen / Follow orders",
    "notifications:write": "Servicemeldungen anlegen / Open service notifications",
}
SCOPES = tuple(AREAS)
