-- The layout, table by table with a worked example: docs/store.md.

-- Small facts about the file: schema, index_format, secret, swept_to.
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Dictionaries: what is repeated is stored once and referred to by number.
CREATE TABLE type (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE param (
  p INTEGER PRIMARY KEY,
  type INTEGER NOT NULL,
  name TEXT NOT NULL,
  by_patient INTEGER NOT NULL,
  UNIQUE (type, name)
) STRICT;
CREATE TABLE token (
  t INTEGER PRIMARY KEY,
  fold TEXT NOT NULL,
  system TEXT NOT NULL,
  code TEXT NOT NULL,
  UNIQUE (fold, system, code)
) STRICT;
CREATE INDEX token_system ON token (system);

-- Versions. `v` is handed out in commit order: it is the birth position of the version and of its index rows.
-- A resource without `current` is only the target of references so far.
CREATE TABLE resource (
  rid INTEGER PRIMARY KEY,
  type INTEGER NOT NULL,
  id TEXT NOT NULL,
  current INTEGER,
  UNIQUE (type, id)
) STRICT;
CREATE TABLE version (
  v INTEGER PRIMARY KEY,
  rid INTEGER NOT NULL,
  type INTEGER NOT NULL,
  number INTEGER NOT NULL,
  position INTEGER NOT NULL,
  time INTEGER NOT NULL,
  method INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  author_id INTEGER NOT NULL,
  UNIQUE (rid, number)
) STRICT;
CREATE INDEX version_of_type ON version (type, v);
-- Every version has a body, a tombstone an empty one. `id` is that of its resource once more, so that a page needs one look
-- less for each match; `patients` are the ids of its Patient compartments, one blank apart.
CREATE TABLE body (v INTEGER PRIMARY KEY, id TEXT NOT NULL, patients TEXT NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE chunk (
  c INTEGER PRIMARY KEY,
  v INTEGER NOT NULL,
  n INTEGER NOT NULL,
  data BLOB NOT NULL,
  UNIQUE (v, n)
) STRICT;

-- Who a version belongs to and how it is labelled: every version, tombstones too, for ever.
CREATE TABLE owner (v INTEGER NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (v, rid)) STRICT, WITHOUT ROWID;
CREATE INDEX owner_of ON owner (rid, v);
CREATE TABLE label (v INTEGER NOT NULL, t INTEGER NOT NULL, PRIMARY KEY (v, t)) STRICT, WITHOUT ROWID;
CREATE INDEX label_of ON label (t, v);

-- Search. Index rows belong to a version, are inserted once, never updated, and leave with the sweep.
CREATE TABLE idx_type (type INTEGER NOT NULL, v INTEGER NOT NULL, PRIMARY KEY (type, v)) STRICT, WITHOUT ROWID;
CREATE TABLE idx_token (
  p INTEGER NOT NULL,
  t INTEGER NOT NULL,
  v INTEGER NOT NULL,
  g INTEGER NOT NULL,
  PRIMARY KEY (p, t, v, g)
) STRICT, WITHOUT ROWID;
CREATE TABLE idx_string (
  p INTEGER NOT NULL,
  norm TEXT NOT NULL,
  exact TEXT NOT NULL,
  v INTEGER NOT NULL,
  g INTEGER NOT NULL,
  PRIMARY KEY (p, norm, exact, v, g)
) STRICT, WITHOUT ROWID;
CREATE TABLE idx_reference (
  p INTEGER NOT NULL,
  rid INTEGER NOT NULL,
  v INTEGER NOT NULL,
  version INTEGER NOT NULL,
  g INTEGER NOT NULL,
  PRIMARY KEY (p, rid, v, version, g)
) STRICT, WITHOUT ROWID;
CREATE TABLE idx_uri (
  p INTEGER NOT NULL,
  uri TEXT NOT NULL,
  version TEXT NOT NULL,
  v INTEGER NOT NULL,
  g INTEGER NOT NULL,
  PRIMARY KEY (p, uri, version, v, g)
) STRICT, WITHOUT ROWID;
CREATE TABLE idx_date (
  p INTEGER NOT NULL,
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  v INTEGER NOT NULL,
  g INTEGER NOT NULL,
  PRIMARY KEY (p, low, high, v, g)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_date_high ON idx_date (p, high);
CREATE TABLE idx_number (
  p INTEGER NOT NULL,
  low BLOB NOT NULL,
  high BLOB NOT NULL,
  v INTEGER NOT NULL,
  g INTEGER NOT NULL,
  PRIMARY KEY (p, low, high, v, g)
) STRICT, WITHOUT ROWID;
CREATE TABLE idx_quantity (
  p INTEGER NOT NULL,
  low BLOB NOT NULL,
  high BLOB NOT NULL,
  t INTEGER NOT NULL,
  v INTEGER NOT NULL,
  g INTEGER NOT NULL,
  PRIMARY KEY (p, low, high, t, v, g)
) STRICT, WITHOUT ROWID;
CREATE TABLE idx_position (
  p INTEGER NOT NULL,
  lat INTEGER NOT NULL,
  lon INTEGER NOT NULL,
  v INTEGER NOT NULL,
  g INTEGER NOT NULL,
  PRIMARY KEY (p, lat, lon, v, g)
) STRICT, WITHOUT ROWID;

-- Coded tokens once more within the compartment of each patient.
CREATE TABLE idx_owned (
  rid INTEGER NOT NULL,
  p INTEGER NOT NULL,
  t INTEGER NOT NULL,
  v INTEGER NOT NULL,
  PRIMARY KEY (rid, p, t, v)
) STRICT, WITHOUT ROWID;
-- Full text of a version, rowid = v: words that are folded already, a blank apart.
CREATE VIRTUAL TABLE idx_text USING fts5 (
  narrative, content, content = '', contentless_delete = 1, tokenize = 'ascii'
);

-- A version superseded or deleted at position `died` whose index rows are not swept yet.
CREATE TABLE dead (v INTEGER PRIMARY KEY, died INTEGER NOT NULL, time INTEGER NOT NULL) STRICT;
CREATE INDEX dead_by_position ON dead (died, time);
-- A version's own index rows once more, as JSON {"<p>": [["<table letter>", ...], ...]} in SQLite's binary form.
CREATE TABLE footprint (v INTEGER PRIMARY KEY, rows BLOB NOT NULL) STRICT;

CREATE TABLE type_count (type INTEGER PRIMARY KEY, live INTEGER NOT NULL) STRICT;

-- Records: declared small tables.
CREATE TABLE record (
  tbl TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  revision INTEGER NOT NULL,
  expires INTEGER,
  PRIMARY KEY (tbl, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;
CREATE TABLE record_field (
  tbl TEXT NOT NULL,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (tbl, field, value, key)
) STRICT, WITHOUT ROWID;

-- The audit chain: hash = SHA-256(previous hash, length of row as 8 bytes, row). Append-only.
CREATE TABLE audit (seq INTEGER PRIMARY KEY, row BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TRIGGER audit_has_no_gaps BEFORE INSERT ON audit
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit)
BEGIN SELECT RAISE(ABORT, 'audit rows follow each other'); END;
CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END;
