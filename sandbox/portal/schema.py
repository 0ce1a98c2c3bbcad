"""The tables of the portal's database, and what a database of an older portal lacks of them."""

from __future__ import annotations

import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS equipments (
  equipment_number TEXT PRIMARY KEY, content TEXT NOT NULL, version INTEGER NOT NULL,
  modified_at TEXT NOT NULL DEFAULT '2020-01-01T00:00:00Z');
CREATE TABLE IF NOT EXISTS points (
  measuring_point TEXT PRIMARY KEY, equipment_number TEXT NOT NULL, meter_code TEXT NOT NULL, content TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS points_by_equipment ON points (equipment_number);
CREATE TABLE IF NOT EXISTS documents (
  number INTEGER PRIMARY KEY AUTOINCREMENT, measuring_point TEXT NOT NULL, equipment_number TEXT NOT NULL,
  meter_code TEXT NOT NULL, value INTEGER NOT NULL, read_at TEXT NOT NULL, booked_at TEXT NOT NULL,
  estimated INTEGER NOT NULL, reversed INTEGER NOT NULL DEFAULT 0, client_reference TEXT,
  agent_id TEXT, findings TEXT NOT NULL DEFAULT '[]', reversed_at TEXT, reversal_reason TEXT);
CREATE INDEX IF NOT EXISTS documents_by_point ON documents (measuring_point, read_at);
CREATE INDEX IF NOT EXISTS documents_by_reference ON documents (client_reference);
CREATE TABLE IF NOT EXISTS submissions (
  agent_id TEXT NOT NULL, client_reference TEXT NOT NULL, digest TEXT NOT NULL, result TEXT NOT NULL,
  content TEXT NOT NULL DEFAULT '{}', PRIMARY KEY (agent_id, client_reference));
CREATE TABLE IF NOT EXISTS bom_items (
  equipment_number TEXT NOT NULL, bom_item_number TEXT NOT NULL, material TEXT NOT NULL, content TEXT NOT NULL,
  PRIMARY KEY (equipment_number, bom_item_number));
CREATE TABLE IF NOT EXISTS orders (
  number INTEGER PRIMARY KEY AUTOINCREMENT, agent_id TEXT NOT NULL, client_reference TEXT NOT NULL UNIQUE,
  equipment_number TEXT NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL, status TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS open_materials (
  equipment_number TEXT NOT NULL, material TEXT NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (equipment_number, material));
CREATE TABLE IF NOT EXISTS idempotency_keys (
  agent_id TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, number INTEGER NOT NULL,
  created_at TEXT NOT NULL DEFAULT '2020-01-01T00:00:00Z', PRIMARY KEY (agent_id, key));
CREATE TABLE IF NOT EXISTS notifications (
  number INTEGER PRIMARY KEY AUTOINCREMENT, agent_id TEXT NOT NULL, client_reference TEXT NOT NULL,
  equipment_number TEXT NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL, created_at TEXT NOT NULL,
  cause TEXT NOT NULL DEFAULT 'unknown', status TEXT NOT NULL DEFAULT 'open', completed_at TEXT,
  UNIQUE (agent_id, client_reference));
CREATE TABLE IF NOT EXISTS open_causes (
  equipment_number TEXT NOT NULL, cause TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (equipment_number, cause));
CREATE TABLE IF NOT EXISTS scopes (agent_id TEXT NOT NULL, scope TEXT NOT NULL, PRIMARY KEY (agent_id, scope));
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS agents (
  agent_id TEXT PRIMARY KEY, customer_number TEXT NOT NULL, name TEXT NOT NULL,
  equipment_access TEXT NOT NULL DEFAULT 'all' CHECK (equipment_access IN ('all', 'listed')),
  created_at TEXT NOT NULL, revoked_at TEXT, seen_at TEXT, user_agent TEXT);
CREATE TABLE IF NOT EXISTS assignments (
  agent_id TEXT NOT NULL, equipment_number TEXT NOT NULL, PRIMARY KEY (agent_id, equipment_number));
CREATE TABLE IF NOT EXISTS agent_keys (
  agent_id TEXT NOT NULL, kid TEXT NOT NULL, jwk TEXT NOT NULL, created_at TEXT NOT NULL, valid_until TEXT,
  revoked_at TEXT, PRIMARY KEY (agent_id, kid));
CREATE TABLE IF NOT EXISTS used_assertions (
  issuer TEXT NOT NULL, jti TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (issuer, jti));
CREATE TABLE IF NOT EXISTS enrolment_codes (
  number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, customer_number TEXT NOT NULL,
  name TEXT NOT NULL, scopes TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL,
  cancelled_at TEXT, used_at TEXT, agent_id TEXT, kid TEXT);
"""
ADDED_COLUMNS = (
    ("equipments", "modified_at", "TEXT NOT NULL DEFAULT '2020-01-01T00:00:00Z'"),
    ("submissions", "content", "TEXT NOT NULL DEFAULT '{}'"),
    ("documents", "agent_id", "TEXT"),
    ("documents", "findings", "TEXT NOT NULL DEFAULT '[]'"),
    ("documents", "reversed_at", "TEXT"),
    ("documents", "reversal_reason", "TEXT"),
    ("idempotency_keys", "created_at", "TEXT NOT NULL DEFAULT '2020-01-01T00:00:00Z'"),
    ("notifications", "cause", "TEXT NOT NULL DEFAULT 'unknown'"),
    ("notifications", "status", "TEXT NOT NULL DEFAULT 'open'"),
    ("notifications", "completed_at", "TEXT"),
)
CLOSED = ("delivered", "cancelled", "rejected")
OPEN_MATERIALS = """
INSERT OR IGNORE INTO open_materials
SELECT o.equipment_number, json_extract(i.value, '$.component_material_number'), o.number
FROM orders o, json_each(o.content, '$.items') i WHERE o.status NOT IN (?, ?, ?)"""
OPEN_CAUSES = """
INSERT OR IGNORE INTO open_causes
SELECT equipment_number, cause, number FROM notifications WHERE status != 'completed' ORDER BY number"""
CUSTOMER = """
INSERT OR IGNORE INTO facts
SELECT 'customer_number', json_extract(content, '$.customer_number') FROM equipments
ORDER BY equipment_number LIMIT 1"""


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Makes all tables, and adds what a database of an older portal lacks; changes nothing in a newer one."""
    db.executescript(SCHEMA)
    for table, column, kind in ADDED_COLUMNS:
        if not any(row["name"] == column for row in db.execute(f"PRAGMA table_info({table})")):
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    db.execute(OPEN_MATERIALS, CLOSED)
    db.execute(OPEN_CAUSES)
    db.execute(CUSTOMER)
