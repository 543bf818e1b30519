-- A patient's coded rows tell by themselves what is asked together with a code: by which reference they are the patient's,
-- and from when to when they were. They stand in the order in which results are read, the newest first; `high` is below
-- every instant where there is none.
ALTER TABLE idx_owned RENAME TO owned_before;
CREATE TABLE idx_owned (
  rid INTEGER NOT NULL,
  p INTEGER NOT NULL,
  t INTEGER NOT NULL,
  high INTEGER NOT NULL,
  v INTEGER NOT NULL,
  low INTEGER,
  via INTEGER NOT NULL,
  PRIMARY KEY (rid, p, t, high DESC, v)
) STRICT, WITHOUT ROWID;

INSERT INTO idx_owned SELECT x.rid, x.p, x.t,
  coalesce((
    SELECT max(e.value ->> 2) FROM param o CROSS JOIN param q ON q.type = o.type AND q.name = 'date'
    CROSS JOIN footprint f CROSS JOIN json_each(f.rows, '$."' || q.p || '"') e
    WHERE o.p = x.p AND f.v = x.v AND e.value ->> 0 = 'd'
  ), -4611686018427387905),
  x.v,
  (
    SELECT min(e.value ->> 1) FROM param o CROSS JOIN param q ON q.type = o.type AND q.name = 'date'
    CROSS JOIN footprint f CROSS JOIN json_each(f.rows, '$."' || q.p || '"') e
    WHERE o.p = x.p AND f.v = x.v AND e.value ->> 0 = 'd'
  ),
  coalesce((
    SELECT q.p FROM param o CROSS JOIN param q ON q.type = o.type
    WHERE o.p = x.p AND q.by_patient AND EXISTS (
      SELECT 1 FROM idx_reference i WHERE i.p = q.p AND i.rid = x.rid AND i.v = x.v
    )
    ORDER BY q.name IN ('subject', 'patient') DESC LIMIT 1
  ), 0)
FROM owned_before x;
DROP TABLE owned_before;
