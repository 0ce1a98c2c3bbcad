"""The tables as they are at the newest version, for the statements of outbox and memory.

Times are text (UTC, ISO 8601 with microseconds), or microseconds since 1970 where there is a row for every reading;
values of more than one part are JSON text. Both are decoded by the readers, so that a damaged one is a finding about
its row and no exception of the driver. A test compares these tables with what the migrations make.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

# A year of readings waits here, so rows are small: `sealed` is `agent.migrations.sealing`, `reference` the octets of a
# UUID. `slot` is a digest of kind and slot key as long as the envelope holds it, and NULL once it is free: UNIQUE
# ignores NULLs everywhere. `read_at` is in whole seconds. `origins` (JSON by meter code) is NULL where it is that of
# the proof's keyframe; NULL in `receipts` and `reasons` is none of them.
envelopes = Table(
    "envelopes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reference", LargeBinary(16), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("equipment_number", String(64), nullable=False),
    Column("slot", LargeBinary(12), unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("read_at", Integer),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", BigInteger),
    Column("settled_at", BigInteger),
    Column("sealed", LargeBinary, nullable=False),
    Column("receipts", Text),
    Column("reasons", Text),
    Column("origins", Text),
)
Index("envelopes_state", envelopes.c.state)
Index("envelopes_equipment", envelopes.c.equipment_number, envelopes.c.read_at)
# Few rows at any time, whatever waits: written as they must be asked for.
POSTPONED = text("not_before IS NOT NULL")
NO_READING = text("kind <> 'reading'")
# The steps make them so on PostgreSQL too; saying it here as well would load that dialect at every start.
Index("envelopes_postponed", envelopes.c.not_before, sqlite_where=POSTPONED)
Index("envelopes_others", envelopes.c.kind, envelopes.c.created_at, sqlite_where=NO_READING)

# `packed` is what `agent.migrations.packing` makes; with a `keyframe` it is the difference to that envelope's proof.
# `profile` stands here for proofs of before, which do not have it inside.
proofs = Table(
    "proofs",
    metadata,
    Column("envelope", ForeignKey("envelopes.id"), primary_key=True),
    Column("keyframe", ForeignKey("proofs.envelope")),
    Column("profile", Text),
    Column("packed", LargeBinary, nullable=False),
)

# What happened to an envelope after it was stored; that it was stored is a line only where it was held.
history = Table(
    "history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("envelope", ForeignKey("envelopes.id"), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("note", Text),
)

identities = Table(
    "identities",
    metadata,
    Column("equipment_number", String(64), primary_key=True),
    Column("identity", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("at", String(32), nullable=False),
)

# The last cycle's time in every row, and the equipment list of the last cycle that had one, in portions.
equipments = Table(
    "equipments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String(32), nullable=False),
    Column("content", Text, nullable=False),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("equipment_number", String(64), primary_key=True),
    Column("at", String(32), nullable=False),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("steps", Text),
)

# What was seen of a supply slot, whenever it said something new, at least once a day; `at` is microseconds since 1970.
supply_looks = Table(
    "supply_looks",
    metadata,
    Column("equipment_number", String(64), primary_key=True),
    Column("slot", String(64), primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("pages", BigInteger),
    Column("level", String(16), nullable=False),
    Column("percent", Float),
    Column("low", Float),
    Column("high", Float),
    Column("serial_number", String(255)),
    Column("part_number", String(255)),
    sqlite_with_rowid=False,
)

# What follows from the looks (`agent.supplies.slots`, JSON); `seen` is the newest look in short, to see what is new.
supply_slots = Table(
    "supply_slots",
    metadata,
    Column("equipment_number", String(64), primary_key=True),
    Column("slot", String(64), primary_key=True),
    Column("seen", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("wished_since", String(32)),
    sqlite_with_rowid=False,
)

# The counters at the end of days, for forecasts; a day is its number since 0001-01-01 (`date.toordinal`).
page_days = Table(
    "page_days",
    metadata,
    Column("equipment_number", String(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("total", BigInteger),
    Column("color", BigInteger),
    sqlite_with_rowid=False,
)

# The pieces of orders, and what became of them. `open_key` is equipment and material as long as it stands in the way of
# another order, and NULL once it is over: UNIQUE ignores NULLs everywhere.
ordered_items = Table(
    "ordered_items",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reference", String(32), nullable=False, index=True),
    Column("equipment_number", String(64), nullable=False),
    Column("slot", String(64), nullable=False),
    Column("material_number", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("open_key", Text, unique=True),
    Column("ordered_at", String(32), nullable=False),
    Column("status", String(32), nullable=False),
    Column("changed_at", String(32), nullable=False),
    Column("asked_at", String(32)),
)
Index("ordered_items_equipment", ordered_items.c.equipment_number, ordered_items.c.slot)

# What a person said about orders to come: held back, or confirmed once. An empty slot means all of the equipment.
order_instructions = Table(
    "order_instructions",
    metadata,
    Column("equipment_number", String(64), primary_key=True),
    Column("slot", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("at", String(32), nullable=False),
    Column("by", String(255), nullable=False),
    Column("note", Text, nullable=False),
)

# What is known of one cause at one equipment (JSON), when its newest notification was opened and whether it still is.
fault_cases = Table(
    "fault_cases",
    metadata,
    Column("equipment_number", String(64), primary_key=True),
    Column("cause", String(64), primary_key=True),
    Column("opened_at", String(32)),
    Column("is_open", Integer, nullable=False),
    Column("content", Text, nullable=False),
)

# What was saved of a database that was damaged: `kept` is the file as it was, `lost` how many rows by table (JSON).
salvages = Table(
    "salvages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String(32), nullable=False),
    Column("kept", Text, nullable=False),
    Column("saved", Integer, nullable=False),
    Column("lost", Text, nullable=False),
)

# How the printer at an address wants to be asked; `access` names a user or a community's place, never a secret.
manners = Table(
    "manners",
    metadata,
    Column("address", String(64), primary_key=True),
    Column("port", Integer, primary_key=True),
    Column("access", String(64), nullable=False),
    Column("version", String(8), nullable=False),
    Column("ways", Text, nullable=False),
    Column("climbed_at", String(32), nullable=False),
    Column("answered_at", String(32), nullable=False),
    Column("no_bulk", Integer, nullable=False),
    Column("serial_number", String(255)),
    Column("equipment_number", String(64)),
    Column("read_at", String(32)),
    Column("plan", String(64)),
    Column("learned_at", String(32)),
    Column("learned_of", String(64)),
    Column("learned_uptime", BigInteger),
)

# What printers told when they were asked in full, shared by all that told the same; `plan` is a digest of the content.
read_plans = Table(
    "read_plans",
    metadata,
    Column("plan", String(64), primary_key=True),
    Column("content", Text, nullable=False),
)

# Where an interrupted search stands: how many addresses of its scope are done, and who answered (JSON).
searches = Table(
    "searches",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("begun_at", String(32), nullable=False),
    Column("done", Integer, nullable=False),
    Column("heard", Text, nullable=False),
)

# One row, `id` 1: when a search ended last, and the equipment that it was for (JSON).
searched_for = Table(
    "searched_for",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String(32), nullable=False),
    Column("equipments", Text, nullable=False),
)

# Printers that once spoke SNMPv3, and where they were met last.
secured_printers = Table(
    "secured_printers",
    metadata,
    Column("serial_number", String(255), primary_key=True),
    Column("address", String(64), nullable=False),
    Column("port", Integer, nullable=False),
)

# Which printer a person said an equipment is; `mac_addresses` with blanks between them.
confirmations = Table(
    "confirmations",
    metadata,
    Column("equipment_number", String(64), primary_key=True),
    Column("address", String(64), nullable=False),
    Column("port", Integer, nullable=False),
    Column("serial_number", String(255)),
    Column("mac_addresses", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("by", String(255), nullable=False),
)

# The chain of everything that was sealed and decided (`agent.upload.links`); digests are SHA-256. A link outlives the
# row that it is about. `reference` is as in `envelopes`, of a decision its number as text. Both tables refuse UPDATE
# and DELETE.
ledger = Table(
    "ledger",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("reference", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("proof", LargeBinary),
    Column("at", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

# What may have left the house, until the portal has answered: since when, and which agent sent it.
departures = Table(
    "departures",
    metadata,
    Column("reference", LargeBinary(16), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    sqlite_with_rowid=False,
)

# What people decided; `before` and `after` have state, values and offsets as JSON (`agent.decisions`).
decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String(32), nullable=False),
    Column("by", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("equipment_number", String(64), nullable=False),
    Column("reference", String(32)),
    Column("note", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
)
Index("decisions_equipment", decisions.c.equipment_number, decisions.c.id)
