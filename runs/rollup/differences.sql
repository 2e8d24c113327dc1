-- Question    Which sums of the schema rollup differ from the runs?
-- Grain       one row per table and key that differs
-- Columns     table_name, key, stored, counted
-- Parameters  limit
WITH by_run AS (
    SELECT
        (r.event_at AT TIME ZONE 'UTC')::date AS day, p.client_id, p.platform, p.environment,
        p.is_active AS pipeline_is_active, r.pipeline_id, r.status, r.event_at, r.duration_seconds, r.rows_processed
    FROM runs AS r
    JOIN pipelines AS p ON p.id = r.pipeline_id
),
counted_days AS (
    SELECT
        day, date_trunc('month', day)::date AS month, client_id, platform, environment, pipeline_is_active,
        count(*) FILTER (WHERE status = 'running') AS running, count(*) FILTER (WHERE status = 'success') AS success,
        count(*) FILTER (WHERE status = 'failed') AS failed, count(*) FILTER (WHERE status = 'canceled') AS canceled,
        count(*) FILTER (WHERE status = 'skipped') AS skipped, count(rows_processed) AS rows_known,
        coalesce(sum(rows_processed::numeric), 0) AS rows_total,
        coalesce(sum(rows_processed::numeric * rows_processed), 0) AS rows_squares
    FROM by_run
    GROUP BY day, client_id, platform, environment, pipeline_is_active
),
counted AS (
    SELECT
        'days' AS table_name, jsonb_build_array(day, client_id, platform, environment, pipeline_is_active) AS key,
        jsonb_build_array(
            sum(running), sum(success), sum(failed), sum(canceled), sum(skipped), sum(rows_known), sum(rows_total),
            sum(rows_squares)
        ) AS value
    FROM counted_days
    GROUP BY day, client_id, platform, environment, pipeline_is_active
    UNION ALL
    SELECT
        'months' AS table_name, jsonb_build_array(month, client_id, platform, environment, pipeline_is_active) AS key,
        jsonb_build_array(
            sum(running), sum(success), sum(failed), sum(canceled), sum(skipped), sum(rows_known), sum(rows_total),
            sum(rows_squares)
        ) AS value
    FROM counted_days
    GROUP BY month, client_id, platform, environment, pipeline_is_active
    UNION ALL
    SELECT
        'kind_days' AS table_name, jsonb_build_array(day, platform, environment) AS key,
        jsonb_build_array(
            sum(running), sum(success), sum(failed), sum(canceled), sum(skipped)
        ) AS value
    FROM counted_days
    GROUP BY day, platform, environment
    UNION ALL
    SELECT
        'client_days' AS table_name, jsonb_build_array(day, client_id, pipeline_is_active) AS key,
        jsonb_build_array(
            sum(running), sum(success), sum(failed), sum(canceled), sum(skipped), sum(rows_known), sum(rows_total),
            sum(rows_squares)
        ) AS value
    FROM counted_days
    GROUP BY day, client_id, pipeline_is_active
    UNION ALL
    SELECT 'failed_hours', jsonb_build_array(date_bin('1 hour', event_at, '2001-01-01T00:00:00Z')), jsonb_build_array(count(*))
    FROM by_run
    WHERE status = 'failed'
    GROUP BY date_bin('1 hour', event_at, '2001-01-01T00:00:00Z')
    UNION ALL
    SELECT
        'failed_months', jsonb_build_array(date_trunc('month', day)::date, pipeline_id), jsonb_build_array(count(*))
    FROM by_run
    WHERE status = 'failed'
    GROUP BY date_trunc('month', day)::date, pipeline_id
    UNION ALL
    SELECT 'duration_minutes', jsonb_build_array(day, duration_seconds / 60), jsonb_build_array(count(*))
    FROM by_run
    WHERE duration_seconds IS NOT NULL
    GROUP BY day, duration_seconds / 60
),
-- The sums by client and day: rollup.client_days, plus the parts of rollup.days that are not yet in its totals. The
-- view reporting.daily_client_counts has the same rows, but not the column pipeline_is_active that is needed here.
stored_client_days AS (
    SELECT
        day, client_id, pipeline_is_active, running, success, failed, canceled, skipped, rows_known, rows_total,
        rows_squares
    FROM rollup.client_days
    UNION ALL
    SELECT
        day, client_id, pipeline_is_active, running, success, failed, canceled, skipped, rows_known, rows_total,
        rows_squares
    FROM rollup.days
    WHERE NOT in_totals
),
stored AS (
    SELECT
        'days' AS table_name, jsonb_build_array(day, client_id, platform, environment, pipeline_is_active) AS key,
        jsonb_build_array(
            sum(running), sum(success), sum(failed), sum(canceled), sum(skipped), sum(rows_known), sum(rows_total),
            sum(rows_squares)
        ) AS value
    FROM rollup.days
    GROUP BY day, client_id, platform, environment, pipeline_is_active
    UNION ALL
    SELECT
        'months' AS table_name, jsonb_build_array(month, client_id, platform, environment, pipeline_is_active) AS key,
        jsonb_build_array(
            sum(running), sum(success), sum(failed), sum(canceled), sum(skipped), sum(rows_known), sum(rows_total),
            sum(rows_squares)
        ) AS value
    FROM rollup.months
    GROUP BY month, client_id, platform, environment, pipeline_is_active
    UNION ALL
    SELECT
        'kind_days' AS table_name, jsonb_build_array(day, platform, environment) AS key,
        jsonb_build_array(
            sum(running), sum(success), sum(failed), sum(canceled), sum(skipped)
        ) AS value
    FROM reporting.daily_kind_counts
    GROUP BY day, platform, environment
    UNION ALL
    SELECT
        'client_days' AS table_name, jsonb_build_array(day, client_id, pipeline_is_active) AS key,
        jsonb_build_array(
            sum(running), sum(success), sum(failed), sum(canceled), sum(skipped), sum(rows_known), sum(rows_total),
            sum(rows_squares)
        ) AS value
    FROM stored_client_days
    GROUP BY day, client_id, pipeline_is_active
    UNION ALL
    SELECT 'failed_hours', jsonb_build_array(hour), jsonb_build_array(sum(failed)) FROM rollup.failed_hours GROUP BY hour
    UNION ALL
    SELECT 'failed_months', jsonb_build_array(month, pipeline_id), jsonb_build_array(sum(failed))
    FROM rollup.failed_months
    GROUP BY month, pipeline_id
    UNION ALL
    SELECT 'duration_minutes', jsonb_build_array(day, minutes), jsonb_build_array(sum(runs))
    FROM rollup.duration_minutes
    GROUP BY day, minutes
)
SELECT table_name, key::text, coalesce(stored.value, 'null')::text, coalesce(counted.value, 'null')::text
FROM counted
FULL JOIN stored USING (table_name, key)
-- If the parts of a key add up to 0, the key need not exist in the counts.
WHERE coalesce(counted.value, '[0]') <> coalesce(stored.value, '[0]')
    AND NOT (
        counted.value IS NULL AND stored.value IN ('[0, 0, 0, 0, 0, 0, 0, 0]', '[0, 0, 0, 0, 0]', '[0]')
    )
ORDER BY table_name, key::text
LIMIT %(limit)s
