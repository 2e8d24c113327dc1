-- Whether a run (r) was open at known_until.
(r.status = 'running' OR %(known_until)s::timestamptz < 'infinity'::timestamptz AND r.event_at > %(known_until)s::timestamptz)
AND {started}
