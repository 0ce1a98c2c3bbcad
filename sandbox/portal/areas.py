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
# What a user of the portal may do without further unlocking; the rest is the key user's to give.
USUAL = tuple(scope for scope in SCOPES if scope != "technical-identification:write")


def area_title(scope: str, language: str) -> str:
    """The area's name in German ("de") or English."""
    german, _, english = AREAS[scope].partition(" / ")
    return german if language == "de" else english
