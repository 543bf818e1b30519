-- What the events of the audit chain are found by: derived from `audit` row by row, some time after it was written and at
-- the latest when it is asked for. Everything in it can be made anew from the chain.
CREATE TABLE audit_event (
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  time INTEGER NOT NULL,
  patient TEXT,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  status INTEGER NOT NULL,
  target TEXT,
  PRIMARY KEY (seq, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_event_time ON audit_event (time, seq, n);
CREATE INDEX audit_event_patient ON audit_event (patient, time, seq, n) WHERE patient IS NOT NULL;
CREATE INDEX audit_event_actor ON audit_event (actor, time, seq, n);
CREATE INDEX audit_event_target ON audit_event (target, time, seq, n) WHERE target IS NOT NULL;
CREATE INDEX audit_event_failed ON audit_event (time, seq, n) WHERE status >= 400;
