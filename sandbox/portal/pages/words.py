"""The pages' texts in German and English, and how each language writes numbers and moments."""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGES = {"de": "Deutsch", "en": "English"}
TEXTS: dict[str, tuple[str, str]] = {
    "portal": ("Serviceportal (Sandbox)", "Service portal (sandbox)"),
    "utc": ("Alle Zeiten in UTC.", "All times in UTC."),
    "since": ("Seit", "Since"),
    "level_percent": ("Füllstand in %", "Level in %"),
    "days_left": ("Tage bis leer", "Days left"),
    "rule": ("Regel", "Rule"),
    "skip": ("Zum Inhalt", "Skip to content"),
    "language": ("Sprache", "Language"),
    "systems": ("Systeme", "Systems"),
    "readings": ("Zählerstände", "Meter readings"),
    "orders": ("Bestellungen", "Orders"),
    "notifications": ("Servicemeldungen", "Service notifications"),
    "agents": ("Agenten", "Agents"),
    "sign_in": ("Anmelden", "Sign in"),
    "sign_out": ("Abmelden", "Sign out"),
    "password": ("Kennwort des Key Users", "Key user's password"),
    "password_hint": (
        "Es steht in der Datei key-user-password im Datenordner des Portals.",
        "It stands in the file key-user-password in the portal's data folder.",
    ),
    "wrong_password": ("Das Kennwort ist falsch.", "The password is wrong."),
    "too_many": ("Zu viele Versuche. Bitte warten Sie eine Minute.", "Too many tries. Please wait a minute."),
    "foreign_form": (
        "Das Formular ist abgelaufen oder kommt von einer anderen Seite. Bitte noch einmal versuchen.",
        "The form has expired or comes from another site. Please try again.",
    ),
    "not_found": ("Hier ist nichts.", "There is nothing here."),
    "error": ("Das ging nicht", "That did not work"),
    "back": ("Zurück", "Back"),
    "search": ("Suchen", "Search"),
    "search_hint": (
        "Nummer, Modell, Serialnummer oder Technische Identnummer",
        "Number, model, serial number or technical identification number",
    ),
    "equipment_number": ("Equipment", "Equipment"),
    "description": ("Bezeichnung", "Description"),
    "manufacturer": ("Hersteller", "Manufacturer"),
    "model": ("Modell", "Model"),
    "serial": ("Herstellerserialnummer", "Manufacturer's serial number"),
    "tidnr": ("Technische Identnummer", "Technical identification number"),
    "material": ("Material", "Material"),
    "location": ("Standort", "Location"),
    "contract": ("Vertrag", "Contract"),
    "contract_none": ("kein aktiver Vertrag", "no active contract"),
    "third_party": ("Fremdsystem", "Third party"),
    "automatic": ("automatische Belieferung", "automatic supply"),
    "decommissioned": ("außer Betrieb", "out of service"),
    "active": ("in Betrieb", "in service"),
    "state": ("Status", "Status"),
    "due": ("Zählerstand fällig am", "Reading due on"),
    "last_total": ("Letzter Gesamtstand", "Last total"),
    "points": ("Messpunkte", "Measuring points"),
    "point": ("Messpunkt", "Measuring point"),
    "meter": ("Merkmal", "Characteristic"),
    "mandatory": ("Pflicht", "Mandatory"),
    "yes": ("ja", "yes"),
    "no": ("nein", "no"),
    "annual": ("Jahresleistung", "Annual estimate"),
    "last_reading": ("Letzter Stand", "Last reading"),
    "read_at": ("Abgelesen", "Read"),
    "booked_at": ("Gebucht", "Booked"),
    "estimated": ("geschätzt", "estimated"),
    "document": ("Messbeleg", "Measurement document"),
    "value": ("Stand", "Value"),
    "by": ("Von", "By"),
    "by_sap": ("SAP", "SAP"),
    "findings": ("Hinweise", "Notices"),
    "deviation": ("auffällige Abweichung", "clear deviation"),
    "counter-overflow": ("Zählerüberlauf", "counter overflow"),
    "estimate-replaced": ("Schätzung ersetzt", "estimate replaced"),
    "counter-replaced": ("Zähler getauscht", "counter replaced"),
    "booked": ("gebucht", "booked"),
    "reversed": ("storniert", "reversed"),
    "reverse": ("Stornieren", "Reverse"),
    "reverse_sure": ("Ja, diesen Messbeleg stornieren", "Yes, reverse this measurement document"),
    "reversed_done": ("Der Messbeleg ist storniert.", "The measurement document is reversed."),
    "all_of": ("Alle anzeigen", "Show all"),
    "older": ("Ältere", "Older"),
    "next": ("Weiter", "Next"),
    "capture": ("Zählerstand melden", "Report a meter reading"),
    "capture_hint": (
        "Ein Stand darf so groß wie der letzte sein oder größer. Ohne Zeitpunkt gilt er für jetzt.",
        "A value may be equal to the last one or greater. Without a time it is for now.",
    ),
    "replaced": ("Der Zähler wurde getauscht", "The counter was replaced"),
    "acknowledge": ("Eine auffällige Abweichung ist richtig", "A clear deviation is right"),
    "captured": ("Der Zählerstand ist gebucht.", "The reading is booked."),
    "by_key_user": ("Key User", "Key user"),
    "nothing": ("Noch nichts.", "Nothing yet."),
    "bom": ("Stückliste", "Bill of material"),
    "position": ("Position", "Position"),
    "kind": ("Art", "Kind"),
    "colorant": ("Farbe", "Colour"),
    "yield": ("Reichweite", "Yield"),
    "orderable": ("Bestellbar", "Orderable"),
    "most": ("Höchstens", "At most"),
    "open_order": ("Offene Bestellung", "Open order"),
    "order": ("Bestellung", "Order"),
    "ordered_at": ("Bestellt", "Ordered"),
    "items": ("Positionen", "Items"),
    "quantity": ("Menge", "Quantity"),
    "delivered_quantity": ("Geliefert", "Delivered"),
    "tracking": ("Sendungsnummer", "Tracking number"),
    "reference": ("Kundenreferenz", "Customer reference"),
    "reason": ("Auslöser", "Trigger"),
    "history": ("Verlauf", "History"),
    "move": ("Status ändern", "Change status"),
    "move_hint": (
        "Wie es das Lager täte. Geliefert, storniert und abgelehnt sind endgültig.",
        "As the warehouse would. Delivered, cancelled and rejected are final.",
    ),
    "moved": ("Der Status ist geändert.", "The status is changed."),
    "received": ("eingegangen", "received"),
    "in_process": ("in Bearbeitung", "in process"),
    "partially_delivered": ("teilweise geliefert", "partially delivered"),
    "delivered": ("geliefert", "delivered"),
    "cancelled": ("storniert", "cancelled"),
    "rejected": ("abgelehnt", "rejected"),
    "open": ("offen", "open"),
    "completed": ("abgeschlossen", "completed"),
    "notification": ("Servicemeldung", "Service notification"),
    "cause": ("Ursache", "Cause"),
    "text": ("Text", "Text"),
    "priority": ("Priorität", "Priority"),
    "low": ("niedrig", "low"),
    "normal": ("normal", "normal"),
    "high": ("hoch", "high"),
    "created": ("Angelegt", "Created"),
    "name": ("Name", "Name"),
    "areas": ("Freigeschaltete Bereiche", "Unlocked areas"),
    "equipment_access": ("Systeme des Agenten", "The agent's systems"),
    "access_all": ("alle Systeme des Kunden", "all systems of the customer"),
    "access_listed": ("nur die angekreuzten", "only those ticked"),
    "seen": ("Zuletzt angemeldet", "Last signed in"),
    "version": ("Programm", "Program"),
    "never": ("noch nie", "never"),
    "keys": ("Schlüssel", "Keys"),
    "no_keys": (
        "Kein Schlüssel: dieser Agent meldet sich mit einem Kennwort (client secret) an.",
        "No key: this agent signs in with a client secret.",
    ),
    "key": ("Schlüssel", "Key"),
    "valid": ("gültig", "valid"),
    "valid_until": ("gültig bis", "valid until"),
    "revoked": ("gesperrt", "revoked"),
    "revoke_key": ("Schlüssel sperren", "Revoke key"),
    "revoke": ("Agenten sperren", "Revoke agent"),
    "revoke_sure": ("Ja, endgültig sperren", "Yes, revoke for good"),
    "revoke_hint": (
        "Er kommt danach nicht mehr ins Portal. Was er gebucht hat, bleibt.",
        "It cannot enter the portal again. What it has booked stays.",
    ),
    "save": ("Speichern", "Save"),
    "saved": ("Gespeichert.", "Saved."),
    "codes": ("Anmeldecodes", "Enrolment codes"),
    "new_code": ("Anmeldecode für einen neuen Agenten", "Enrolment code for a new agent"),
    "new_code_hint": (
        "Der Code gilt einmal und 24 Stunden. Mit ihm meldet ein Agent den öffentlichen Teil seines Schlüssels an.",
        "The code is good once and for 24 hours. With it an agent registers the public part of its key.",
    ),
    "make_code": ("Code erzeugen", "Make a code"),
    "code_made": (
        "Der Anmeldecode steht nur dieses eine Mal hier:",
        "The enrolment code is shown this one time only:",
    ),
    "expires": ("Läuft ab", "Expires"),
    "code_unused": ("noch nicht benutzt", "not used yet"),
    "code_used": ("benutzt", "used"),
    "code_expired": ("abgelaufen", "expired"),
    "code_cancelled": ("zurückgezogen", "withdrawn"),
    "cancel_code": ("Zurückziehen", "Withdraw"),
    "rename": ("Referenznummer aktualisieren", "Update the technical identification number"),
    "changed_meanwhile": (
        "Das System wurde inzwischen geändert. Bitte noch einmal ansehen.",
        "The system was changed meanwhile. Please look again.",
    ),
}

