-- The cause of a failed run (failed) of a pipeline (p): the masked error of the run, and whether this error is vague. A
-- vague error could describe any failure.
(
    SELECT cause.masked, {vague_cause} AS is_vague
    FROM (
        SELECT {masked_error} AS masked
        FROM (SELECT failed.error_message, failed.status_reason) AS r
        OFFSET 0  -- keeps PostgreSQL from merging the subquery, so the text is masked once
    ) AS cause
    OFFSET 0
)
