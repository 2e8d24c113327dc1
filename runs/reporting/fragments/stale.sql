-- Whether a pipeline (p) is stale: CHM has not walked it completely for three intervals of its connection.
p.ingest_due_at < %(as_of)s::timestamptz
