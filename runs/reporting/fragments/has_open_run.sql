-- Whether a run of a pipeline (p) was open at known_until. There are two conditions instead of the fragment open, so that the
-- first condition can use the index runs_open.
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
