-- The exact reverse of latest_first.
coalesce(r.started_at, '-infinity'::timestamptz), coalesce(r.finished_at, '-infinity'::timestamptz), r.run_id
