-- Whether a run (r) comes after another one (former) in that order. All do where there is no former.
(coalesce(r.started_at, '-infinity'::timestamptz), coalesce(r.finished_at, '-infinity'::timestamptz), r.run_id) > (coalesce(former.started_at, '-infinity'::timestamptz), coalesce(former.finished_at, '-infinity'::timestamptz), coalesce(former.run_id, '00000000-0000-0000-0000-000000000000'::uuid))
