-- Systems that index a CodeSystem resource of this store: `source` is its place, "" for those that were loaded.
ALTER TABLE code_system ADD COLUMN source TEXT NOT NULL DEFAULT '';
DROP INDEX code_system_published;
CREATE UNIQUE INDEX code_system_published ON code_system (url, version) WHERE state = 1 AND source = '';
CREATE UNIQUE INDEX code_system_source ON code_system (source) WHERE state = 1 AND source <> '';
