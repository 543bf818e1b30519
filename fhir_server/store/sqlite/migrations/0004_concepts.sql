-- The concept store: code systems too large for memory. `state` is 0 while it is loaded, 1 published, 2 leaving.
CREATE TABLE code_system (
  s INTEGER PRIMARY KEY,
  url TEXT NOT NULL,
  version TEXT NOT NULL,
  state INTEGER NOT NULL,
  concepts INTEGER NOT NULL,
  time INTEGER NOT NULL,
  head TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX code_system_published ON code_system (url, version) WHERE state = 1;

-- `c` is s * 2^32 plus the number of the concept in the order of its load, so the rows of a system are neighbours in each
-- table. `flags`: 1 inactive, 2 abstract.
CREATE TABLE concept (
  c INTEGER PRIMARY KEY,
  s INTEGER NOT NULL,
  fold TEXT NOT NULL,
  code TEXT NOT NULL,
  flags INTEGER NOT NULL,
  display TEXT,
  definition TEXT
) STRICT;
CREATE UNIQUE INDEX concept_code ON concept (s, fold, code);
CREATE TABLE concept_designation (
  c INTEGER NOT NULL,
  n INTEGER NOT NULL,
  language TEXT,
  use TEXT,
  value TEXT NOT NULL,
  PRIMARY KEY (c, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE concept_property_name (p INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE concept_property (
  s INTEGER NOT NULL,
  p INTEGER NOT NULL,
  value TEXT NOT NULL,
  c INTEGER NOT NULL,
  kind TEXT NOT NULL,
  PRIMARY KEY (s, p, value, c)
) STRICT, WITHOUT ROWID;
CREATE INDEX concept_property_of ON concept_property (c, p);

-- The hierarchy: its edges, and every pair of a concept and one above it, each concept above itself included.
CREATE TABLE concept_parent (c INTEGER NOT NULL, parent INTEGER NOT NULL, PRIMARY KEY (c, parent)) STRICT, WITHOUT ROWID;
CREATE INDEX concept_child ON concept_parent (parent, c);
CREATE TABLE concept_below (above INTEGER NOT NULL, c INTEGER NOT NULL, PRIMARY KEY (above, c)) STRICT, WITHOUT ROWID;

-- The words of all names and of the code, rowid = c.
CREATE VIRTUAL TABLE concept_text USING fts5 (
  words, content = '', contentless_delete = 1, tokenize = 'ascii', detail = 'none', prefix = '2 3'
);

INSERT INTO meta VALUES ('concepts', 0);
