"""The tables as they are at the newest version, for the statements of outbox and memory.

Times are text (UTC, ISO 8601 with microseconds), values of more than one part are JSON text. Both are decoded by the
readers, so that a damaged one is a finding about its row and no exception of the driver. A test compares these
tables with what the migrations make.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# `slot` is the slot key as long as the envelope holds it, and NULL once it is free: UNIQUE ignores NULLs everywhere.
envelopes = Table(
    "envelopes",
    metadata,
    Column("reference", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("equipment_number", String(64), nullable=False),
    Column("slot_key", Text, nullable=False),
    Column("slot", Text),
    Column("created_at", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", String(32)),
    Column("receipts", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("settled_at", String(32)),
    UniqueConstraint("kind", "slot", name="envelopes_slot"),
)
Index("envelopes_due", envelopes.c.state, envelopes.c.created_at)
Index("envelopes_created", envelopes.c.kind, envelopes.c.created_at)

readings = Table(
    "readings",
    metadata,
    Column("reference", ForeignKey("envelopes.reference"), primary_key=True),
    Column("equipment_number", String(64), nullable=False),
    Column("read_at", String(32), nullable=False),
    sqlite_with_rowid=False,
)
Index("readings_newest", readings.c.equipment_number, readings.c.read_at)

reading_values = Table(
    "reading_values",
    metadata,
    Column("reference", ForeignKey("readings.reference"), primary_key=True),
    Column("measuring_point", String(64), primary_key=True),
    Column("meter_code", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
    Column("origin", Text),
    sqlite_with_rowid=False,
)

# `packed` is what `agent.migrations.packing` makes of evidence, identity and endpoint. It keeps its rowid: SQLite would
# give what stands in a key a page of its own from 1 kB on.
proofs = Table(
    "proofs",
    metadata,
    Column("reference", ForeignKey("envelopes.reference"), primary_key=True),
    Column("read_at", String(32), nullable=False),
    Column("profile", Text, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)

history = Table(
    "history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reference", ForeignKey("envelopes.reference"), nullable=False, index=True),
    Column("at", String(32), nullable=False),
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

low_supplies = Table(
    "low_supplies",
    metadata,
    Column("equipment_number", String(64), primary_key=True),
    Column("slot", String(64), primary_key=True),
    Column("since", String(32), nullable=False),
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
# row that it is about. Both tables refuse UPDATE and DELETE.
ledger = Table(
    "ledger",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("reference", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("proof", LargeBinary),
    Column("at", String(32), nullable=False),
    Column("hash", LargeBinary, nullable=False),
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