# What an office person calls the characteristics, kinds and colours that SAP and the interface name by a code.
METERS: dict[str, tuple[str, str]] = {
    "total": ("Gesamt", "Total"),
    "black": ("Schwarzweiß", "Black and white"),
    "color": ("Farbe", "Color"),
    "single_color": ("Einzelfarbe", "Single color"),
    "two_color": ("Zwei Farben", "Two colors"),
    "large_total": ("Großformat gesamt", "Large total"),
    "large_black": ("Großformat Schwarzweiß", "Large black and white"),
    "large_color": ("Großformat Farbe", "Large color"),
    "copy_total": ("Kopien gesamt", "Copies total"),
    "copy_black": ("Kopien Schwarzweiß", "Copies black and white"),
    "copy_color": ("Kopien Farbe", "Copies color"),
    "print_total": ("Drucke gesamt", "Prints total"),
    "print_black": ("Drucke Schwarzweiß", "Prints black and white"),
    "print_color": ("Drucke Farbe", "Prints color"),
    "duplex": ("Beidseitig", "Duplex"),
    "scan": ("Scans", "Scans"),
    "fax": ("Faxe", "Faxes"),
}
SUPPLIES: dict[str, tuple[str, str]] = {
    "toner": ("Toner", "Toner"),
    "drum": ("Trommel", "Drum"),
    "developer": ("Entwickler", "Developer"),
    "waste_toner": ("Resttonerbehälter", "Waste toner box"),
    "staples": ("Heftklammern", "Staples"),
    "fuser": ("Fixiereinheit", "Fuser"),
    "transfer": ("Transfereinheit", "Transfer unit"),
    "ink": ("Tinte", "Ink"),
    "other": ("Sonstiges", "Other"),
    "black": ("Schwarz", "Black"),
    "cyan": ("Cyan", "Cyan"),
    "magenta": ("Magenta", "Magenta"),
    "yellow": ("Gelb", "Yellow"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """The texts in one language, "de" or "en"."""

    language: str

    def __call__(self, key: str) -> str:
        """The text; raises `KeyError` for one that nobody wrote."""
        return TEXTS[key][0 if self.language == "de" else 1]

    def known(self, code: str) -> str:
        """The text of a code from data, or the code itself."""
        return self(code) if code in TEXTS else code

    def meter(self, code: str) -> str:
        """The name of a counter with its characteristic behind it, which the interface uses: "Gesamt (total)"."""
        names = METERS.get(code)
        return f"{names[0 if self.language == 'de' else 1]} ({code})" if names else code

    def supply(self, code: str) -> str:
        """The name of a kind or a colour of supplies."""
        return SUPPLIES.get(code, (code, code))[0 if self.language == "de" else 1]

    def part(self, text: str) -> str:
        """This language's part of a text that has both ("German / English"); any other text as it is."""
        german, both, english = text.partition(" / ")
        return english if both and self.language != "de" else german

    def number(self, value: int | None) -> str:
        """A whole number with its thousands apart; nothing for none."""
        if value is None:
            return ""
        return f"{value:,}".replace(",", "." if self.language == "de" else ",")

    def moment(self, stamp: str | None) -> str:
        """A moment of the database, in UTC as the foot of every page says; nothing for none."""
        if not stamp:
            return ""
        day, _, time = stamp.rstrip("Z").partition("T")
        return f"{self.day(day)} {time[:5]}"

    def day(self, text: str | None) -> str:
        """A day."""
        if not text or self.language != "de":
            return text or ""
        year, month, day = text.split("-")
        return f"{day}.{month}.{year}"


def chosen(query: str | None, cookie: str | None, accepted: str) -> Words:
    """The language: asked for now, asked for before, or the browser's first that we have; else English."""
    for wanted in (query, cookie):
        if wanted in LANGUAGES:
            return Words(wanted)
    for part in accepted.split(","):
        language = part.partition(";")[0].strip().lower()[:2]
        if language in LANGUAGES:
            return Words(language)
    return Words("en")
