-- Whether the next complete walk of a pipeline's (p) source is overdue.
p.ingest_due_at < %(as_of)s::timestamptz
