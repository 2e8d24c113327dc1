-- The order of the latest run (r). Written over coalesce(), which the index runs_latest is made of.
coalesce(r.started_at, '-infinity'::timestamptz) DESC, coalesce(r.finished_at, '-infinity'::timestamptz) DESC, r.run_id DESC
