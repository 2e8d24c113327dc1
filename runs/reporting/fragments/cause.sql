-- The cause of a failed run (failed) of a pipeline (p): its masked error, and whether this error is vague, because it could
-- describe any failure.
(
    SELECT cause.masked, {vague_cause} AS is_vague
    FROM (
        SELECT {masked_error} AS masked
        FROM (SELECT failed.error_message, failed.status_reason) AS r
        OFFSET 0  -- keeps PostgreSQL from merging the subquery, so the text is masked once
    ) AS cause
    OFFSET 0
)
