-- Whether a run of a pipeline (p) is open. There are two conditions, so that the first one can use the index runs_open.
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
