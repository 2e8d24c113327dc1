-- The order of runs (r), latest first, by the expressions of the index runs_latest.
coalesce(r.started_at, '-infinity'::timestamptz) DESC, coalesce(r.finished_at, '-infinity'::timestamptz) DESC, r.run_id DESC
