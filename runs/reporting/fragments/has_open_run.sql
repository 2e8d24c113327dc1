-- Whether a run of a pipeline (p) was open at state_at. The fragment `open` says this about one run. Here
-- the two conditions are separate, so that PostgreSQL can use the index runs_open for the first one.
(
    EXISTS (
        SELECT FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.status = 'running' AND {started}
    )
    OR %(state_at)s::timestamptz < 'infinity'::timestamptz AND EXISTS (
        SELECT FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.event_at > %(state_at)s::timestamptz AND {started}
    )
)
