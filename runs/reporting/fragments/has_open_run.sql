-- Whether a run of a pipeline (p) was open at known_until. The fragment `open` has the same meaning. This
-- fragment has two separate conditions, so that PostgreSQL can use the index runs_open for the first one.
(
    EXISTS (
        SELECT FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.status = 'running' AND {started}
    )
    OR %(known_until)s::timestamptz < 'infinity'::timestamptz AND EXISTS (
        SELECT FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.event_at > %(known_until)s::timestamptz AND {started}
    )
)
