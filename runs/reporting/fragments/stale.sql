-- Whether the next complete walk of the source of a pipeline (p) is overdue.
p.ingest_due_at < %(as_of)s::timestamptz
