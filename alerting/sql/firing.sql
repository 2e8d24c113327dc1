-- Question    Which enabled rules hold at as_of?
-- Grain       one row per rule, over active inventory
-- Columns     rule_id
-- Parameters  as_of
--
-- Each pipeline is asked once for its latest run, however many rules watch it; failures_in_window counts in the small
-- index of failures, as far back as its own window goes.
WITH failing AS MATERIALIZED (
    SELECT pipeline_id, client_id FROM reporting.latest_runs WHERE is_active AND latest_status = 'failed'
)
SELECT r.rule_id
FROM reporting.alert_rules AS r
WHERE r.is_enabled
    AND CASE r.rule_type
        WHEN 'on_failure' THEN EXISTS (
            SELECT FROM failing
            WHERE failing.pipeline_id = r.pipeline_id OR (r.pipeline_id IS NULL AND failing.client_id = r.client_id)
        )
        ELSE r.threshold <= (
            SELECT count(*)
            FROM reporting.runs AS failed
            JOIN reporting.pipelines AS p USING (pipeline_id)
            WHERE failed.status = 'failed'
                AND failed.event_at > %(as_of)s::timestamptz - make_interval(mins => r.window_minutes)
                AND failed.event_at <= %(as_of)s
                AND p.is_active
                AND (p.pipeline_id = r.pipeline_id OR (r.pipeline_id IS NULL AND p.client_id = r.client_id))
        )
    END
ORDER BY r.rule_id
