-- Who may see what they have written, besides what is of their patients, finds that here however much there is of others.
CREATE INDEX version_by_author ON version (author_id, type, v);
