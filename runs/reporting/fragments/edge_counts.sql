-- Counts of the runs on `partial_days`, the parts of days at both ends of the window (see whole_days). Only runs in the
-- caller's scope are counted. One row for each day, client, platform and environment. The shape that includes this
-- fragment unites these rows with rows of the roll-up, whose counts are integers. So these counts are cast to integer
-- too. Otherwise UNION would make all counts numeric, and adding up numerics is slower.
SELECT
    c.day, p.client_id, p.client_name, p.platform, p.environment, p.is_active, sum(c.running)::integer AS running,
    sum(c.success)::integer AS success, sum(c.failed)::integer AS failed, sum(c.canceled)::integer AS canceled,
    sum(c.skipped)::integer AS skipped, sum(c.rows_known)::integer AS rows_known, sum(c.rows_total) AS rows_total,
    sum(c.rows_squares) AS rows_squares
FROM (
    SELECT
        r.pipeline_id, (r.event_at AT TIME ZONE 'UTC')::date AS day, count(*) FILTER (WHERE r.status = 'running') AS running,
        count(*) FILTER (WHERE r.status = 'success') AS success, count(*) FILTER (WHERE r.status = 'failed') AS failed,
        count(*) FILTER (WHERE r.status = 'canceled') AS canceled,
        count(*) FILTER (WHERE r.status = 'skipped') AS skipped, count(r.rows_processed) AS rows_known,
        coalesce(sum(r.rows_processed::numeric), 0) AS rows_total,
        coalesce(sum(r.rows_processed::numeric * r.rows_processed), 0) AS rows_squares
    FROM partial_days AS part
    JOIN reporting.runs AS r ON r.event_at >= part.begins AND r.event_at < part.ends
    GROUP BY r.pipeline_id, (r.event_at AT TIME ZONE 'UTC')::date
) AS c
JOIN reporting.pipelines AS p USING (pipeline_id)
WHERE {in_scope}
GROUP BY c.day, p.client_id, p.client_name, p.platform, p.environment, p.is_active
