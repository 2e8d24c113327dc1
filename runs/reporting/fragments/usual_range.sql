-- The range of durations and the range of numbers of rows, of a pipeline's last seven successes before day.begins_at. r
-- is a run of the pipeline. The smallest and the largest value are left out. So an outlier does not widen the range,
-- and a second outlier is noticed too.
LATERAL (
    SELECT
        durations[2] AS shortest, durations[cardinality(durations) - 1] AS longest,
        row_counts[2] AS fewest, row_counts[cardinality(row_counts) - 1] AS most
    FROM (
        SELECT
            array_agg(duration ORDER BY duration) FILTER (WHERE duration IS NOT NULL) AS durations,
            array_agg(row_count ORDER BY row_count) FILTER (WHERE row_count IS NOT NULL) AS row_counts
        FROM (
            SELECT former.duration_seconds::float8 AS duration, former.rows_processed::float8 AS row_count
            FROM reporting.runs AS former
            WHERE former.pipeline_id = r.pipeline_id AND former.status = 'success' AND former.event_at < day.begins_at
            ORDER BY former.event_at DESC, former.run_id DESC
            LIMIT 7
        ) AS last_seven
    ) AS sorted
    OFFSET 0
)
