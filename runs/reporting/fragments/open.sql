-- Whether a run (r) was open at state_at.
(r.status = 'running' OR %(state_at)s::timestamptz < 'infinity'::timestamptz AND r.event_at > %(state_at)s::timestamptz)
AND {started}
