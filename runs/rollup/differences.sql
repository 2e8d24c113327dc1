-- Question    Which sums of the schema rollup differ from the runs?
-- Grain       one row per table and key that differs
-- Columns     table, key, stored, counted
-- Parameters  limit
WITH by_run AS (
    SELECT
        (r.event_at AT TIME ZONE 'UTC')::date AS day, p.client_id, p.platform, p.environment, p.is_active, r.status,
        r.event_at, r.duration_seconds, r.rows_processed
    FROM runs AS r
    JOIN pipelines AS p ON p.id = r.pipeline_id
),
counted AS (
    SELECT
        'days' AS kind, jsonb_build_array(day, client_id, platform, environment, is_active) AS key,
        jsonb_build_array(
            count(*) FILTER (WHERE status = 'running'), count(*) FILTER (WHERE status = 'success'),
            count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'canceled'),
            count(*) FILTER (WHERE status = 'skipped'), count(rows_processed),
            coalesce(sum(rows_processed::numeric), 0), coalesce(sum(rows_processed::numeric * rows_processed), 0)
        ) AS value
    FROM by_run
    GROUP BY day, client_id, platform, environment, is_active
    UNION ALL
    SELECT
        'months', jsonb_build_array(date_trunc('month', day)::date, client_id, platform, environment, is_active),
        jsonb_build_array(
            count(*) FILTER (WHERE status = 'running'), count(*) FILTER (WHERE status = 'success'),
            count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'canceled'),
            count(*) FILTER (WHERE status = 'skipped'), count(rows_processed),
            coalesce(sum(rows_processed::numeric), 0), coalesce(sum(rows_processed::numeric * rows_processed), 0)
        )
    FROM by_run
    GROUP BY date_trunc('month', day)::date, client_id, platform, environment, is_active
    UNION ALL
    SELECT 'failed_hours', jsonb_build_array(date_bin('1 hour', event_at, '2001-01-01T00:00:00Z')), jsonb_build_array(count(*))
    FROM by_run
    WHERE status = 'failed'
    GROUP BY date_bin('1 hour', event_at, '2001-01-01T00:00:00Z')
    UNION ALL
    SELECT 'duration_minutes', jsonb_build_array(day, duration_seconds / 60), jsonb_build_array(count(*))
    FROM by_run
    WHERE duration_seconds IS NOT NULL
    GROUP BY day, duration_seconds / 60
),
stored AS (
    SELECT
        'days' AS kind, jsonb_build_array(day, client_id, platform, environment, pipeline_is_active) AS key,
        jsonb_build_array(
            sum(running), sum(success), sum(failed), sum(canceled), sum(skipped), sum(rows_known), sum(rows_total),
            sum(rows_squares)
        ) AS value
    FROM rollup.days
    GROUP BY day, client_id, platform, environment, pipeline_is_active
    UNION ALL
    SELECT
        'months', jsonb_build_array(month, client_id, platform, environment, pipeline_is_active),
        jsonb_build_array(
            sum(running), sum(success), sum(failed), sum(canceled), sum(skipped), sum(rows_known), sum(rows_total),
            sum(rows_squares)
        )
    FROM rollup.months
    GROUP BY month, client_id, platform, environment, pipeline_is_active
    UNION ALL
    SELECT 'failed_hours', jsonb_build_array(hour), jsonb_build_array(sum(failed)) FROM rollup.failed_hours GROUP BY hour
    UNION ALL
    SELECT 'duration_minutes', jsonb_build_array(day, minutes), jsonb_build_array(sum(runs))
    FROM rollup.duration_minutes
    GROUP BY day, minutes
)
SELECT kind, key::text, coalesce(stored.value, 'null')::text, coalesce(counted.value, 'null')::text
FROM counted
FULL JOIN stored USING (kind, key)
-- Parts that add up to 0 are the same as no parts.
WHERE coalesce(counted.value, '[0]') <> coalesce(stored.value, '[0]')
    AND NOT (counted.value IS NULL AND stored.value IN ('[0, 0, 0, 0, 0, 0, 0, 0]', '[0]'))
ORDER BY kind, key::text
LIMIT %(limit)s
